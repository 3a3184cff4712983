"""A cloud in clouds.yaml, the file of credentials that OpenStack tools share."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class CloudsYamlError(ValueError):
    """The cloud cannot be read; the message is one sentence."""


@dataclass(frozen=True)
class Cloud:
    """The settings of a cloud in clouds.yaml and secure.yaml; only OTC tools know `ak`, `sk` and `security_token`."""

    name: str
    region: str | None = None
    auth_url: str | None = None
    token: str | None = None
    username: str | None = None
    password: str | None = None
    domain: str | None = None
    project: str | None = None
    project_id: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    security_token: str | None = None


def load_cloud(name: str) -> Cloud:
    """Load the cloud of this name from where openstacksdk finds its files.

    Raises:
        CloudsYamlError: There is no such cloud, its file cannot be read, or openstacksdk is not installed.
    """
    config = _read(name)
    settings = config.get("auth") or {}
    if not isinstance(settings, dict):
        raise CloudsYamlError(f"auth of cloud {name!r} in clouds.yaml must be a mapping")
    auth = {key: str(value).strip() for key, value in settings.items() if value not in (None, "", "None")}
    return Cloud(
        name=name,
        region=config.get("region_name") or None,
        auth_url=auth.get("auth_url"),
        token=auth.get("token"),
        username=auth.get("username"),
        password=auth.get("password"),
        domain=auth.get("user_domain_name") or auth.get("domain_name") or auth.get("project_domain_name"),
        project=auth.get("project_name"),
        project_id=auth.get("project_id"),
        access_key=auth.get("ak") or auth.get("access_key"),
        secret_key=auth.get("sk") or auth.get("secret_key"),
        security_token=auth.get("security_token"),
    )


def _read(name: str) -> Mapping[str, Any]:
    """The cloud as openstacksdk reads it."""
    try:
        # Imported here, because it takes a third of a second.
        from openstack.config import OpenStackConfig
        from openstack.exceptions import ConfigException
    except ImportError as error:
        raise CloudsYamlError(
            f"cloud {name!r} in clouds.yaml cannot be read without openstacksdk: install otc-flow-logs[clouds]"
        ) from error
    file = os.environ.get("OS_CLIENT_CONFIG_FILE")
    if file and not Path(file).is_file():
        # openstacksdk would read another file, which may be of another account.
        raise CloudsYamlError(f"OS_CLIENT_CONFIG_FILE names {file!r}, which is not a file")
    try:
        clouds = OpenStackConfig(load_envvars=True)
        names = clouds.get_cloud_names()
        if name in names:
            with warnings.catch_warnings():
                # Deprecations inside openstacksdk, which no user can act on.
                warnings.simplefilter("ignore")
                config: Mapping[str, Any] = clouds.get_one(cloud=name, validate=False).config
                return config
    except ConfigException as error:
        raise CloudsYamlError(f"cloud {name!r} in clouds.yaml cannot be used: {error}") from error
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        # openstacksdk does not check the form of the file.
        raise CloudsYamlError(f"cloud {name!r} in clouds.yaml must be a mapping") from error
    known = ", ".join(sorted(set(names) - {"defaults", "envvars"})) or "none"
    where = clouds.config_filename or "any clouds.yaml (in ., ~/.config/openstack or /etc/openstack)"
    raise CloudsYamlError(f"there is no cloud {name!r} in {where}; known: {known}")
