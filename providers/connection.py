"""One client for the whole process: of the real API, or of the embedded emulator."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from providers.config import EMULATOR, ConfigError, ConfigReader, ProviderConfig
from providers.config_keys import qualified
from providers.er import Client, Endpoints
from providers.er.auth.token import TokenCredentials

EMULATOR_DATABASE = Path(".local", "emulator.db")
"""The database of the embedded emulator, relative to the root folder of the project."""


class Connection:
    """Creates the client at its first use."""

    def __init__(
        self,
        config: ConfigReader,
        environment: Mapping[str, str],
        *,
        directory: Path,
        current_config: Callable[[str], str | None] = lambda _key: None,
        sign_ins: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the sources of the settings; nothing is read before the first use of `client`.

        Args:
            config: The stack's config from the engine.
            environment: The environment variables of the process.
            directory: The root folder of the project, with the database of the embedded emulator.
            current_config: Looks up a key in the stack file as it is now. A destroy or refresh gets the config of the
                last `up` from the engine, in which a password may be out of date.
            sign_ins: Those of this process: see `ProviderConfig`.
        """
        self._settings = ProviderConfig(config, environment, current_config, sign_ins=sign_ins)
        self._directory = directory
        self._lock = threading.Lock()
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The client.

        Raises:
            ConfigError: A setting is missing or invalid.
        """
        with self._lock:
            if self._client is None:
                self._client = self._embedded() if self._settings.uses_emulator else self._settings.client()
            return self._client

    def _embedded(self) -> Client:
        # Imported here, because only users of the emulator have it installed.
        try:
            from emulator import EmulatorError, serve
        except ImportError as error:
            raise ConfigError(
                f"{qualified('endpoint')} is {EMULATOR}, which is not installed: install otc-flow-logs[emulator]"
            ) from error
        database = self._directory / EMULATOR_DATABASE
        try:
            database.parent.mkdir(exist_ok=True)
            server = serve(database)
        except (EmulatorError, OSError) as error:
            raise ConfigError(f"the embedded emulator cannot start: {str(error).rstrip('.')}") from error
        return Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))
