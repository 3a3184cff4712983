"""Who acts: one account, out of a cloud of clouds.yaml, OS_* variables, or the stack file.

The first of these that names an account is used, and nothing is taken from another one:

1. OS_CLOUD, a cloud of clouds.yaml
2. OS_* variables
3. `token`, `username` or `access_key` of the stack file

OS_CLOUD beside variables that name an account is refused. A cloud that has no password or secret key takes it from
OS_PASSWORD or OS_SECRET_KEY, because secrets are often kept elsewhere; variables that name no account complete the
stack file. Within one of the three, a token comes before a user, and a user before an access key.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from providers import clouds_yaml
from providers.config_keys import qualified
from providers.er.auth.plugins import MULTI_FACTOR, PASSWORD, TOKEN, plugin_options

ACCESS_KEY = "access key"
"""The kind of an account that signs its requests; every other kind is a plugin of keystoneauth1, by its name there."""

_ALIASES = {
    "auth_token": "token",
    "user_name": "username",
    "tenant_id": "project_id",
    "tenant_name": "project_name",
    "ak": "access_key",
    "access_key_id": "access_key",
    "sk": "secret_key",
    "secret_access_key": "secret_key",
    "session_token": "security_token",
    "target_agency_name": "agency_name",
    "xrole_name": "agency_name",
    "target_domain_name": "agency_domain_name",
    "target_domain_id": "agency_domain_id",
    "target_project_name": "delegated_project",
    "target_project_id": "delegated_project_id",
}
"""Other names of options: those of older OpenStack tools, and of this cloud's own ones."""

_FALLBACKS = {
    "user_domain_id": ("domain_id", "default_domain_id"),
    "user_domain_name": ("domain_name", "default_domain", "default_domain_name"),
    "project_domain_id": ("domain_id", "default_domain_id"),
    "project_domain_name": ("domain_name", "default_domain", "default_domain_name"),
}
"""Options that stand for others which are not there."""

_USER = ("username", "user_id", "password", "user_domain_id", "user_domain_name")
_WHO = {
    TOKEN: ("token",),
    PASSWORD: _USER,
    MULTI_FACTOR: (*_USER, "passcode"),
    ACCESS_KEY: ("access_key", "secret_key", "security_token"),
}
"""The options that say who signs in, by kind, for the kinds that need no plugin's loader."""

_DOMAIN_OR_ID = ("user_domain_name", "user_domain_id", "user_id")
_NEEDED = {
    PASSWORD: (("password",), _DOMAIN_OR_ID),
    MULTI_FACTOR: (("password",), ("passcode",), _DOMAIN_OR_ID),
    ACCESS_KEY: (("secret_key",),),
}
"""What else these kinds need: one option of each."""

_AGENCY_NEEDED = (("agency_name",), ("agency_domain_name", "agency_domain_id"))

_STACK_KEYS = {
    "token": "token",
    "username": "username",
    "password": "password",
    "user_domain_name": "domain",
    "access_key": "access_key",
    "secret_key": "secret_key",
    "security_token": "security_token",
}
"""The keys of a stack file that say who signs in, by option."""

_SCOPE = ("auth_url", "project_id", "project_name", "project_domain_id", "project_domain_name")
_AGENCY = ("agency_name", "agency_domain_name", "agency_domain_id", "delegated_project", "delegated_project_id")
_NAMING = ("token", "username", "user_id", "access_key", "application_credential_id", "application_credential_name")
"""Options of which one is enough to name an account."""

_PLAIN_KINDS = ("password", "v3password", "token", "v3token", "agency", "None")
"""Values of `auth_type` that leave the kind to the other options."""

_SETTINGS = ("region_name", "interface", "verify", "insecure", "cacert", "profile")
_REFUSED = ("cert", "key", "trust_id", "system_scope")
"""Settings of OpenStack tools that change who acts, or with what, and cannot be honoured."""


@dataclass(frozen=True)
class _Option:
    """A setting, and where it was found."""

    value: Any
    origin: str
    is_for_signing_in: bool = False


