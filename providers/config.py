"""Where the API is, which project is meant, and how to sign in: out of the stack file, the environment and clouds.yaml.

The stack file comes first for where (endpoint, region, project), because a stack belongs to one place; then the account
that `providers.auth` finds. What contradicts the region in use is refused: an address of IAM, or a project, of another
region.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from providers import shared_sign_in
from providers.auth import ACCESS_KEY, STACK_KEYS, Account, AuthError, find_account
from providers.clouds_yaml import CloudsYamlError
from providers.config_keys import STACKS_AT_ONCE, qualified
from providers.er import Client, Endpoints
from providers.er.auth.access_key import AccessKeyCredentials
from providers.er.auth.credentials import Credentials, Project
from providers.er.auth.keystone import KeystoneCredentials
from providers.er.auth.plugins import PASSWORD, TOKEN, PluginError
from providers.er.auth.token import TokenCredentials
from providers.er.background import MAX_CONCURRENT_CALLS
from providers.er.endpoints import REGIONS, EndpointError, find_other_region, region_of
from providers.er.limits import ID_CHARACTERS, ID_PATTERN
from providers.er.sanitizing import sanitize

_SWITCHES = {**dict.fromkeys(("true", "yes", "1", "on"), True), **dict.fromkeys(("false", "no", "0", "off"), False)}

SERVICES = {"er": "er", "iam": "identity", "lts": "lts"}
"""The services, with their names in OpenStack's `*_endpoint_override`."""

EMULATOR = "emulator"
"""The value of `endpoint` that means the embedded emulator."""

SECRET_KEYS = ("password", "token", "secret_key", "security_token")
"""Keys that may stand in a stack file as secrets only."""

