"""What openstacksdk's loader makes of a cloud in clouds.yaml, or of a vendor's profile, in one region."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from providers.er.sanitizing import sanitize

_DEFAULTS = {"auth_type": None}
"""The loader's own default would be a type that nobody has set."""

_LISTS = ("auth_methods", "region_name")
"""Settings that may be lists."""


class CloudsYamlError(ValueError):
    """The cloud cannot be used; the text is one sentence."""


def load_cloud(name: str, region: str | None, for_signing_in: Collection[str]) -> Mapping[str, Any]:
    """The settings of a cloud in clouds.yaml (and secure.yaml), from the places where openstacksdk looks.

    Args:
        name: The cloud.
        region: Which of its regions; None for the one that it names.
        for_signing_in: The options that may stand in `auth` or beside it.

    Returns:
        By openstacksdk's names; `auth` has what signs in. `region_name` is missing where the cloud has several regions
        and `region` is None.

    Raises:
        CloudsYamlError: There is no such cloud or region, or its file cannot be read, or openstacksdk is not installed.
    """
    with _openstack_config(f"cloud {name!r} in clouds.yaml") as package:
        for variable in ("OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE"):
            if (named := os.environ.get(variable)) and not Path(named).is_file():
                # openstacksdk would look elsewhere, and perhaps find another account; likewise below.
                raise CloudsYamlError(f"{variable} names {named!r}, which is not a file")
        config = package.OpenStackConfig(override_defaults=_DEFAULTS)
        _refuse_skipped("OS_CLIENT_CONFIG_FILE", package.loader.CONFIG_FILES, config.config_filename)
        _refuse_skipped("OS_CLIENT_SECURE_FILE", package.loader.SECURE_FILES, config.secure_config_filename)
        clouds = {key: value for key, value in config.cloud_config["clouds"].items() if key != config.envvar_key}
        if name not in clouds:
            known = ", ".join(sorted(set(clouds) - {"defaults"})) or "none"
            where = config.config_filename or "any clouds.yaml in . , ~/.config/openstack or /etc/openstack"
            raise CloudsYamlError(f"there is no cloud {name!r} in {where}; the clouds there are: {known}")
        return _settings_of(config, name, _as_written(name, clouds[name], for_signing_in), region)


def load_profile(profile: str, region: str | None) -> Mapping[str, Any]:
    """The settings of a vendor's profile, as `load_cloud` has them.

    Raises:
        CloudsYamlError: There is no such profile, or openstacksdk is not installed.
    """
    with _openstack_config(f"profile {profile!r} (OS_PROFILE)") as package:
        config = package.OpenStackConfig(override_defaults=_DEFAULTS, load_envvars=False)
        return _settings_of(config, "OS_PROFILE", {"profile": profile, "auth": {}}, region)


def _settings_of(config: Any, name: str, own: dict[str, Any], region: str | None) -> Mapping[str, Any]:
    """What the loader makes of a cloud's own settings and its profile."""
    config.cloud_config["clouds"][name] = own
    chosen = region or (own.get("region_name") if "regions" in own else None)
    settings = dict(config.get_one(cloud=name, region_name=chosen or "", validate=False).config)
    # With the names that the loader has replaced, so that contradictions are seen.
    settings["auth"] = own["auth"] | settings["auth"]
    if not chosen and len(config._get_regions(name)) > 1:
        del settings["region_name"]
        if "auth_url" not in own["auth"]:
            settings["auth"].pop("auth_url", None)  # that of the first region
    return settings


def _refuse_skipped(variable: str, places: Iterable[str], used: str | None) -> None:
    """Refuse a file that the loader has skipped.

    Raises:
        CloudsYamlError: It has.
    """
    first = os.environ.get(variable) or next(filter(os.path.exists, places), None)
    if first != used:
        raise CloudsYamlError(f"{first} cannot be read, or is not valid YAML")


@contextlib.contextmanager
def _openstack_config(what: str) -> Iterator[Any]:
    """The package openstack.config, imported only here; whatever goes wrong in the block becomes one sentence."""
    try:
        import openstack.config
        import yaml
        from openstack.exceptions import ConfigException
        from openstack.warnings import ConfigurationWarning
    except ImportError as error:
        raise CloudsYamlError(f"{what} cannot be read without openstacksdk: install otc-flow-logs[clouds]") from error
    try:
        with warnings.catch_warnings():
            # Of what openstacksdk itself will no longer support: nobody here can do anything about it.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", ConfigurationWarning)  # such as a profile that does not exist
            yield openstack.config
    except CloudsYamlError:
        raise
    except (ConfigException, ConfigurationWarning, OSError) as error:  # OSError: a profile's address is not reached
        raise CloudsYamlError(f"{what} cannot be used: {sanitize(str(error))}") from error
    except yaml.YAMLError as error:  # newer versions of openstacksdk skip the file instead
        raise CloudsYamlError(f"{what} cannot be read, or is not valid YAML") from error
    except (AttributeError, TypeError, ValueError, LookupError) as error:
        # What openstacksdk makes of a file of another form.
        raise CloudsYamlError(f"{what} must be keys with values") from error


def _as_written(name: str, own: Any, for_signing_in: Collection[str]) -> dict[str, Any]:
    """A cloud of which the loader changes no value that signs in.

    It would make the text "None" of an empty value, and fill in what is between braces, except in `auth`.

    Raises:
        CloudsYamlError: The cloud has another form, or a value for signing in is not text.
    """
    own = _clean(own)
    shapeless = CloudsYamlError(f"cloud {name!r} in clouds.yaml must be keys with values")
    if not isinstance(own, dict):
        raise shapeless
    own.setdefault("auth", {})
    regions = [region for region in own.get("regions", []) if isinstance(region, dict)]
    if any({"name"} != region.keys() - {"values"} for region in regions):
        # openstacksdk would show the whole entry, which may have a password.
        raise CloudsYamlError(f"each region of cloud {name!r} in clouds.yaml must be a name, or name and values")
    for settings in (own, *(region.setdefault("values", {}) for region in regions)):
        auth = settings.setdefault("auth", {})
        if not isinstance(auth, dict):
            raise shapeless
        for key in [key for key in settings if key in for_signing_in]:
            value = settings.pop(key)
            if auth.setdefault(key, value) != value:
                raise CloudsYamlError(f"cloud {name!r} in clouds.yaml has two values of {key}: take one out")
        for key, value in {**auth, "region_name": settings.get("region_name", "")}.items():
            if not isinstance(value, str | list if key in _LISTS else str):
                # YAML reads 0123 as a number and `no` as false: what reaches openstacksdk is not what was written.
                kind = type(value).__name__
                raise CloudsYamlError(
                    f"YAML reads {key} of cloud {name!r} in clouds.yaml as {kind}, not as text: quote it"
                )
    return own


def _clean(value: Any) -> Any:
    """The value without empty keys; `-` in keys is `_`, as for openstacksdk."""
    if isinstance(value, Mapping):
        return {str(key).replace("-", "_"): _clean(part) for key, part in value.items() if part is not None}
    return [_clean(part) for part in value] if isinstance(value, list) else value
