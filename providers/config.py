"""Where the API is (endpoint, region, project), and the credentials that `providers.auth` finds.

The stack config comes first, because a stack belongs to one place; then the environment, then the cloud that OS_CLOUD
names.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import TypeVar

from providers import auth, clouds_yaml
from providers.config_keys import qualified
from providers.er import Endpoints
from providers.er.auth.access_key import AccessKeyCredentials
from providers.er.auth.credentials import Credentials
from providers.er.auth.password import PasswordCredentials
from providers.er.auth.token import TokenCredentials
from providers.er.endpoints import REGIONS, EndpointError, checked

T = TypeVar("T")

SERVICES = {field.name for field in fields(Endpoints)}

EMULATOR = "emulator"
"""The value of `endpoint` that stands for the embedded emulator."""

SECRET_KEYS = ("password", "token", "secret_key", "security_token")
"""Keys that a stack file may have only as secrets."""

CONFIG_KEYS = (
    *("endpoint", "endpoints", "region", "project", "project_id"),
    *("username", "domain", "access_key", *SECRET_KEYS),
)
"""Every key that this module reads."""

ConfigReader = Callable[[str], object]
"""Takes a key without its namespace, such as `region`; returns its value, or None."""


class ConfigError(ValueError):
    """A setting is missing or invalid; the message is one sentence that names the key or the variable."""


class ProviderConfig:
    """The settings of the provider."""

    def __init__(
        self,
        config: ConfigReader,
        environment: Mapping[str, str],
        current_config: Callable[[str], str | None] = lambda _key: None,
    ) -> None:
        """Keep the sources of the settings; see `providers.connection`."""
        self._config = config
        self._environment = environment
        self._current_config = current_config

    @property
    def uses_emulator(self) -> bool:
        """Whether the embedded emulator is the API."""
        return self._key("endpoint") == EMULATOR

    def endpoints(self) -> Endpoints:
        """The addresses of the services.

        Raises:
            ConfigError: An address or region is missing or invalid.
        """
        moved = self._own_addresses()
        url, region = self._key("endpoint"), self.region()
        if url:
            return self._checked(qualified("endpoint"), lambda: Endpoints.at(url).overridden(**moved))
        if moved.keys() == SERVICES:
            return Endpoints(**moved)
        if not region:
            raise ConfigError(
                f"no region: set {qualified('region')} in the stack file to {' or '.join(REGIONS)}"
                " (or OS_REGION_NAME in the environment)"
            )
        if region not in REGIONS and "iam" in moved:
            return replace(Endpoints.by_catalog(moved["iam"]), **moved)
        source = qualified("region") if self._key("region") else "OS_REGION_NAME"
        return self._checked(source, lambda: Endpoints.of_region(region).overridden(**moved))

    def credentials(self, endpoints: Endpoints) -> Credentials:
        """The credentials to sign in with; nothing is sent before the first call.

        Raises:
            ConfigError: Some are missing.
        """
        try:
            who = self.identity()
        except auth.IdentityError as error:
            raise ConfigError(f"no credentials for {endpoints.er or endpoints.iam}: {error}") from error
        if isinstance(who, auth.Token):
            return TokenCredentials(who.token, self._project_of_token())
        project_id, project = self.project()
        # The main project of a region has the region's name (IAM: projects).
        project = project or self.region()
        if not (project_id or project):
            raise ConfigError(
                f"no project: set {qualified('project')} or {qualified('project_id')} in the stack file"
                " (or OS_PROJECT_NAME or OS_PROJECT_ID in the environment)"
            )
        if isinstance(who, auth.AccessKey):
            return AccessKeyCredentials(
                access_key=who.access_key,
                secret_key=who.secret_key,
                security_token=who.security_token,
                project_id=project_id,
                project_name=project,
            )
        return PasswordCredentials(
            auth_url=endpoints.iam,
            username=who.username,
            password=who.password,
            domain_name=who.domain,
            project_id=project_id,
            project_name=project,
            renew_password=who.renew,
        )

    def identity(self) -> auth.Token | auth.User | auth.AccessKey:
        """Who signs in.

        Raises:
            IdentityError: No credentials are set, or some are missing.
            ConfigError: The cloud that OS_CLOUD names cannot be read.
        """
        return auth.resolve_identity(self._variable, self._key, self._cloud, self._current_config)

    def region(self) -> str | None:
        """The region, if one is set."""
        return self._key("region") or self._variable("OS_REGION_NAME") or (self._cloud.region if self._cloud else None)

    def project(self) -> tuple[str | None, str | None]:
        """The id and the name of the project, from the first place that has either; None for what is not set."""
        places = [
            (self._key("project_id"), self._key("project")),
            (self._variable("OS_PROJECT_ID"), self._variable("OS_PROJECT_NAME")),
            (self._cloud.project_id, self._cloud.project) if self._cloud else (None, None),
        ]
        return next((place for place in places if any(place)), (None, None))

    def _project_of_token(self) -> str:
        """A token belongs to one project. Its id is needed, because a name would have to be looked up."""
        project_id = self.project()[0] or self._variable("OS_PROJECT_ID")
        if not project_id:
            raise ConfigError(
                f"a token needs the id of its project: set {qualified('project_id')} in the stack file"
                " (or OS_PROJECT_ID in the environment)"
            )
        return project_id

    @functools.cached_property
    def _cloud(self) -> clouds_yaml.Cloud | None:
        name = self._variable("OS_CLOUD")
        try:
            return clouds_yaml.load_cloud(name) if name else None
        except clouds_yaml.CloudsYamlError as error:
            raise ConfigError(f"OS_CLOUD: {error}") from error

    def _own_addresses(self) -> dict[str, str]:
        """The addresses of services that are not those of the region, by service."""
        moved = {}
        auth_url, source = self._variable("OS_AUTH_URL"), "OS_AUTH_URL"
        if not auth_url and self._cloud:
            auth_url, source = self._cloud.auth_url, f"auth_url of cloud {self._cloud.name!r}"
        if auth_url and not self._key("endpoint"):
            moved["iam"] = self._checked(source, lambda: checked(auth_url))
        raw = self._key("endpoints")
        if not raw:
            return moved
        try:
            overrides = json.loads(raw)
        except ValueError:
            overrides = None
        if not isinstance(overrides, dict) or not all(
            key in SERVICES and isinstance(value, str) for key, value in overrides.items()
        ):
            raise ConfigError(
                f"{qualified('endpoints')} must map services ({', '.join(sorted(SERVICES))}) to addresses"
            )
        return moved | self._checked(
            qualified("endpoints"), lambda: {service: checked(url) for service, url in overrides.items()}
        )

    @staticmethod
    def _checked(source: str, make: Callable[[], T]) -> T:
        try:
            return make()
        except EndpointError as error:
            raise ConfigError(f"{source}: {error}") from error

    def _key(self, key: str) -> str | None:
        value = self._config(key)
        return value.strip() or None if isinstance(value, str) else None

    def _variable(self, *names: str) -> str | None:
        values = (self._environment.get(name, "").strip() for name in names)
        return next((value for value in values if value), None)
