"""A cloud of clouds.yaml, where OpenStack's tools keep what it takes to sign in."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path


class CloudsYamlError(ValueError):
    """The cloud cannot be read; the text is one sentence."""


@dataclass(frozen=True)
class Cloud:
    """What clouds.yaml (and secure.yaml) say of one cloud. `ak`, `sk` and `security_token` are what OTC's tools add."""

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


def load(name: str) -> Cloud:
    """The cloud of this name, from the places where openstacksdk looks.

    Raises:
        CloudsYamlError: There is no such cloud, or its file cannot be read, or openstacksdk is not installed.
    """
    try:
        # Imported here: it takes a third of a second.
        from openstack.config import OpenStackConfig
        from openstack.exceptions import ConfigException
    except ImportError as error:
        raise CloudsYamlError(f"reading clouds.yaml for cloud {name!r} needs openstacksdk: pip install it") from error
    named = os.environ.get("OS_CLIENT_CONFIG_FILE")
    if named and not Path(named).is_file():
        # openstacksdk would look elsewhere, and perhaps find another account.
        raise CloudsYamlError(f"OS_CLIENT_CONFIG_FILE names {named!r}, which is no file")
    try:
        config = OpenStackConfig(load_envvars=True)
        if name not in config.get_cloud_names():
            known = ", ".join(sorted(set(config.get_cloud_names()) - {"defaults", "envvars"})) or "none"
            where = config.config_filename or "any clouds.yaml in . , ~/.config/openstack or /etc/openstack"
            raise CloudsYamlError(f"there is no cloud {name!r} in {where}; there is: {known}")
        with warnings.catch_warnings():
            # Of what openstacksdk itself will no longer support: nobody here can do anything about it.
            warnings.simplefilter("ignore")
            found = config.get_one(cloud=name, validate=False)
    except ConfigException as error:
        raise CloudsYamlError(f"cloud {name!r} of clouds.yaml cannot be used: {error}") from error
    except CloudsYamlError:
        raise
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        # What openstacksdk makes of a file of another form.
        raise CloudsYamlError(
            f"cloud {name!r} of clouds.yaml has another form than keys with values: check it"
        ) from error
    settings = found.config.get("auth") or {}
    if not isinstance(settings, dict):
        raise CloudsYamlError(f"auth of cloud {name!r} of clouds.yaml must be keys with values")
    auth = {key: str(value).strip() for key, value in settings.items() if value not in (None, "", "None")}
    return Cloud(
        name=name,
        region=found.config.get("region_name") or None,
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
