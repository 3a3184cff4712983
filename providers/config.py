"""Where the API is, which project is meant, and how to sign in: out of the stack file, the environment and clouds.yaml.

The stack file comes first for where (endpoint, region, project), because a stack belongs to one place; then the account
that `providers.auth` finds. What contradicts the region in use is refused: an address of IAM, or a project, of another
region.
"""

from __future__ import annotations

import functools
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

from providers.auth import ACCESS_KEY, Account, AuthError, find_account
from providers.clouds_yaml import CloudsYamlError
from providers.config_keys import qualified
from providers.er import Endpoints
from providers.er.auth.access_key import AccessKeyCredentials
from providers.er.auth.credentials import Credentials, Project
from providers.er.auth.keystone import KeystoneCredentials
from providers.er.auth.plugins import TOKEN, PluginError
from providers.er.auth.token import TokenCredentials
from providers.er.endpoints import REGIONS, EndpointError, find_other_region, region_of, service_url
from providers.er.limits import ID_CHARACTERS, ID_PATTERN
from providers.er.sanitizing import sanitize

T = TypeVar("T")

SERVICES = {field.name: {"iam": "identity"}.get(field.name, field.name) for field in fields(Endpoints)}
"""The services, with their names in OpenStack's `*_endpoint_override`."""

EMULATOR = "emulator"
"""The value of `endpoint` that means the embedded emulator."""

SECRET_KEYS = ("password", "token", "secret_key", "security_token")
"""Keys that may stand in a stack file as secrets only."""

CONFIG_KEYS = (
    *("endpoint", "endpoints", "region", "project", "project_id"),
    *("username", "domain", "access_key", *SECRET_KEYS),
)
"""Every key that is read here."""

ConfigReader = Callable[[str], object]
"""From a key without its namespace, such as `region`, to its value, or None."""


class ConfigError(ValueError):
    """A setting is missing or not valid; the text is one sentence that names the key or the variable."""


