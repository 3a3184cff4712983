"""What openstacksdk's loader makes in clouds.yaml, and of OS_* variables, for one cloud in one region."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class CloudsYamlError(ValueError):
    """The cloud cannot be used; the text is one sentence."""


def load_cloud(name: str, region: str | None) -> Mapping[str, Any]:
    """The settings of a cloud in clouds.yaml (and secure.yaml), from the places where openstacksdk looks.

    Args:
        name: The cloud.
        region: Which of its regions; None for the one that it names.

    Returns:
        By openstacksdk's names; `auth` has what signs in. `region_name` is missing where the cloud has several regions
        and `region` is None.

    Raises:
        CloudsYamlError: There is no such cloud or region, or its file cannot be read, or openstacksdk is not installed.
    """
    named = os.environ.get("OS_CLIENT_CONFIG_FILE")
    if named and not Path(named).is_file():
        # openstacksdk would look elsewhere, and perhaps find another account.
        raise CloudsYamlError(f"OS_CLIENT_CONFIG_FILE names {named!r}, which is not a file")
    with _openstack_config(f"cloud {name!r} in clouds.yaml") as loader:
        config = loader.OpenStackConfig()
        clouds = {key: value for key, value in config.cloud_config["clouds"].items() if key != config.envvar_key}
        if name not in clouds:
            known = ", ".join(sorted(set(clouds) - {"defaults"})) or "none"
            where = config.config_filename or "any clouds.yaml in . , ~/.config/openstack or /etc/openstack"
            raise CloudsYamlError(f"there is no cloud {name!r} in {where}; the clouds there are: {known}")
        own = clouds[name]
        # openstacksdk would make the text "None" of an empty value.
        own["auth"] = auth = {key: value for key, value in (own.get("auth") or {}).items() if value is not None}
        _refuse_other_types(name, auth)
        settings = dict(config.get_one(cloud=name, region_name=region or "", validate=False).config)
        profile = loader.vendors.get_profile(str(own.get("profile") or own.get("cloud") or "")) or {}
        regions = own.get("regions") or profile.get("regions") or [""]
        if not (region or own.get("region_name")) and len(regions) != 1:
            del settings["region_name"]
            if "auth_url" not in auth:
                settings["auth"].pop("auth_url", None)  # that of the first region
        return settings


def load_environment(region: str | None) -> Mapping[str, Any]:
    """The settings that the OS_* variables of this process make, as `load_cloud` has them.

    Raises:
        CloudsYamlError: openstacksdk cannot use them, or is not installed.
    """
    with _openstack_config("the OS_* variables") as loader:
        config = loader.OpenStackConfig(load_yaml_config=False)
        return dict(config.get_one(cloud=config.envvar_key, region_name=region or "", validate=False).config)


@contextlib.contextmanager
def _openstack_config(what: str) -> Iterator[Any]:
    """The module openstack.config, imported only here; whatever goes wrong in the block becomes one sentence."""
    try:
        import openstack.config
        from openstack.exceptions import ConfigException
    except ImportError as error:
        raise CloudsYamlError(f"{what} cannot be read without openstacksdk: install otc-flow-logs[clouds]") from error
    try:
        with warnings.catch_warnings():
            # Of what openstacksdk itself will no longer support: nobody here can do anything about it.
            warnings.simplefilter("ignore")
            yield openstack.config
    except CloudsYamlError:
        raise
    except ConfigException as error:
        raise CloudsYamlError(f"{what} cannot be used: {error}") from error
    except (AttributeError, TypeError, ValueError, LookupError) as error:
        # What openstacksdk makes of a file of another form.
        raise CloudsYamlError(f"{what} must be keys with values") from error


def _refuse_other_types(name: str, auth: Mapping[str, Any]) -> None:
    """YAML reads 0123 as a number and `no` as false: what reaches openstacksdk is not what was written.

    Raises:
        CloudsYamlError: A value for signing in is not text.
    """
    for key, value in auth.items():
        if not isinstance(value, str | list):
            raise CloudsYamlError(
                f"YAML reads {key} of cloud {name!r} in clouds.yaml as {type(value).__name__}, not as text: quote it"
            )