class AuthError(ValueError):
    """No account is named, or what names it is incomplete or contradictory; the text is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who acts.

    Attributes:
        source: What names the account, such as `OS_USERNAME`.
        kind: ACCESS_KEY, or the name of one of keystoneauth1's plugins.
        options: What signs in, by keystoneauth1's names; not the project.
        scope: auth_url, and project_id, project_name, project_domain_id and project_domain_name as far as given.
        agency: agency_name, agency_domain_name or agency_domain_id, delegated_project or delegated_project_id; empty
            for an account that acts for itself.
        settings: region_name, interface, verify, cacert, and `*_endpoint_override`, as far as given.
        origins: Where each option was found.
        renew_password: Knows a newer password, perhaps.
    """

    source: str
    kind: str
    options: Mapping[str, Any]
    scope: Mapping[str, str]
    agency: Mapping[str, str]
    settings: Mapping[str, Any]
    origins: Mapping[str, str]
    renew_password: Callable[[], str | None] | None = None

    @property
    def description(self) -> str:
        """The account in words, nothing secret."""
        if self.kind == ACCESS_KEY:
            temporary = " (temporary)" if self.options.get("security_token") else ""
            return f"access key {self.options['access_key']!r}{temporary}"
        user = self.options.get("username") or self.options.get("user_id")
        if not user:
            return "the owner of the token" if self.kind == TOKEN else f"the user of {self.kind}"
        words = f"user {user!r}" + _of_domain(self.options, "user")
        return words + (
            f", through agency {self.agency['agency_name']!r}{_of_domain(self.agency, 'agency')}" if self.agency else ""
        )

    @property
    def to_check(self) -> str:
        """Where each part came from, for the sentence about an account that is refused."""
        place = f" of {self.source}"  # once for all parts of a cloud
        parts = [self.origins[option] for option in (*self.options, *self.agency) if option in self.origins]
        in_place = [part.removesuffix(place) for part in parts if part.endswith(place)]
        elsewhere = [part for part in parts if not part.endswith(place)]
        return ", ".join([*elsewhere, *in_place]) + (place if in_place else "")


def _of_domain(options: Mapping[str, str], whose: str) -> str:
    domain = options.get(f"{whose}_domain_name") or options.get(f"{whose}_domain_id")
    return f" of domain {domain!r}" if domain else ""


def find_account(
    environment: Mapping[str, str],
    stack: Callable[[str], str | None],
    region: str | None,
    current_key: Callable[[str], str | None],
) -> Account:
    """Find who acts.

    Args:
        environment: The environment variables.
        stack: Looks up keys of the stack file.
        region: The region in use, as far as it is known: a cloud may have several.
        current_key: Looks a key up in the stack file as it is now, see `providers.connection`.

    Raises:
        AuthError: No account is named, or what names it is incomplete or contradictory.
        CloudsYamlError: The cloud that OS_CLOUD names cannot be used.
        PluginError: keystoneauth1 cannot sign in this way.
    """
    variables = {
        name.removeprefix("OS_").lower(): value
        for name, value in environment.items()
        if name.startswith("OS_") and value
    }
    own = _find_options(variables, _variable)
    keys = {option: value for option, key in _STACK_KEYS.items() if (value := stack(key))}
    if cloud := variables.get("cloud"):
        source = f"cloud {cloud!r} in clouds.yaml"
        found = _find_options(clouds_yaml.load_cloud(cloud, region), lambda name: f"{name} of {source}")
        _complete(found, own, "password", "secret_key")
        account = _make_account(found, source)
        _refuse_another(account, own, cloud)
    elif named := _find_naming(own):
        if "profile" in own or _kind_of(own, own[named].origin) not in _WHO:
            own = _find_options(clouds_yaml.load_environment(region), _variable)
        if "user_domain_id" not in own:
            _complete(own, _find_options(keys, _stack_key), "user_domain_name")
        account = _make_account(own, own[named].origin)
    else:
        found = _find_options(keys, _stack_key)
        _complete(found, own, *own)
        named = _find_naming(found)
        if named is None:
            keys_of_stack = ", ".join(map(_stack_key, ("token", "username", "access_key")))
            raise AuthError(
                "set OS_CLOUD, OS_TOKEN, OS_USERNAME or OS_ACCESS_KEY in the environment, or one of"
                f" {keys_of_stack} in the stack file"
            )
        account = _make_account(found, found[named].origin)
        if account.kind == PASSWORD and account.origins["password"] == qualified("password"):
            account = replace(account, renew_password=functools.partial(current_key, "password"))
    session_token, its_key = environment.get("AWS_SESSION_TOKEN"), environment.get("AWS_ACCESS_KEY_ID")
    if session_token and account.kind == ACCESS_KEY and account.options["access_key"] == its_key:
        origins = {"security_token": "AWS_SESSION_TOKEN", **account.origins}
        account = replace(account, options={"security_token": session_token, **account.options}, origins=origins)
    return account


def _find_naming(found: Mapping[str, _Option]) -> str | None:
    """The option that names an account; a plugin's own kind does, too, because some kinds need no user."""
    if "auth_type" in found and found["auth_type"].value not in _PLAIN_KINDS and "username" not in found:
        return "auth_type"
    return next((option for option in _NAMING if option in found), None)


