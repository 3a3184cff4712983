"""Which API to talk to, and as whom: from stack config and the environment.

Where things are (endpoint, region, project) the stack says first, because a stack belongs to one place; who is acting
the environment says first, because that differs from person to person and from CI.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from providers.er import Client, Endpoints
from providers.er.credentials import Credentials, PasswordCredentials, TokenCredentials
from providers.er.endpoints import REGIONS, EndpointError

ConfigReader = Callable[[str], object]
"""From a key of the project's config, such as `region`, to its value, or None."""

CONFIG_NAMESPACE = "otc-flow-logs"
"""The namespace of the keys in a stack file, as in `otc-flow-logs:region`."""

EMULATOR = "emulator"
"""The value of `endpoint` that means the embedded emulator."""

EMULATOR_DATABASE = Path(".local", "emulator.db")
"""Where the embedded emulator keeps its state, below the project's root."""

CONFIG_KEYS = (
    "endpoint",
    "endpoints",
    "region",
    "project",
    "project_id",
    "username",
    "password",
    "domain",
    "token",
)
"""Every key that is read here."""

SECRET_KEYS = ("password", "token")
"""Keys that may stand in a stack file as secrets only."""


class ConnectionSettingsError(ValueError):
    """Settings that are missing or make no sense; the text is one sentence that names the key or the variable."""


class Connection:
    """One client for a whole process, made when it is first asked for."""

    def __init__(
        self,
        config: ConfigReader,
        environment: Mapping[str, str],
        *,
        directory: Path,
        current_config: Callable[[str], str | None] = lambda _key: None,
    ) -> None:
        """Remember where to look; nothing is read before `client`.

        Args:
            config: The stack's config as the engine gave it.
            environment: The process's environment variables.
            directory: The project's root, where the embedded emulator keeps its file.
            current_config: Looks a key up in the stack file as it is now. A destroy or refresh gets the config of the
                last `up` from the engine, in which a password may be out of date.
        """
        self._config = config
        self._environment = environment
        self._directory = directory
        self._current_config = current_config
        self._lock = threading.Lock()
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The client.

        Raises:
            ConnectionSettingsError: A setting is missing or makes no sense.
        """
        with self._lock:
            if self._client is None:
                self._client = self._embedded() if self._setting("endpoint") == EMULATOR else self._remote()
            return self._client

    def _embedded(self) -> Client:
        # Imported here: only those who use the emulator need to have it installed.
        try:
            from emulator import EmulatorError, serve
        except ImportError as error:
            raise ConnectionSettingsError(
                f"{CONFIG_NAMESPACE}:endpoint is {EMULATOR}, which is not installed:"
                " pip install 'otc-flow-logs[emulator]'"
            ) from error
        database = self._directory / EMULATOR_DATABASE
        try:
            database.parent.mkdir(exist_ok=True)
            server = serve(database)
        except (EmulatorError, OSError) as error:
            raise ConnectionSettingsError(f"the embedded emulator cannot start: {str(error).rstrip('.')}") from error
        return Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))

    def _remote(self) -> Client:
        endpoints = self._endpoints()
        return Client(self._credentials(endpoints), endpoints)

    def _endpoints(self) -> Endpoints:
        region = self._region()
        try:
            url = self._setting("endpoint")
            if url:
                endpoints = Endpoints.at(url)
            elif region:
                endpoints = Endpoints.of_region(region)
            else:
                raise ConnectionSettingsError(
                    f"no region: set {CONFIG_NAMESPACE}:region in the stack file to {' or '.join(REGIONS)}"
                    " (or OS_REGION_NAME in the environment)"
                )
            return endpoints.overridden(**self._endpoint_overrides())
        except EndpointError as error:
            raise ConnectionSettingsError(f"{CONFIG_NAMESPACE}:endpoint, endpoints or region: {error}") from error

    def _endpoint_overrides(self) -> dict[str, str]:
        raw = self._setting("endpoints")
        services = Endpoints.__dataclass_fields__
        try:
            overrides = json.loads(raw) if raw else {}
        except ValueError:
            overrides = None
        if not isinstance(overrides, dict) or not all(
            key in services and isinstance(value, str) for key, value in overrides.items()
        ):
            raise ConnectionSettingsError(
                f"{CONFIG_NAMESPACE}:endpoints must be addresses by service: {', '.join(services)}"
            )
        auth_url = None if self._setting("endpoint") else self._environment.get("OS_AUTH_URL")
        return {**({"iam": auth_url} if auth_url else {}), **overrides}

    def _credentials(self, endpoints: Endpoints) -> Credentials:
        project_id, project = self._setting("project_id"), self._setting("project")
        if not (project_id or project):
            project_id, project = self._variable("OS_PROJECT_ID"), self._variable("OS_PROJECT_NAME")

        token = self._variable("OS_TOKEN") or self._setting("token")
        if token:
            if not project_id:
                raise ConnectionSettingsError(
                    "a token needs the id of its project:"
                    f" set {CONFIG_NAMESPACE}:project_id in the stack file (or OS_PROJECT_ID in the environment)"
                )
            return TokenCredentials(token, project_id)

        username = self._variable("OS_USERNAME") or self._setting("username")
        domain = self._variable("OS_USER_DOMAIN_NAME", "OS_DOMAIN_NAME") or self._setting("domain")
        password = self._variable("OS_PASSWORD")
        renew_password = None
        if not password:
            password = self._setting("password")
            renew_password = lambda: self._current_config("password")  # noqa: E731
        missing = [
            f"{variable} (or {CONFIG_NAMESPACE}:{key})"
            for variable, key, value in (
                ("OS_USERNAME", "username", username),
                ("OS_PASSWORD", "password", password),
                ("OS_USER_DOMAIN_NAME", "domain", domain),
            )
            if not value
        ]
        if missing or not (username and password and domain):
            raise ConnectionSettingsError(
                f"no credentials for {endpoints.er}: set {', '.join(missing)} in the environment (or the stack file),"
                " or OS_TOKEN with OS_PROJECT_ID"
            )
        return PasswordCredentials(
            auth_url=endpoints.iam,
            username=username,
            password=password,
            domain_name=domain,
            project_id=project_id,
            # A region's own project bears the region's name (IAM: projects).
            project_name=project or self._region(),
            renew_password=renew_password,
        )

    def _region(self) -> str | None:
        return self._setting("region") or self._variable("OS_REGION_NAME")

    def _setting(self, key: str) -> str | None:
        value = self._config(key)
        return value if isinstance(value, str) and value else None

    def _variable(self, *names: str) -> str | None:
        return next((self._environment[name] for name in names if self._environment.get(name)), None)
