"""Who acts: one account, out of a cloud of clouds.yaml, OS_* variables, or the stack file.

The first of these that names an account is used, and nothing is taken from another one:

1. OS_CLOUD, a cloud of clouds.yaml
2. OS_* variables
3. `token`, `username` or `access_key` of the stack file

Variables that say something else than the cloud of OS_CLOUD are refused. A cloud that has no password, passcode or
secret key takes it from OS_PASSWORD, OS_PASSCODE or OS_SECRET_KEY, because secrets are often kept elsewhere; variables
that name no account complete the stack file. Within one of the three, a token comes before a user, and a user before an
access key, unless `auth_type` says which.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from providers import clouds_yaml
from providers.config_keys import qualified
from providers.er.auth.plugins import MULTI_FACTOR, PASSWORD, TOKEN, plugin_options

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
    "endpoint_type": "interface",
}
"""Other names of options: those of older OpenStack tools, and of this cloud's own ones."""

_FALLBACKS = {
    "user_domain_id": ("domain_id", "default_domain_id"),
    "user_domain_name": ("domain_name", "default_domain", "default_domain_name"),
    "project_domain_id": ("domain_id", "default_domain_id"),
    "project_domain_name": ("domain_name", "default_domain", "default_domain_name"),
}
"""Options that stand for others which are not there."""

_USER = ("username", "user_id", "password", "user_domain_id", "user_domain_name")
_WHO = {
    TOKEN: ("token",),
    PASSWORD: _USER,
    MULTI_FACTOR: (*_USER, "passcode"),
    ACCESS_KEY: ("access_key", "secret_key", "security_token"),
}
"""The options that say who signs in, by kind, for the kinds that need no plugin's loader."""