class ProviderConfig:
    """The settings of one process."""

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

    @functools.cached_property
    def account(self) -> Account:
        """Who acts.

        Raises:
            ConfigError: No account is named, or what names it is incomplete or contradictory.
        """
        region, _ = self._stated_region()
        try:
            account = find_account(self._environment, self._key, region, self._current_config)
            if not (region or account.settings.get("region_name")) and (found := self._inferred_region(account)[0]):
                return find_account(self._environment, self._key, found, self._current_config)
        except (AuthError, CloudsYamlError, PluginError) as error:
            raise ConfigError(f"no credentials: {error}") from error
        return account

    def region(self) -> tuple[str | None, str]:
        """The region in use, if it is known, and what names it.

        Raises:
            ConfigError: As for `account`.
        """
        region, origin = self._stated_region()
        if not region and (named := self.account.settings.get("region_name")):
            region, origin = str(named), self.account.origins["region_name"]
        return (region, origin) if region else self._inferred_region(self.account)

    def project(self) -> Project:
        """The project to act in, as far as it is named; a region's own project bears the region's name (IAM: projects).

        Raises:
            ConfigError: As for `account`; or none is named, or by what is not an id.
        """
        region, account = self.region()[0], self.account
        id_, name, origin = self.named_project(account)
        if id_ and not ID_PATTERN.fullmatch(id_):
            raise ConfigError(f"{origin} is {sanitize(id_, 80)!r}, which is not an id: ids are {ID_CHARACTERS}")
        if not (id_ or name) and account.kind != TOKEN:
            name, origin = region, "the region"
            if not name:
                raise ConfigError(
                    f"no project: set {qualified('project')} or {qualified('project_id')} in the stack file"
                    " (or OS_PROJECT_NAME or OS_PROJECT_ID in the environment)"
                )
        if other := find_other_region(name or "", region):
            raise ConfigError(f"project {name!r} ({origin}) is in region {other}, not in {region}: correct one of them")
        owner = {
            f"project_{name}": value for name in ("domain_id", "domain_name") if (value := self._owner(account, name))
        }
        return Project(id=id_, name=name, domain=owner, region=region, origin=origin)

    def endpoints(self) -> Endpoints:
        """Where the services are.

        Raises:
            ConfigError: A place is missing or not valid.
        """
        region, origin = self.region()
        moved = self._moved_services(region)
        if url := self._key("endpoint"):
            return self._checked(qualified("endpoint"), lambda: Endpoints.at(url).overridden(**moved))
        if moved.keys() == SERVICES.keys():
            return Endpoints(**moved)
        if not region:
            raise ConfigError(
                f"no region: set {qualified('region')} in the stack file to {' or '.join(REGIONS)}"
                " (or OS_REGION_NAME in the environment)"
            )
        if region not in REGIONS and "iam" in moved:
            return replace(Endpoints.by_catalog(moved["iam"]), **moved)
        usual = self._checked(origin, lambda: Endpoints.of_region(region))
        if self._interface != "public":  # the addresses that are built in are the public ones
            usual = Endpoints.by_catalog(usual.iam)
        return replace(usual, **moved)

    def credentials(self, endpoints: Endpoints) -> Credentials:
        """How to sign in. Nothing is sent before the first call.

        Raises:
            ConfigError: As for `account` and `project`.
        """
        account, project = self.account, self.project()
        if account.kind == ACCESS_KEY:
            if account.agency:
                raise ConfigError(f"{account.source} cannot act through an agency: sign in with a user or a token")
            return AccessKeyCredentials(**account.options, project=project, to_check=account.to_check)
        if account.kind == TOKEN and not account.agency:
            return TokenCredentials(account.options["token"], project, to_check=account.to_check)
        return KeystoneCredentials(
            auth_url=endpoints.iam,
            kind=account.kind,
            options=account.options,
            account=account.description,
            to_check=account.to_check,
            project=project,
            agency={name: value for name, value in account.agency.items() if not name.startswith("delegated")},
            interface=self._interface,
            verify=self.verify,
            renew_password=account.renew_password,
        )

    @property
    def verify(self) -> bool | str:
        """Whether certificates are verified, or the file with the CAs to trust.

        Raises:
            ConfigError: As for `account`, or that file has no certificates.
        """
        settings = self.account.settings
        if settings.get("insecure", False) or not settings.get("verify", True):
            return False
        if not settings.get("cacert"):
            return True
        file, origin = Path(str(settings["cacert"])).expanduser(), self.account.origins["cacert"]
        try:
            ssl.create_default_context(cafile=file)
        except OSError as error:
            raise ConfigError(f"{origin} names {str(file)!r}, which is not a file of certificates") from error
        return str(file)

    @property
    def _interface(self) -> str:
        return str(self.account.settings.get("interface", "public"))

    def _stated_region(self) -> tuple[str | None, str]:
        if region := self._key("region"):
            return region, qualified("region")
        return self._environment.get("OS_REGION_NAME") or None, "OS_REGION_NAME"

    def _inferred_region(self, account: Account) -> tuple[str | None, str]:
        """The region of the project's name, or of IAM's address."""
        name = self.named_project(account)[1] or ""
        if region := region_of(name):
            return region, f"the name of project {name!r}"
        return region_of(account.scope.get("auth_url", "")), account.origins.get("auth_url", "")

    def named_project(self, account: Account | None = None) -> tuple[str | None, str | None, str]:
        """The id and the name of the project, as far as one is named, and what names it.

        Raises:
            ConfigError: As for `account`.
        """
        account = account or self.account
        id_, name = self._key("project_id"), self._key("project")
        if id_ or name:
            return id_, name, qualified("project_id" if id_ else "project")
        there = {**account.scope, **account.agency}
        names = ("delegated_project_id", "delegated_project")
        if not any(name in there for name in names):
            names = ("project_id", "project_name")
        origin = next((account.origins[name] for name in names if name in there), "")
        return there.get(names[0]), there.get(names[1]), origin

    @staticmethod
    def _owner(account: Account, name: str) -> str | None:
        """The id or name of the domain that owns the project: the user's own, unless another is named."""
        if account.agency:
            return account.agency.get(f"agency_{name}")
        return account.scope.get(f"project_{name}") or account.options.get(f"user_{name}")

    def _moved_services(self, region: str | None) -> dict[str, str]:
        """The services that are not where the region has them, by name.

        Raises:
            ConfigError: An address is not valid, or of another region.
        """
        account, moved = self.account, {}
        if (auth_url := account.scope.get("auth_url")) and not self._key("endpoint"):
            moved["iam"] = self._place("iam", auth_url, account.origins["auth_url"], region)
        for service, name in SERVICES.items():
            option = f"{name}_endpoint_override"
            if url := account.settings.get(option):
                moved[service] = self._place(service, str(url), account.origins[option], region)
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
        return moved | {
            service: self._place(service, url, qualified("endpoints"), region) for service, url in overrides.items()
        }

    def _place(self, service: str, url: str, origin: str, region: str | None) -> str:
        """The address of a service.

        Raises:
            ConfigError: It is not valid, or of another region.
        """
        if other := find_other_region(url, region):
            raise ConfigError(f"{origin} is of region {other}, not of {region}: correct one of them")
        return self._checked(origin, lambda: service_url(service, url))

    @staticmethod
    def _checked(source: str, make: Callable[[], T]) -> T:
        try:
            return make()
        except EndpointError as error:
            raise ConfigError(f"{source}: {error}") from error

    def _key(self, key: str) -> str | None:
        value = self._config(key)
        return value.strip() or None if isinstance(value, str) else None
