"""The plugins of keystoneauth1, each of which signs in to IAM, Keystone's API, in its own way.

keystoneauth1 is imported in functions: it costs a tenth of a second, and a run with a token or an access key needs none
of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PASSWORD = "v3password"
TOKEN = "v3token"
MULTI_FACTOR = "v3multifactor"

_USER = ("username", "user_id", "user_domain_id", "user_domain_name")


class PluginError(ValueError):
    """keystoneauth1 cannot sign in this way; the text is one sentence."""


def plugin_options(kind: str) -> tuple[str, ...]:
    """The options of one of keystoneauth1's plugins.

    Raises:
        PluginError: There is no such plugin for IAM, or a package that it needs is missing.
    """
    return tuple(str(option.dest) for option in _loader(kind).get_options())


def own_user(kind: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The user among the options, if it is one of IAM: a federated user has another name there."""
    return {name: options[name] for name in _USER if name in options} if kind in (PASSWORD, MULTI_FACTOR) else {}


def load_plugin(kind: str, auth_url: str, options: Mapping[str, Any], scope: Mapping[str, Any]) -> Any:
    """What signs in with these options, for this project or domain.

    Raises:
        PluginError: There is no such plugin, or an option is missing.
    """
    from keystoneauth1 import exceptions
    from keystoneauth1.identity import v3

    if kind == PASSWORD:
        return v3.Password(auth_url, **options, **scope)
    if kind == MULTI_FACTOR:
        return v3.MultiFactor(auth_url, [PASSWORD, "v3totp"], **options, **scope)
    try:
        return _loader(kind).load_from_options(auth_url=auth_url, **options, **scope)
    except (exceptions.MissingRequiredOptions, exceptions.OptionError, ImportError, TypeError) as error:
        # TypeError: some plugins need an option that their loader calls optional, such as client_secret.
        raise PluginError(f"keystoneauth1 cannot sign in with {kind}: {error}") from error


def _loader(kind: str) -> Any:
    from keystoneauth1 import exceptions, loading

    try:
        loader: Any = loading.get_plugin_loader(kind)
    except exceptions.NoMatchingPlugin as error:
        raise PluginError(f"keystoneauth1 has no plugin {kind!r} to sign in with") from error
    except (AttributeError, ImportError) as error:
        raise PluginError(f"to sign in with {kind}, keystoneauth1 needs a package that is not installed") from error
    if not isinstance(loader, loading.BaseV3Loader):
        raise PluginError(f"the plugin {kind!r} of keystoneauth1 does not sign in to IAM, as v3password does")
    return loader
