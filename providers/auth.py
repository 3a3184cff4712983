"""Who acts: one account, out of a cloud of clouds.yaml, OS_* variables, or the stack file.

The first of these that names an account is used, and nothing is taken from another one:

1. OS_CLOUD, a cloud of clouds.yaml
2. OS_* variables
3. `token`, `username` or `access_key` of the stack file

OS_CLOUD beside variables that name an account is refused. Where a cloud or a stack file has no password or secret key,
OS_PASSWORD or OS_SECRET_KEY completes it, because secrets are often kept elsewhere. Within one of the three, a token
comes before a user, and a user before an access key.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from providers import clouds_yaml
from providers.config_keys import qualified
from providers.er.auth.keystone import MULTI_FACTOR, PASSWORD, TOKEN, plugin_options

ACCESS_KEY = "access key"
"""The kind of an account that signs its requests; every other kind is a plugin of keystoneauth1, by its name there."""

_ALIASES = {
    "auth_token": "token",
    "user_name": "username",
    "tenant_id": "project_id",
    "tenant_name": "project_name",
    "ak": "access_key",
    "access_key_id": "access_key",
    "sk": "secret_key",
    "secret_access_key": "secret_key",
    "session_token": "security_token",
    "target_agency_name": "agency_name",
    "xrole_name": "agency_name",
    "target_domain_name": "agency_domain_name",
    "target_domain_id": "agency_domain_id",
    "target_project_name": "delegated_project",
    "target_project_id": "delegated_project_id",
}
"""Other names of options: those of older OpenStack tools, and of this cloud's own ones."""

_FALLBACKS = {
    "user_domain_id": ("domain_id", "default_domain_id"),
    "user_domain_name": ("domain_name", "default_domain", "default_domain_name"),
    "project_domain_id": ("domain_id", "default_domain_id"),
    "project_domain_name": ("domain_name", "default_domain", "default_domain_name"),
}
"""Options that stand for others which are not there."""

_WHO = {
    TOKEN: ("token",),
    PASSWORD: ("username", "user_id", "password", "user_domain_id", "user_domain_name"),
    MULTI_FACTOR: ("username", "user_id", "password", "passcode", "user_domain_id", "user_domain_name"),
    ACCESS_KEY: ("access_key", "secret_key", "security_token"),
}
"""The options that say who signs in, by kind, for the kinds that need no plugin's loader."""

_NEEDED = {
    PASSWORD: (("password",), ("user_domain_name", "user_domain_id", "user_id")),
    MULTI_FACTOR: (("password",), ("passcode",), ("user_domain_name", "user_domain_id", "user_id")),
    ACCESS_KEY: (("secret_key",),),
}
"""What else these kinds need: one option of each."""

_AGENCY_NEEDED = (("agency_name",), ("agency_domain_name", "agency_domain_id"))

_STACK_KEYS = {
    "token": "token",
    "username": "username",
    "password": "password",
    "user_domain_name": "domain",
    "access_key": "access_key",
    "secret_key": "secret_key",
    "security_token": "security_token",
}
"""The keys of a stack file that say who signs in, by option."""

_SCOPE = ("auth_url", "project_id", "project_name", "project_domain_id", "project_domain_name")
_AGENCY = ("agency_name", "agency_domain_name", "agency_domain_id", "delegated_project", "delegated_project_id")
_NAMING = ("token", "username", "user_id", "access_key", "application_credential_id", "application_credential_name")
"""Options of which one is enough to name an account."""

_SETTINGS = ("region_name", "interface", "verify", "insecure", "cacert", "profile")
_REFUSED = ("cert", "key", "trust_id", "system_scope")
"""Settings of OpenStack tools that change who acts, or with what, and cannot be honoured."""