_DOMAIN_OR_ID = ("user_domain_name", "user_domain_id", "user_id")
_NAME_OR_ID = ("username", "user_id")
_NEEDED = {
    TOKEN: (("token",),),
    PASSWORD: (_NAME_OR_ID, ("password",), _DOMAIN_OR_ID),
    MULTI_FACTOR: (_NAME_OR_ID, ("password",), ("passcode",), _DOMAIN_OR_ID),
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

_TOGETHER = {
    "security_token": {"secret_key"},
    "user_domain_id": {"user_domain_name", "user_id"},
    "user_domain_name": {"user_domain_id", "user_id"},
}
"""Options that are of no use beside others, which came from another place."""

_SCOPE = ("auth_url", "project_id", "project_name", "project_domain_id", "project_domain_name")
_AGENCY = ("agency_name", "agency_domain_name", "agency_domain_id", "delegated_project", "delegated_project_id")
_NAMING = ("token", "username", "user_id", "access_key", "application_credential_id", "application_credential_name")
"""Options of which one is enough to name an account."""

_KINDS = {"password": PASSWORD, "v3password": PASSWORD, "token": TOKEN, "v3token": TOKEN}
"""Values of `auth_type` that are no plugin's name, or whose plugin needs no loader."""

_AGENCY_TYPE = "agency"
"""The value of `auth_type` that needs an agency, and leaves the kind to the other options."""

_SETTINGS = ("region_name", "interface", "verify", "insecure", "cacert", "profile")
_REFUSED = ("cert", "key", "trust_id", "system_scope")
"""Settings of OpenStack tools that change who acts, or with what, and cannot be honoured."""

_FOR_SIGNING_IN = frozenset({*_ALIASES, *_ALIASES.values(), *_SCOPE, *_AGENCY, *_NAMING, *_REFUSED}).union(
    _FALLBACKS, *_FALLBACKS.values(), *_WHO.values()
) - {"interface", "endpoint_type"}
"""All names of options that say who acts, and in which project."""


_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class _Option:
    """A setting, and where it was found."""

    value: Any
    origin: str
    is_for_signing_in: bool = False


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
            temporary = " (temporary)" if self.options.get("security_token") else ""
            return f"access key {self.options['access_key']!r}{temporary}"
        user = self.options.get("username") or self.options.get("user_id")
        words = "the owner of the token" if self.kind == TOKEN else f"the user of {self.kind}"
        if user:
            words = f"user {user!r}" + _of_domain(self.options, "user")
        return words + (
            f", through agency {self.agency['agency_name']!r}{_of_domain(self.agency, 'agency')}" if self.agency else ""
        )

    @property
    def to_check(self) -> str:
        """Where each part came from, for the sentence about an account that is refused."""
        place = f" of {self.source}"  # once for all parts of a cloud
        parts = [self.origins[option] for option in (*self.options, *self.agency) if option in self.origins]
        in_place = [part.removesuffix(place) for part in parts if part.endswith(place)]
        elsewhere = [part for part in parts if not part.endswith(place)]
        return ", ".join([*elsewhere, *in_place]) + (place if in_place else "")


def _of_domain(options: Mapping[str, str], whose: str) -> str:
    domain = options.get(f"{whose}_domain_name") or options.get(f"{whose}_domain_id")
    return f" of domain {domain!r}" if domain else ""


def _is_true(setting: _Option) -> bool:
    """The setting as true or false.

    Raises:
        AuthError: It is neither.
    """
    word = str(setting.value).lower()
    if word not in (*_TRUE, *_FALSE):
        raise AuthError(f"{setting.origin} is {setting.value!r}, which is neither true nor false")
    return word in _TRUE


def find_account(
    environment: Mapping[str, str],
    stack: Callable[[str], str | None],
    region: str | None,
    current_key: Callable[[str], str | None],
) -> Account:
    """Find who acts.

    Args:
        environment: The environment variables.
        stack: Looks up keys of the stack file.
        region: The region in use, as far as it is known: a cloud may have several.
        current_key: Looks a key up in the stack file as it is now, see `providers.connection`.

    Raises:
        AuthError: No account is named, or what names it is incomplete or contradictory.
        CloudsYamlError: The cloud that OS_CLOUD names cannot be used.
        PluginError: keystoneauth1 cannot sign in this way.
    """
    variables = {
        name.removeprefix("OS_").lower(): value
        for name, value in environment.items()
        if name.startswith("OS_") and value
    }
    own = _find_options(variables, _variable)
    if (profile := variables.get("profile")) and "cloud" not in variables:
        settings = clouds_yaml.load_profile(profile, region)
        own = {**_find_options(settings, lambda name: f"{name} of profile {profile!r}"), **own}
    keys = {option: value for option, key in _STACK_KEYS.items() if (value := stack(key))}
    if cloud := variables.get("cloud"):
        source = f"cloud {cloud!r} in clouds.yaml"
        found = _find_options(
            clouds_yaml.load_cloud(cloud, region, _FOR_SIGNING_IN), lambda name: f"{name} of {source}"
        )
        _complete(found, own, "password", "passcode", "secret_key", "security_token")
        account = _make_account(found, source, _with_other_place(str, _variable, "password", "passcode", "secret_key"))
        _refuse_another(account, found, own, cloud)
    elif named := _find_naming(own):
        _complete(own, _find_options(keys, _stack_key), "user_domain_name")
        account = _make_account(own, own[named].origin, _with_other_place(_variable, _stack_key, "user_domain_name"))
    else:
        found = _find_options(keys, _stack_key)
        _complete(found, own, *own)
        named = _find_naming(found)
        if named is None:
            keys_of_stack = ", ".join(map(_stack_key, ("token", "username", "access_key")))
            raise AuthError(
                "set OS_CLOUD, OS_TOKEN, OS_USERNAME or OS_ACCESS_KEY in the environment, or one of"
                f" {keys_of_stack} in the stack file"
            )
        account = _make_account(found, found[named].origin, _with_other_place(_variable, _stack_key, *_STACK_KEYS))
        if account.kind == PASSWORD and account.origins["password"] == qualified("password"):
            account = replace(account, renew_password=functools.partial(current_key, "password"))
    session_token, its_key = environment.get("AWS_SESSION_TOKEN"), environment.get("AWS_ACCESS_KEY_ID")
    if session_token and account.kind == ACCESS_KEY and account.options["access_key"] == its_key:
        origins = {"security_token": "AWS_SESSION_TOKEN", **account.origins}
        account = replace(account, options={"security_token": session_token, **account.options}, origins=origins)
    return account


def _find_naming(found: Mapping[str, _Option]) -> str | None:
    """The option that names an account; a plugin's own kind does, too, because some kinds need no user."""
    type_ = str(found["auth_type"].value) if "auth_type" in found else _AGENCY_TYPE
    there = [option for option in _NAMING if option in found]
    if type_ == _AGENCY_TYPE:
        return next(iter(there), None)
    naming = ("token",) if _KINDS.get(type_) == TOKEN else _NAME_OR_ID
    return next((option for option in naming if option in there), "auth_type" if there or type_ not in _KINDS else None)


def _variable(name: str) -> str:
    return f"OS_{name.upper()}"


def _stack_key(option: str) -> str:
    return qualified(_STACK_KEYS[option])


def _find_options(settings: Mapping[str, Any], origin: Callable[[str], str]) -> dict[str, _Option]:
    """The settings by keystoneauth1's names, those in `auth` among the others; empty ones are left out.

    Raises:
        AuthError: Two names of one option have different values.
    """
    found: dict[str, _Option] = {}
    auth = settings.get("auth") or {}
    for name, value in {**settings, "auth": None, **auth}.items():
        if value is None or value == "":
            continue
        option = _ALIASES.get(name, name)
        if option == "interface":
            value = str(value).removesuffix("URL")  # as OS_ENDPOINT_TYPE has it
        new = _Option(value, origin(name), is_for_signing_in=name in auth)
        known = found.setdefault(option, new)
        if known.value != value:
            raise AuthError(f"{known.origin} and {new.origin} contradict each other: unset one of them")
    given = {option.rpartition("_")[0] for option in _FALLBACKS.keys() & found}
    for option, others in _FALLBACKS.items():
        if option.rpartition("_")[0] in given:
            continue  # by id or by name
        if fallback := next((found[other] for other in others if other in found), None):
            found.setdefault(option, fallback)
    return found


def _complete(found: dict[str, _Option], others: Mapping[str, _Option], *options: str) -> None:
    """Take from elsewhere what is not there; but a security token only with its key, and a domain by id or by name."""
    here = set(found)
    for option in options:
        if option in others and not here & _TOGETHER.get(option, set()):
            found.setdefault(option, others[option])


def _kind_of(found: Mapping[str, _Option], source: str) -> str:
    """Which kind of account the options name.

    Raises:
        AuthError: They name none.
    """
    type_ = str(found["auth_type"].value) if "auth_type" in found else _AGENCY_TYPE
    if type_ != _AGENCY_TYPE:
        kind = _KINDS.get(type_, type_)
        second_factor = {PASSWORD: "passcode", "totp": "password", "v3totp": "password"}.get(kind)
        return MULTI_FACTOR if second_factor in found else kind
    if "token" in found:
        return TOKEN
    if "username" in found or "user_id" in found:
        return MULTI_FACTOR if "passcode" in found else PASSWORD
    if "access_key" in found:
        return ACCESS_KEY
    raise AuthError(f"{source} has no token, username or access key to sign in with")


def _make_account(found: Mapping[str, _Option], source: str, place: Callable[[str], str]) -> Account:
    """The account that these options name; `place` is where an option that is missing can be set.

    Raises:
        AuthError: It is incomplete, or has options that cannot be honoured.
        PluginError: keystoneauth1 cannot sign in this way.
    """
    kind = _kind_of(found, source)
    allowed = _WHO.get(kind) or plugin_options(kind)
    known = {*allowed, *_SCOPE, *_AGENCY, *_FALLBACKS, "auth_type"}.union(*_FALLBACKS.values(), *_WHO.values())
    refused = [
        option.origin
        for name, option in found.items()
        if name not in allowed and (name in _REFUSED or (option.is_for_signing_in and name not in known))
    ]
    if refused:
        raise AuthError(f"{', '.join(refused)} cannot be honoured: take it out")
    values = {name: option.value for name, option in found.items()}
    who = {name: values[name] for name in allowed if name in values and name not in _SCOPE}
    agency = {name: str(values[name]) for name in _AGENCY if name in values}
    has_agency = agency or values.get("auth_type") == _AGENCY_TYPE
    needed = (*_NEEDED.get(kind, ()), *(_AGENCY_NEEDED if has_agency else ()))
    if missing := [names for names in needed if not any(name in values for name in names)]:
        words = " and ".join(" or ".join(map(place, names)) for names in missing)
        raise AuthError(f"{source} also needs {words}")
    return Account(
        source=source,
        kind=kind,
        options=who,
        scope={name: str(values[name]) for name in _SCOPE if name in values},
        agency=agency,
        settings={
            name: _is_true(option) if name in ("verify", "insecure") else option.value
            for name, option in found.items()
            if name in _SETTINGS or name.endswith("_endpoint_override")
        },
        origins={name: option.origin for name, option in found.items()},
    )


def _with_other_place(place: Callable[[str], str], other: Callable[[str], str], *options: str) -> Callable[[str], str]:
    """Where an option can be set: some can be set in another place, too."""
    return lambda option: f"{place(option)} (or {other(option)})" if option in options else place(option)


def _refuse_another(
    account: Account, cloud: Mapping[str, _Option], variables: Mapping[str, _Option], name: str
) -> None:
    """Refuse variables that say something else than the cloud, but for secrets that it lacks.

    Raises:
        AuthError: There are any.
    """
    there = {"insecure": False, **{key: option.value for key, option in cloud.items()}, **account.settings}
    checked = {*_FOR_SIGNING_IN, *_SETTINGS, "auth_type"} - {"region_name"}
    others = [
        option.origin
        for key, option in variables.items()
        if (key in checked or key.endswith("_endpoint_override"))
        and option.value != there.get(key)
        and not (key == "auth_type" and _KINDS.get(option.value) == account.kind)
        and not (isinstance(there.get(key), bool) and _is_true(option) == there[key])
    ]
    if others:
        raise AuthError(
            f"OS_CLOUD names cloud {name!r}, and {', '.join(dict.fromkeys(others))} says something else: unset one"
        )