def _variable(name: str) -> str:
    return f"OS_{name.upper()}"


def _stack_key(option: str) -> str:
    return qualified(_STACK_KEYS[option])


def _find_options(settings: Mapping[str, Any], origin: Callable[[str], str]) -> dict[str, _Option]:
    """The settings by keystoneauth1's names, those in `auth` among the others; empty ones are left out.

    Raises:
        AuthError: Two names of one option have different values.
    """
    found: dict[str, _Option] = {}
    auth = settings.get("auth") or {}
    for name, value in {**settings, "auth": None, **auth}.items():
        if value is None or value == "":
            continue
        new = _Option(value, origin(name), is_for_signing_in=name in auth)
        known = found.setdefault(_ALIASES.get(name, name), new)
        if known.value != value:
            raise AuthError(f"{known.origin} and {new.origin} contradict each other: unset one of them")
    for option, others in _FALLBACKS.items():
        if fallback := next((found[other] for other in others if other in found), None):
            found.setdefault(option, fallback)
    return found


def _complete(found: dict[str, _Option], others: Mapping[str, _Option], *options: str) -> None:
    for option in options:
        if option in others:
            found.setdefault(option, others[option])


def _kind_of(found: Mapping[str, _Option], source: str) -> str:
    """Which kind of account the options name; openstacksdk has `password` for those that name none.

    Raises:
        AuthError: They name none.
    """
    named = str(found["auth_type"].value) if "auth_type" in found else "password"
    if named not in _PLAIN_KINDS:
        return MULTI_FACTOR if named in ("totp", "v3totp") and "password" in found else named
    if "token" in found:
        return TOKEN
    if "username" in found or "user_id" in found:
        return MULTI_FACTOR if "passcode" in found else PASSWORD
    if "access_key" in found:
        return ACCESS_KEY
    raise AuthError(f"{source} has no token, username or access key to sign in with")


def _make_account(found: Mapping[str, _Option], source: str) -> Account:
    """The account that these options name.

    Raises:
        AuthError: It is incomplete, or has options that cannot be honoured.
        PluginError: keystoneauth1 cannot sign in this way.
    """
    kind = _kind_of(found, source)
    allowed = _WHO.get(kind) or plugin_options(kind)
    known = {*allowed, *_SCOPE, *_AGENCY, *_FALLBACKS, "auth_type"}.union(*_FALLBACKS.values(), *_WHO.values())
    refused = [
        option.origin
        for name, option in found.items()
        if name not in allowed and (name in _REFUSED or (option.is_for_signing_in and name not in known))
    ]
    if refused:
        raise AuthError(f"{', '.join(refused)} cannot be honoured: take it out")
    values = {name: option.value for name, option in found.items()}
    who = {name: values[name] for name in allowed if name in values and name not in _SCOPE}
    agency = {name: str(values[name]) for name in _AGENCY if name in values}
    needed = (*_NEEDED.get(kind, ()), *(_AGENCY_NEEDED if agency else ()))
    if missing := [names for names in needed if not any(name in values for name in names)]:
        words = " and ".join(" or ".join(map(_where_to_set, names)) for names in missing)
        raise AuthError(f"{source} also needs {words}")
    return Account(
        source=source,
        kind=kind,
        options=who,
        scope={name: str(values[name]) for name in _SCOPE if name in values},
        agency=agency,
        settings={
            name: value for name, value in values.items() if name in _SETTINGS or name.endswith("_endpoint_override")
        },
        origins={name: option.origin for name, option in found.items()},
    )


def _where_to_set(option: str) -> str:
    return f"{_variable(option)} (or {_stack_key(option)})" if option in _STACK_KEYS else _variable(option)


def _refuse_another(account: Account, variables: Mapping[str, _Option], cloud: str) -> None:
    """Refuse variables that would complete or contradict a cloud, but for secrets that it lacks.

    Raises:
        AuthError: There are any.
    """
    there = {**account.options, **account.scope, **account.agency, **account.settings}
    checked = [*_NAMING, *_SCOPE, *_AGENCY, "user_domain_id", "user_domain_name", "passcode", "cacert", "insecure"]
    checked += [name for name in variables if name.endswith("_endpoint_override")]
    others = [
        variables[name].origin for name in checked if name in variables and variables[name].value != there.get(name)
    ]
    if others:
        raise AuthError(
            f"OS_CLOUD names cloud {cloud!r}, and {', '.join(dict.fromkeys(others))} says something else: unset one"
        )