class AuthError(ValueError):
    """No account is named, or what names it is incomplete or contradictory; the text is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who acts.

    Attributes:
        source: What names the account, such as `OS_USERNAME`.
        kind: ACCESS_KEY, or the name of one of keystoneauth1's plugins.
        options: What signs in, by keystoneauth1's names; not the project.
        scope: auth_url, and project_id, project_name, project_domain_id and project_domain_name as far as given.
        agency: agency_name, agency_domain_name or agency_domain_id, delegated_project or delegated_project_id; empty
            for an account that acts for itself.
        settings: region_name, interface, verify, cacert, and `*_endpoint_override`, as far as given.
        origins: Where each option was found.
        renew_password: Knows a newer password, perhaps.
    """

    source: str
    kind: str
    options: Mapping[str, Any]
    scope: Mapping[str, str]
    agency: Mapping[str, str]
    settings: Mapping[str, Any]
    origins: Mapping[str, str]
    renew_password: Callable[[], str | None] | None = None

    @property
    def description(self) -> str:
        """The account in words, nothing secret."""
        if self.kind == ACCESS_KEY:
            temporary = ", a temporary one" if self.options.get("security_token") else ""
            return f"access key {self.options['access_key']!r}{temporary}"
        user = self.options.get("username") or self.options.get("user_id")
        if not user:
            return "whoever got the token" if self.kind == TOKEN else f"whom {self.kind} signs in"
        words = f"user {user!r}" + _of_domain(self.options, "user")
        return words + (
            f", through agency {self.agency['agency_name']!r}{_of_domain(self.agency, 'agency')}" if self.agency else ""
        )


def _of_domain(options: Mapping[str, str], whose: str) -> str:
    domain = options.get(f"{whose}_domain_name") or options.get(f"{whose}_domain_id")
    return f" of domain {domain!r}" if domain else ""


def find_account(
    environment: Mapping[str, str],
    stack: Callable[[str], str | None],
    region: str | None,
    current_key: Callable[[str], str | None],
) -> Account:
    """Who acts.

    Args:
        environment: The environment variables.
        stack: Looks up keys of the stack file.
        region: The region in use, as far as it is known: a cloud may have several.
        current_key: Looks a key up in the stack file as it is now, see `providers.connection`.

    Raises:
        AuthError: No account is named, or what names it is incomplete or contradictory.
        CloudsYamlError: The cloud that OS_CLOUD names cannot be used.
    """
    variables = {
        name.removeprefix("OS_").lower(): value
        for name, value in environment.items()
        if name.startswith("OS_") and value
    }
    own = _options(variables, _variable)
    secrets: dict[str, str] = {option: own[option] for option in ("password", "secret_key") if option in own}
    if cloud := variables.get("cloud"):
        source = f"cloud {cloud!r} of clouds.yaml"
        account = _account(clouds_yaml.load_cloud(cloud, region), source, lambda name: f"{name} of {source}", secrets)
        _refuse_another(account, own, cloud)
    elif any(option in own for option in _NAMING):
        source = _variable(next(option for option in _NAMING if option in own))
        needs_loader = "profile" in own or _kind(own, source) not in _WHO
        account = _account(clouds_yaml.load_environment(region) if needs_loader else variables, source, _variable, {})
    else:
        keys = {option: value for option, key in _STACK_KEYS.items() if (value := stack(key))}
        account = _account(keys, "the stack file", lambda option: qualified(_STACK_KEYS[option]), secrets)
        if account.kind == PASSWORD and account.origins["password"] == qualified("password"):
            account = replace(account, renew_password=functools.partial(current_key, "password"))
    if account.kind == ACCESS_KEY and environment.get("AWS_ACCESS_KEY_ID") == account.options["access_key"]:
        token = account.options.get("security_token") or environment.get("AWS_SESSION_TOKEN")
        account = replace(account, options={**account.options, **({"security_token": token} if token else {})})
    return account


def _variable(option: str) -> str:
    return f"OS_{option.upper()}"


