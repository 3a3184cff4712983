"""Who signs in: a token, a user or an access key, from environment variables, clouds.yaml or stack config.

The environment comes first, because people and CI sign in as different users. The first of these that is set is used,
and its parts are not mixed with those of another, except as described here:

1. OS_TOKEN
2. OS_USERNAME, with OS_PASSWORD and OS_USER_DOMAIN_NAME
3. OS_ACCESS_KEY, with OS_SECRET_KEY, and OS_SECURITY_TOKEN for a temporary key
4. OS_CLOUD, a cloud of clouds.yaml that has any of these
5. token, username or access_key in the stack file

The secrets of the last two may be in OS_PASSWORD or OS_SECRET_KEY instead.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from providers.clouds_yaml import Cloud
from providers.config_keys import qualified

Lookup = Callable[..., "str | None"]
"""Takes names, in order of precedence; returns the first value that is set."""

Part = tuple[str, "str | None"]
"""A required setting: where to set it, and its value."""

DOMAIN = f"OS_USER_DOMAIN_NAME (or {qualified('domain')})"


class IdentityError(ValueError):
    """No credentials are set, or some are missing; the message is one sentence."""


@dataclass(frozen=True)
class Token:
    """A token from elsewhere."""

    source: str
    token: str


@dataclass(frozen=True)
class User:
    """An IAM user; `renew` may return a newer password."""

    source: str
    username: str
    password: str
    domain: str
    renew: Callable[[], str | None] | None = None


@dataclass(frozen=True)
class AccessKey:
    """An access key; a temporary key has a security token."""

    source: str
    access_key: str
    secret_key: str
    security_token: str | None


def resolve_identity(
    variable: Lookup, key: Lookup, cloud: Cloud | None, current_key: Callable[[str], str | None]
) -> Token | User | AccessKey:
    """Who signs in.

    Args:
        variable: Looks up environment variables.
        key: Looks up keys of the stack config.
        cloud: The cloud that OS_CLOUD names.
        current_key: Looks up a key in the stack file as it is now, see `providers.connection`.

    Raises:
        IdentityError: No credentials are set, or some are missing.
    """
    password, secret_key = variable("OS_PASSWORD"), variable("OS_SECRET_KEY")
    domain = variable("OS_USER_DOMAIN_NAME", "OS_DOMAIN_NAME") or key("domain")
    if token := variable("OS_TOKEN"):
        return Token("OS_TOKEN", token)
    if username := variable("OS_USERNAME"):
        return _user("OS_USERNAME", username, ("OS_PASSWORD", password), (DOMAIN, domain))
    if access_key := variable("OS_ACCESS_KEY"):
        return _access_key(
            "OS_ACCESS_KEY", access_key, ("OS_SECRET_KEY", secret_key), security_token=variable("OS_SECURITY_TOKEN")
        )
    if cloud:
        return _from_cloud(cloud, password, secret_key)
    return _from_stack(key, password, secret_key, domain, current_key)


def _from_cloud(cloud: Cloud, password: str | None, secret_key: str | None) -> Token | User | AccessKey:
    source = f"cloud {cloud.name!r} in clouds.yaml"
    if cloud.token:
        return Token(source, cloud.token)
    if cloud.username:
        return _user(
            source,
            cloud.username,
            ("password in its auth (or OS_PASSWORD)", password or cloud.password),
            ("user_domain_name in its auth", cloud.domain),
        )
    if cloud.access_key:
        secret = ("sk in its auth (or OS_SECRET_KEY)", secret_key or cloud.secret_key)
        return _access_key(source, cloud.access_key, secret, security_token=cloud.security_token)
    raise IdentityError(f"{source} has no token, username or ak in its auth")


def _from_stack(
    key: Lookup,
    password: str | None,
    secret_key: str | None,
    domain: str | None,
    current_key: Callable[[str], str | None],
) -> Token | User | AccessKey:
    password_part = (f"OS_PASSWORD (or {qualified('password')})", password or key("password"))
    if token := key("token"):
        return Token(qualified("token"), token)
    if username := key("username"):
        renew = None if password else functools.partial(current_key, "password")
        return _user(qualified("username"), username, password_part, (DOMAIN, domain), renew)
    if access_key := key("access_key"):
        secret = (f"OS_SECRET_KEY (or {qualified('secret_key')})", secret_key or key("secret_key"))
        return _access_key(qualified("access_key"), access_key, secret, security_token=key("security_token"))
    missing = _list_missing((f"OS_USERNAME (or {qualified('username')})", None), password_part, (DOMAIN, domain))
    raise IdentityError(
        f"set {missing}; or give other credentials: OS_TOKEN, OS_ACCESS_KEY or OS_CLOUD"
        " in the environment, or token or access_key in the stack file"
    )


def _user(
    source: str, username: str, password: Part, domain: Part, renew: Callable[[], str | None] | None = None
) -> User:
    _require(source, password, domain)
    return User(source, username, password[1] or "", domain[1] or "", renew)


def _access_key(source: str, access_key: str, secret_key: Part, *, security_token: str | None) -> AccessKey:
    _require(source, secret_key)
    return AccessKey(source, access_key, secret_key[1] or "", security_token)


def _require(source: str, *parts: Part) -> None:
    if missing := _list_missing(*parts):
        raise IdentityError(f"{source} also needs {missing}")


def _list_missing(*parts: Part) -> str:
    return " and ".join(where for where, value in parts if not value)