CONFIG_KEYS = ("endpoint", "endpoints", "region", "project", "project_id", *STACK_KEYS.values())
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
        sign_ins: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the sources of the settings; see `providers.connection`.

        `sign_ins` are those of this process, as `Credentials.state` has them; by default another process is asked.
        """
        self._config = config
        self._environment = environment
        self._current_config = current_config
        self._ask_for_sign_in = functools.partial(shared_sign_in.ask, environment) if sign_ins is None else sign_ins.get

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
        stated = self._key("region") or self._environment.get("OS_REGION_NAME")
        try:
            account = find_account(self._environment, self._key, stated)
            region, _ = self._region_of(account)
            if region in (stated, account.settings.get("region_name")):
                return account
            return find_account(self._environment, self._key, region)
        except (AuthError, CloudsYamlError, PluginError) as error:
            raise ConfigError(f"no credentials: {error}") from error

    def region(self) -> tuple[str | None, str]:
        """The region in use, if it is known, and what names it.

        Raises:
            ConfigError: As for `account`.
        """
        return self._region_of(self.account)

    def project(self) -> Project:
        """The project to act in, as far as it is named; a region's own project bears the region's name (IAM: projects).

        Raises:
            ConfigError: As for `account`; or none is named, or by what is not an id.
        """
        region, project = self.region()[0], self.named_project(self.account)
        if not (project.id or project.name) and self.account.kind != TOKEN:
            if not region:
                raise ConfigError(
                    f"no project: set {qualified('project')} or {qualified('project_id')} in the stack file"
                    " (or OS_PROJECT_NAME or OS_PROJECT_ID in the environment)"
                )
            project = replace(project, name=region, origin="the region")
        if project.id and not ID_PATTERN.fullmatch(project.id):
            raise ConfigError(
                f"{project.origin} is {sanitize(project.id, 80)!r}, which is not an id: ids are {ID_CHARACTERS}"
            )
        if other := find_other_region(project.name or "", region):
            raise ConfigError(f"{project} is in region {other}, not in {region}: correct one of them")
        return replace(project, region=region)

    def endpoints(self) -> Endpoints:
        """Where the services are.

        Raises:
            ConfigError: A place is missing or not valid.
        """
        region, origin = self.region()
        moved = self._moved_services(region)
        if url := self._key("endpoint"):
            endpoints = self._checked(qualified("endpoint"), Endpoints.at, url)
        elif moved.keys() == SERVICES.keys() or (region and region not in REGIONS and "iam" in moved):
            endpoints = Endpoints()
        elif region:
            endpoints = self._checked(origin, Endpoints.of_region, region)
            if self._interface != "public":  # the addresses that are built in are the public ones
                endpoints = Endpoints(iam=endpoints.iam)
        else:
            raise ConfigError(
                f"no region: set {qualified('region')} in the stack file to {' or '.join(REGIONS)}"
                " (or OS_REGION_NAME in the environment)"
            )
        for service, (source, url) in moved.items():
            endpoints = self._checked(source, endpoints.overridden, **{service: url})
        return endpoints

    def client(self) -> Client:
        """A client. Nothing is sent before its first call.

        Raises:
            ConfigError: As for `account`, `project` and `endpoints`; or the number of stacks at once is not valid.
        """
        endpoints = self.endpoints()
        credentials = self._credentials(endpoints.iam)
        return Client(credentials, endpoints, verify=self.verify, max_calls=self._max_calls())

    def _max_calls(self) -> int:
        """This process's share of the calls that are made at once."""
        stacks = self._environment.get(STACKS_AT_ONCE, "").strip() or "1"
        if not (stacks.isdecimal() and int(stacks)):
            raise ConfigError(f"{STACKS_AT_ONCE} is {stacks!r}: it must be a whole number from 1 on")
        return max(1, MAX_CONCURRENT_CALLS // int(stacks))

    def _credentials(self, iam: str) -> Credentials:
        """How to sign in.

        Raises:
            ConfigError: As for `account` and `project`.
        """
        account, project = self.account, self.project()
        is_renewable = account.kind == PASSWORD and account.origins["password"] == qualified("password")
        if account.kind == ACCESS_KEY:
            if account.agency:
                raise ConfigError(f"{account.source} cannot act through an agency: sign in with a user or a token")
            return AccessKeyCredentials(**account.options, project=project, to_check=account.to_check)
        if account.kind == TOKEN and not account.agency:
            return TokenCredentials(account.options["token"], project, to_check=account.to_check)
        return KeystoneCredentials(
            auth_url=iam,
            kind=account.kind,
            options=account.options,
            account=account.description,
            to_check=account.to_check,
            project=project,
            agency=account.agency,
            interface=self._interface,
            verify=self.verify,
            renew_password=functools.partial(self._current_config, "password") if is_renewable else None,
            ask_for_state=self._ask_for_sign_in,
        )

    @property
    def verify(self) -> bool | str:
        """Whether certificates are verified, or the file with the CAs to trust."""
        settings = self.account.settings
        if self._switch("insecure", default=False) or not self._switch("verify", default=True):
            return False
        return str(Path(str(settings["cacert"])).expanduser()) if settings.get("cacert") else True

    @property
    def _interface(self) -> str:
        return str(self.account.settings.get("interface", "public"))

    def _switch(self, setting: str, *, default: bool) -> bool:
        value = self.account.settings.get(setting, default)
        switch = _SWITCHES.get(str(value).lower())
        if switch is None:
            origin = self.account.origins.get(setting, setting)
            raise ConfigError(f"{origin} is {value!r}: it must be true or false")
        return switch

    def _region_of(self, account: Account) -> tuple[str | None, str]:
        name, settings, origins = self.named_project(account).name or "", account.settings, account.origins
        named = (
            (self._key("region"), qualified("region")),
            (self._environment.get("OS_REGION_NAME"), "OS_REGION_NAME"),
            (settings.get("region_name"), origins.get("region_name", "")),
            (region_of(name), f"the name of project {name!r}"),
            (region_of(settings.get("auth_url", "")), origins.get("auth_url", "")),
        )
        return next(((region, origin) for region, origin in named if region), (None, ""))

    def named_project(self, account: Account) -> Project:
        """The project as far as one is named, by the stack file or else by the account."""
        id_, name = self._key("project_id"), self._key("project")
        if not (id_ or name):
            return account.project
        return replace(account.project, id=id_, name=name, origin=qualified("project_id" if id_ else "project"))

    def _moved_services(self, region: str | None) -> dict[str, tuple[str, str]]:
        """What names another address than the region's, and that address, by service.

        Raises:
            ConfigError: An address is of another region, or `endpoints` has another form.
        """
        account, moved = self.account, dict[str, tuple[str, str]]()
        settings, origins = account.settings, account.origins
        if "auth_url" in settings and not self._key("endpoint"):
            moved["iam"] = origins["auth_url"], settings["auth_url"]
        for service, name in SERVICES.items():
            if (option := f"{name}_endpoint_override") in settings:
                moved[service] = origins[option], str(settings[option])
        try:
            urls = json.loads(self._key("endpoints") or "{}")
        except ValueError:
            urls = None
        if not isinstance(urls, dict) or not all(key in SERVICES and isinstance(urls[key], str) for key in urls):
            raise ConfigError(f"{qualified('endpoints')} must map services ({', '.join(SERVICES)}) to addresses")
        moved |= {service: (qualified("endpoints"), url) for service, url in urls.items()}
        for origin, url in moved.values():
            if other := find_other_region(url, region):
                raise ConfigError(f"{origin} is of region {other}, not of {region}: correct one of them")
        return moved

    @staticmethod
    def _checked(source: str, make: Callable[..., Endpoints], *arguments: str, **named: str) -> Endpoints:
        try:
            return make(*arguments, **named)
        except EndpointError as error:
            raise ConfigError(f"{source}: {error}") from error

    def _key(self, key: str) -> str | None:
        value = self._config(key)
        return value.strip() or None if isinstance(value, str) else None
