"""Who acts: one account, out of a cloud of clouds.yaml, OS_* variables, or the stack file.

The first of these that names an account is used, and nothing is taken from another one:

1. OS_CLOUD, a cloud of clouds.yaml
2. OS_* variables
3. `token`, `username` or `access_key` of the stack file

OS_CLOUD beside variables that say something else is refused. A cloud that lacks a password, a passcode, a secret key or
its security token takes it from the variables, because secrets are often kept elsewhere. Variables that name no account
complete the stack file. Within one of the three, a token comes before a user, and a user before an access key, unless
`auth_type` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from providers import clouds_yaml
from providers.config_keys import qualified
from providers.er.auth.credentials import Project
from providers.er.auth.plugins import MULTI_FACTOR, PASSWORD, TOKEN, plugin_options

ACCESS_KEY = "access key"
"""The kind of an account that signs its requests; every other kind is a plugin of keystoneauth1, by its name there."""

_OTHER_NAMES = {
    "token": ("auth_token",),
    "username": ("user_name",),
    "project_id": ("tenant_id",),
    "project_name": ("tenant_name",),
    "access_key": ("ak", "access_key_id"),
    "secret_key": ("sk", "secret_access_key"),
    "security_token": ("session_token",),
    "agency_name": ("target_agency_name", "xrole_name"),
    "agency_domain_id": ("target_domain_id",),
    "agency_domain_name": ("target_domain_name",),
    "agency_project_id": ("delegated_project_id", "target_project_id"),
    "agency_project_name": ("delegated_project", "target_project_name"),
    "default_domain_name": ("default_domain",),
    "interface": ("endpoint_type",),
}
"""Other names of options: those of older OpenStack tools, and of this cloud's own ones."""

_ALIASES = {name: option for option, names in _OTHER_NAMES.items() for name in names}

_USER = ("username", "user_id", "password", "user_domain_id", "user_domain_name")
_WHO = {
    TOKEN: ("token",),
    PASSWORD: _USER,
    MULTI_FACTOR: (*_USER, "passcode"),
    ACCESS_KEY: ("access_key", "secret_key", "security_token"),
}
"""The options that say who signs in, by kind, for the kinds that need no plugin's loader."""

_NAME_OR_ID = ("username", "user_id")
_DOMAIN_OR_ID = ("user_domain_name", "user_domain_id", "user_id")
_NEEDED = {
    TOKEN: (("token",),),
    PASSWORD: (_NAME_OR_ID, ("password",), _DOMAIN_OR_ID),
    MULTI_FACTOR: (_NAME_OR_ID, ("password",), ("passcode",), _DOMAIN_OR_ID),
    ACCESS_KEY: (("secret_key",),),
}
"""What else these kinds need: one option of each."""

_AGENCY = ("agency_name", "agency_domain_name", "agency_domain_id")
_AGENCY_NEEDED = (("agency_name",), ("agency_domain_name", "agency_domain_id"))

_SCOPE = (
    *("project_id", "project_name", "project_domain_id", "project_domain_name"),
    *("agency_project_id", "agency_project_name"),
)
"""The options that say which project is meant; in an agency's account, its project comes first."""

STACK_KEYS = {
    "username": "username",
    "user_domain_name": "domain",
    **{key: key for key in ("access_key", "password", "token", "secret_key", "security_token")},
}
"""The keys of a stack file that say who signs in, by option."""

_NAMING = {
    "token": TOKEN,
    "username": PASSWORD,
    "user_id": PASSWORD,
    "access_key": ACCESS_KEY,
    "application_credential_id": "",
    "application_credential_name": "",
}
"""Options of which one is enough to name an account, with its kind; empty, if that is for `auth_type` to say."""

_KINDS = {"password": PASSWORD, "v3password": PASSWORD, "token": TOKEN, "v3token": TOKEN}
"""Values of `auth_type` whose plugin needs no loader."""

_AGENCY_TYPE = "agency"
"""The value of `auth_type` that needs an agency, and leaves the kind to the other options."""

_SECRETS = ("password", "passcode", "secret_key", "security_token")
"""What a cloud takes from variables if it lacks it."""

_SETTINGS = ("auth_url", "region_name", "interface", "verify", "insecure", "cacert")
_REFUSED = ("cert", "key", "trust_id", "system_scope")
"""Settings of OpenStack tools that change who acts, or with what, and cannot be honoured."""

_DOMAINS = ("domain", "default_domain")
"""What stands for the domain of the user, and of the project, if these are not given."""

_KNOWN = {
    *("auth_type", "auth_url", *_SCOPE, *_AGENCY, *chain(*_WHO.values())),
    *(f"{domain}_{part}" for domain in _DOMAINS for part in ("id", "name")),
}
"""What may stand in the `auth` of a cloud; there may be further options of a plugin."""

