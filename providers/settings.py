"""Where the API is and who is acting, read from stack config and environment variables.

Where things are (endpoint, region, project) the stack says first, because a stack belongs to one place. Who is acting
the environment says first, because that differs from person to person and from CI: its token, then its user, then the
token of the stack file, then the user of the stack file, whose password may come from the environment.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TypeVar

from providers.er import Endpoints
from providers.er.credentials import Credentials, PasswordCredentials, TokenCredentials
from providers.er.endpoints import REGIONS, EndpointError, checked

T = TypeVar("T")

SERVICES = {field.name for field in fields(Endpoints)}

CONFIG_NAMESPACE = "otc-flow-logs"
"""The namespace of the keys in a stack file, as in `otc-flow-logs:region`."""

EMULATOR = "emulator"
"""The value of `endpoint` that means the embedded emulator."""

SECRET_KEYS = ("password", "token")
"""Keys that may stand in a stack file as secrets only."""

CONFIG_KEYS = ("endpoint", "endpoints", "region", "project", "project_id", "username", "domain", *SECRET_KEYS)
"""Every key that is read here."""

ConfigReader = Callable[[str], object]
"""From a key without its namespace, such as `region`, to its value, or None."""


class SettingsError(ValueError):
    """Settings that are missing or make no sense; the text is one sentence that names the key or the variable."""


class Settings:
    """The settings of one process."""

    def __init__(
        self, config: ConfigReader, environment: Mapping[str, str], current_config: Callable[[str], str | None]
    ) -> None:
        self._config = config
        self._environment = environment
        self._current_config = current_config

    @property
    def wants_emulator(self) -> bool:
        """Whether the embedded emulator is the API."""
        return self._key("endpoint") == EMULATOR

    def endpoints(self) -> Endpoints:
        """Where the services are.

        Raises:
            SettingsError: A place is missing or makes no sense.
        """
        moved = self._moved_services()
        url, region = self._key("endpoint"), self._region()
        if url:
            return self._checked(_full("endpoint"), lambda: Endpoints.at(url).overridden(**moved))
        if moved.keys() == SERVICES:
            return Endpoints(**moved)
        if not region:
            raise SettingsError(
                f"no region: set {_full('region')} in the stack file to {' or '.join(REGIONS)}"
                " (or OS_REGION_NAME in the environment)"
            )
        source = _full("region") if self._key("region") else "OS_REGION_NAME"
        return self._checked(source, lambda: Endpoints.of_region(region).overridden(**moved))

    def credentials(self, endpoints: Endpoints) -> Credentials:
        """Who is acting. Nothing is sent before the first call.

        Raises:
            SettingsError: A credential is missing.
        """
        project_id, project = self._key("project_id"), self._key("project")
        if not (project_id or project):
            project_id, project = self._variable("OS_PROJECT_ID"), self._variable("OS_PROJECT_NAME")

        token, username = self._variable("OS_TOKEN"), self._variable("OS_USERNAME")
        password = self._variable("OS_PASSWORD")
        renew_password = None
        if not (token or username):
            token, username = self._key("token"), self._key("username")
            if not password:
                password = self._key("password")
                renew_password = functools.partial(self._current_config, "password")
        if token:
            # A token is good for one project, which only its id can name; a project's name would have to be looked up.
            project_id = project_id or self._variable("OS_PROJECT_ID")
            if not project_id:
                raise SettingsError(
                    f"a token needs the id of its project: set {_full('project_id')} in the stack file"
                    " (or OS_PROJECT_ID in the environment)"
                )
            return TokenCredentials(token, project_id)

        domain = self._variable("OS_USER_DOMAIN_NAME", "OS_DOMAIN_NAME") or self._key("domain")
        if not (username and password and domain):
            # The stack file's password is not for a user whom the environment names.
            password_key = "" if self._variable("OS_USERNAME") else f" (or {_full('password')})"
            wanted = (
                (f"OS_USERNAME (or {_full('username')})", username),
                (f"OS_PASSWORD{password_key}", password),
                (f"OS_USER_DOMAIN_NAME (or {_full('domain')})", domain),
            )
            missing = ", ".join(what for what, value in wanted if not value)
            raise SettingsError(
                f"no credentials for {endpoints.er}: set {missing} in the environment (or the stack file),"
                " or OS_TOKEN with OS_PROJECT_ID"
            )
        # A region's own project bears the region's name (IAM: projects).
        project = project or self._region()
        if not (project_id or project):
            raise SettingsError(
                f"no project: set {_full('project')} or {_full('project_id')} in the stack file"
                " (or OS_PROJECT_NAME or OS_PROJECT_ID in the environment)"
            )
        return PasswordCredentials(
            auth_url=endpoints.iam,
            username=username,
            password=password,
            domain_name=domain,
            project_id=project_id,
            project_name=project,
            renew_password=renew_password,
        )

    def _moved_services(self) -> dict[str, str]:
        """The services that are not where the region has them, by name."""
        auth_url = None if self._key("endpoint") else self._variable("OS_AUTH_URL")
        moved = {"iam": self._checked("OS_AUTH_URL", lambda: checked(auth_url))} if auth_url else {}
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
            raise SettingsError(f"{_full('endpoints')} must be addresses by service: {', '.join(sorted(SERVICES))}")
        return moved | self._checked(
            _full("endpoints"), lambda: {service: checked(url) for service, url in overrides.items()}
        )

    @staticmethod
    def _checked(source: str, make: Callable[[], T]) -> T:
        try:
            return make()
        except EndpointError as error:
            raise SettingsError(f"{source}: {error}") from error

    def _region(self) -> str | None:
        return self._key("region") or self._variable("OS_REGION_NAME")

    def _key(self, key: str) -> str | None:
        value = self._config(key)
        return value.strip() or None if isinstance(value, str) else None

    def _variable(self, *names: str) -> str | None:
        values = (self._environment.get(name, "").strip() for name in names)
        return next((value for value in values if value), None)


def _full(key: str) -> str:
    return f"{CONFIG_NAMESPACE}:{key}"