def _options(settings: Mapping[str, Any], origin: Callable[[str], str]) -> dict[str, Any]:
    """The settings by keystoneauth1's names, those in `auth` among the others; empty ones are left out.

    Raises:
        AuthError: Two names of one option have different values.
    """
    found: dict[str, tuple[str, Any]] = {}
    for name, value in {**settings, "auth": None, **(settings.get("auth") or {})}.items():
        if value is None or value == "":
            continue
        option = _ALIASES.get(name, name)
        first, known = found.setdefault(option, (name, value))
        if known != value:
            raise AuthError(f"{origin(first)} and {origin(name)} contradict each other: unset one of them")
    options = {option: value for option, (_, value) in found.items()}
    for option, others in _FALLBACKS.items():
        if fallback := next((options[other] for other in others if other in options), None):
            options.setdefault(option, fallback)
    return options


def _kind(options: Mapping[str, Any], source: str) -> str:
    """Which kind of account the options name; openstacksdk has `password` for those that name none.

    Raises:
        AuthError: They name none.
    """
    named = str(options.get("auth_type", "password"))
    if named not in ("password", "v3password", "token", "v3token", "agency", "None"):
        return MULTI_FACTOR if named in ("totp", "v3totp") and "password" in options else named
    if "token" in options:
        return TOKEN
    if "username" in options or "user_id" in options:
        return MULTI_FACTOR if "passcode" in options else PASSWORD
    if "access_key" in options:
        return ACCESS_KEY
    raise AuthError(f"{source} names no token, username or access key to sign in with")


def _account(
    settings: Mapping[str, Any], source: str, origin: Callable[[str], str], secrets: Mapping[str, str]
) -> Account:
    """The account that the settings of one place name, with these secrets if it has none.

    Raises:
        AuthError: It is incomplete, or has what cannot be honoured.
    """
    options = _options(settings, origin)
    kind = _kind(options, source)
    allowed = _WHO.get(kind) or plugin_options(kind)
    origins = {option: origin(option) for option in options}
    for option in ("password", "secret_key"):
        if option in allowed and option in secrets and option not in options:
            options[option], origins[option] = secrets[option], _variable(option)
    known = {*allowed, *_SCOPE, *_AGENCY, *_FALLBACKS, "auth_type"}.union(*_FALLBACKS.values(), *_WHO.values())
    unknown = [name for name in settings.get("auth") or {} if _ALIASES.get(name, name) not in known]
    if refused := [*unknown, *(name for name in _REFUSED if options.get(name) and name not in allowed)]:
        raise AuthError(f"{', '.join(map(origin, refused))} cannot be honoured: take it out")
    who = {option: options[option] for option in allowed if option in options and option not in _SCOPE}
    agency = {option: str(options[option]) for option in _AGENCY if option in options}
    needed = (*_NEEDED.get(kind, ()), *(_AGENCY_NEEDED if agency else ()))
    there = {**who, **agency}
    if missing := [" or ".join(map(origin, names)) for names in needed if not any(name in there for name in names)]:
        raise AuthError(f"{source} also needs {' and '.join(missing)}")
    return Account(
        source=source,
        kind=kind,
        options=who,
        scope={option: str(options[option]) for option in _SCOPE if option in options},
        agency=agency,
        settings={
            name: value for name, value in options.items() if name in _SETTINGS or name.endswith("_endpoint_override")
        },
        origins=origins,
    )


def _refuse_another(account: Account, variables: Mapping[str, Any], cloud: str) -> None:
    """Refuse variables that would complete or contradict a cloud, but for secrets that it lacks.

    Raises:
        AuthError: There are any.
    """
    there = {**account.options, **account.scope, **account.agency}
    checked = {*_NAMING, *_SCOPE, *_AGENCY, "user_domain_id", "user_domain_name", "passcode"}
    others = [_variable(name) for name in sorted(checked) if name in variables and variables[name] != there.get(name)]
    if others:
        raise AuthError(
            f"OS_CLOUD names cloud {cloud!r}, and {', '.join(others)} name something else: unset OS_CLOUD or these"
        )