_FOR_SIGNING_IN = {*_KNOWN, *_ALIASES, *_REFUSED} - {"auth_type", "endpoint_type"}
"""What may stand in the `auth` of a cloud or beside it."""


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
        project: The project, as far as it is named, and its owner.
        agency: agency_name, and agency_domain_name or agency_domain_id; empty for an account that acts for itself.
        settings: auth_url, region_name, interface, verify, cacert, and `*_endpoint_override`, as far as given.
        origins: Where each option was found.
    """

    source: str
    kind: str
    options: Mapping[str, Any]
    project: Project
    agency: Mapping[str, str]
    settings: Mapping[str, Any]
    origins: Mapping[str, str]

    @property
    def description(self) -> str:
        """The account in words, nothing secret."""
        if self.kind == ACCESS_KEY:
            temporary = " (temporary)" if self.options.get("security_token") else ""
            return f"access key {self.options['access_key']!r}{temporary}"
        user = self.options.get("username") or self.options.get("user_id")
        words = "the owner of the token" if self.kind == TOKEN else f"the user of {self.kind}"
        if user:
            words = f"user {user!r}{_of_domain(self.options, 'user')}"
        if self.agency:
            words += f", through agency {self.agency['agency_name']!r}{_of_domain(self.agency, 'agency')}"
        return words

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


def find_account(environment: Mapping[str, str], stack: Callable[[str], str | None], region: str | None) -> Account:
    """Find who acts.

    Args:
        environment: The environment variables.
        stack: Looks up keys of the stack file.
        region: The region in use, as far as it is known: a cloud may have several.

    Raises:
        AuthError: No account is named, or what names it is incomplete or contradictory.
        CloudsYamlError: The cloud that OS_CLOUD names cannot be used.
        PluginError: keystoneauth1 cannot sign in this way.
    """
    variables = _find_options(
        {name[3:].lower(): value for name, value in sorted(environment.items()) if name.startswith("OS_")}, _variable
    )
    if "profile" in variables and "cloud" not in variables:
        profile = variables["profile"].value
        settings = clouds_yaml.load_profile(profile, region)
        variables = {**_find_options(settings, lambda name: f"{name} of profile {profile!r}"), **variables}
    stack_file = _find_options({option: stack(key) for option, key in STACK_KEYS.items()}, _stack_key)
    if "cloud" in variables:
        cloud = variables["cloud"].value
        source = f"cloud {cloud!r} in clouds.yaml"
        settings = clouds_yaml.load_cloud(cloud, region, _FOR_SIGNING_IN)
        found = _find_options(settings, lambda name: f"{name} of {source}")
        found = {**_only(variables, _SECRETS), **found}
        _refuse_another(found, variables, cloud)
        place = _with_other_place(str, _variable, _SECRETS)
    else:
        found, place = _find_without_cloud(variables, stack_file)
        source = found[_find_kind(found)[0]].origin
    session_token, its_key = environment.get("AWS_SESSION_TOKEN"), environment.get("AWS_ACCESS_KEY_ID")
    if session_token and "access_key" in found and found["access_key"].value == its_key:
        found.setdefault("security_token", _Option(session_token, "AWS_SESSION_TOKEN"))
    return _make_account(found, source, place)


def _find_without_cloud(
    variables: dict[str, _Option], stack_file: dict[str, _Option]
) -> tuple[dict[str, _Option], Callable[[str], str]]:
    """The options of the account that the variables or else the stack file name, and where others can be set.

    Raises:
        AuthError: Neither names one.
    """
    domain = ("user_domain_name",)
    if _find_kind(variables)[0]:
        others = {} if "user_domain_id" in variables else _only(stack_file, domain)
        return {**others, **variables}, _with_other_place(_variable, _stack_key, domain)
    if not _find_kind(stack_file)[0]:
        keys = ", ".join(map(_stack_key, ("token", "username", "access_key")))
        raise AuthError(
            "set OS_CLOUD, OS_TOKEN, OS_USERNAME or OS_ACCESS_KEY in the environment, or one of"
            f" {keys} in the stack file"
        )
    if "user_domain_name" in stack_file:
        variables.pop("user_domain_id", None)  # which would outrank it
    return {**variables, **stack_file}, _with_other_place(_variable, _stack_key, STACK_KEYS)


def _find_kind(found: Mapping[str, _Option]) -> tuple[str, str]:
    """The option that names an account, and the account's kind; empty if there is none.

    A plugin in `auth_type` names an account, too, because some need no user.
    """
    type_ = str(found["auth_type"].value) if "auth_type" in found else _AGENCY_TYPE
    there = [option for option in _NAMING if option in found]
    if type_ == _AGENCY_TYPE:
        naming = next(iter(there), "")
        kind = _NAMING.get(naming, "")
    else:
        kind = _KINDS.get(type_, type_)
        named_by = TOKEN if kind == TOKEN else PASSWORD
        fallback = "auth_type" if there or type_ not in _KINDS else ""
        naming = next((option for option in there if _NAMING[option] == named_by), fallback)
    second_factor = {PASSWORD: "passcode", "totp": "password", "v3totp": "password"}.get(kind)
    return naming, MULTI_FACTOR if second_factor in found else kind


def _variable(name: str) -> str:
    return f"OS_{name.upper()}"


def _stack_key(option: str) -> str:
    return qualified(STACK_KEYS[option])


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
    for whose in ("user_domain", "project_domain"):
        found |= {f"{whose}_{part}": option for part, option in _first(found, whose, *_DOMAINS).items()}
    return found


def _first(found: Mapping[str, _Option], *options: str) -> dict[str, _Option]:
    """The id and the name of the first of these options that has either."""
    for option in options:
        if parts := {part: found[f"{option}_{part}"] for part in ("id", "name") if f"{option}_{part}" in found}:
            return parts
    return {}


def _only(found: Mapping[str, _Option], options: Iterable[str]) -> dict[str, _Option]:
    return {option: found[option] for option in options if option in found}


def _make_account(found: Mapping[str, _Option], source: str, place: Callable[[str], str]) -> Account:
    """The account that these options name; `place` is where an option that is missing can be set.

    Raises:
        AuthError: It is incomplete, or has options that cannot be honoured.
        PluginError: keystoneauth1 cannot sign in this way.
    """
    _, kind = _find_kind(found)
    if not kind:
        raise AuthError(f"{source} has no token, username or access key to sign in with")
    allowed = _WHO.get(kind) or plugin_options(kind)
    if refused := [
        option.origin
        for name, option in found.items()
        if name not in allowed and (name in _REFUSED or (option.is_for_signing_in and name not in _KNOWN))
    ]:
        raise AuthError(f"{', '.join(refused)} cannot be honoured: take it out")
    project = _first(found, "agency_project", "project")
    owner = _first(found, "agency_domain", "project_domain", "user_domain")
    agency = {name: str(option.value) for name, option in _only(found, _AGENCY).items()}
    has_agency = (
        agency or _first(found, "agency_project") or ("auth_type" in found and found["auth_type"].value == _AGENCY_TYPE)
    )
    needed = (*_NEEDED.get(kind, ()), *(_AGENCY_NEEDED if has_agency else ()))
    if missing := [names for names in needed if not _only(found, names)]:
        words = " and ".join(" or ".join(map(place, names)) for names in missing)
        raise AuthError(f"{source} also needs {words}")
    settings = (name for name in found if name in _SETTINGS or name.endswith("_endpoint_override"))
    return Account(
        source=source,
        kind=kind,
        options={name: found[name].value for name in allowed if name in found and name not in (*_SCOPE, "auth_url")},
        project=Project(
            **{part: str(option.value) for part, option in project.items()},
            domain={f"project_domain_{part}": str(option.value) for part, option in owner.items()},
            origin=next((option.origin for option in project.values()), ""),
        ),
        agency=agency,
        settings={name: found[name].value for name in settings},
        origins={name: option.origin for name, option in found.items()},
    )


def _with_other_place(
    place: Callable[[str], str], other: Callable[[str], str], options: Iterable[str]
) -> Callable[[str], str]:
    """Where an option can be set: these options in another place, too."""
    return lambda option: f"{place(option)} (or {other(option)})" if option in options else place(option)


def _refuse_another(found: Mapping[str, _Option], variables: Mapping[str, _Option], cloud: str) -> None:
    """Refuse variables that say something else than a cloud, but for secrets that it lacks.

    Raises:
        AuthError: There are any.
    """
    checked = {*_KNOWN, *_NAMING, *_SETTINGS, *_REFUSED, "profile"} - {"region_name"}
    there: dict[str, Any] = {"insecure": False, **{name: option.value for name, option in found.items()}}
    kind = _find_kind(found)[1]
    others = [
        option.origin
        for name, option in variables.items()
        if (name in checked or name.endswith("_endpoint_override"))
        and option.value != (str(there[name]).lower() if isinstance(there.get(name), bool) else there.get(name))
        and not (name == "auth_type" and _KINDS.get(option.value) == kind)
    ]
    if others:
        raise AuthError(
            f"OS_CLOUD names cloud {cloud!r}, contradicted by {', '.join(sorted(set(others)))}: unset one of them"
        )
