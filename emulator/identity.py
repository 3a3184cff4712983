"""Domains, projects, users, tokens and access keys (IAM v3). Of passwords and tokens only hashes are stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from emulator import policies
from emulator.clock import Clock, Instant, seconds
from emulator.database import Database
from emulator.errors import IamError
from emulator.policies import Policy

TOKEN_LIFETIME = 24 * 3600.0  # seconds; API reference: a token is valid for 24 hours
_SALT_BYTES = 16


@dataclass(frozen=True)
class Domain:
    id: str
    name: str


@dataclass(frozen=True)
class Project:
    id: str
    name: str
    domain: Domain


@dataclass(frozen=True)
class User:
    """An IAM user. A user with a custom policy has no role."""

    id: str
    name: str
    domain: Domain
    role: str | None
    policy: Policy


@dataclass(frozen=True)
class Token:
    """What a token is for. The token itself is known to its bearer alone."""

    user: User
    project: Project | None
    issued_at: Instant
    expires_at: Instant


@dataclass(frozen=True)
class AccessKey:
    """What a user signs requests with. A key with a security token is temporary."""

    user: User
    secret_key: str
    security_token: str | None
    expires_at: Instant | None


@dataclass(frozen=True)
class Named:
    """A reference in a sign-in, by id or by name; `domain` is that of the name."""

    id: str | None = None
    name: str | None = None
    domain: Named | None = None


_PROJECT = "p.id, p.name, pd.id, pd.name"
_PROJECTS = f"SELECT {_PROJECT} FROM project p JOIN domain pd ON pd.id = p.domain_id"
_USER = "u.id, u.name, ud.id, ud.name, u.role, u.policy"
_USERS = f"SELECT {_USER} FROM user u JOIN domain ud ON ud.id = u.domain_id"
_TOKENS = f"""
SELECT t.issued_at, t.expires_at, {_PROJECT}, {_USER} FROM token t
LEFT JOIN project p ON p.id = t.project_id LEFT JOIN domain pd ON pd.id = p.domain_id
JOIN user u ON u.id = t.user_id JOIN domain ud ON ud.id = u.domain_id
"""
_ACCESS_KEYS = f"""
SELECT k.secret_key, k.security_token, k.expires_at, {_USER} FROM access_key k
JOIN user u ON u.id = k.user_id JOIN domain ud ON ud.id = u.domain_id
"""


class Identity:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self.clock = clock

    def projects(self, name: str | None = None, *, domain: Domain | None = None) -> list[Project]:
        rows = self._database.connection().execute(
            f"{_PROJECTS} WHERE (p.name = :name OR :name IS NULL) AND (pd.id = :domain OR :domain IS NULL)"
            " ORDER BY p.position",
            {"name": name, "domain": domain.id if domain else None},
        )
        return [_project(row) for row in rows]

    def users(self) -> list[User]:
        rows = self._database.connection().execute(f"{_USERS} WHERE u.trusted_domain_id IS NULL ORDER BY u.position")
        return [_user(row) for row in rows]

    def sign_in(self, user: Named, password: str, scope: Named | None, passcode: str | None) -> tuple[str, Token]:
        """A new token; the same error for every wrong name, password or passcode, as in Keystone."""
        connection = self._database.connection()
        found = _find(connection, _USERS, "u", user)
        if found is None or not _has_password(connection, found[0], password, passcode):
            raise IamError(401, "The username or password is wrong.")
        return self.issue(_user(found), self._find_project(scope, _user(found).domain))

    def exchange(self, bearer: str, scope: Named | None) -> tuple[str, Token]:
        """A new token of the same user for another project. It expires with the old one, as in Keystone."""
        token = self._require_token(bearer)
        return self.issue(token.user, self._find_project(scope, token.user.domain), expires_at=token.expires_at)

    def assume_role(self, caller: Domain, domain: Named, agency: str, scope: Named | None) -> tuple[str, Token]:
        """A new token of an agency that trusts the domain of its caller."""
        found = _find(self._database.connection(), _USERS, "u", Named(name=agency, domain=domain))
        trusted = (
            found
            and self._database.connection()
            .execute("SELECT trusted_domain_id FROM user WHERE id = ?", (found[0],))
            .fetchone()
        )
        if not found or not trusted or trusted[0] != caller.id:
            raise IamError(403, f"There is no agency {agency!r} that trusts domain {caller.name!r}.")
        return self.issue(_user(found), self._find_project(scope, _user(found).domain))

    def issue(self, user: User, project: Project | None, *, expires_at: Instant | None = None) -> tuple[str, Token]:
        """A new token without a password: for sign-in, and for the process that runs the emulator."""
        bearer = secrets.token_urlsafe(48)
        issued_at = self.clock()
        token = Token(user, project, issued_at, expires_at or issued_at + seconds(TOKEN_LIFETIME))
        with self._database.writing() as connection:
            connection.execute("DELETE FROM token WHERE expires_at <= ?", (issued_at,))
            connection.execute(
                "INSERT INTO token VALUES (?, ?, ?, ?, ?)",
                (_digest(bearer), user.id, project.id if project else None, token.issued_at, token.expires_at),
            )
        return bearer, token

    def revoke(self, bearer: str) -> None:
        with self._database.writing() as connection:
            connection.execute("DELETE FROM token WHERE digest = ?", (_digest(bearer),))

    def expire_tokens(self) -> None:
        """Have every token expire now."""
        with self._database.writing() as connection:
            connection.execute("UPDATE token SET expires_at = ?", (self.clock(),))

    def token(self, bearer: str) -> Token | None:
        """What a token is for; None unless it is valid now."""
        found = (
            self._database.connection()
            .execute(f"{_TOKENS} WHERE t.digest = ? AND t.expires_at > ?", (_digest(bearer), self.clock()))
            .fetchone()
        )
        if found is None:
            return None
        return Token(_user(found[6:]), _project(found[2:6]) if found[2] else None, found[0], found[1])

    def set_password(self, user: User, password: str) -> None:
        """Change a user's password; tokens that were issued before stay valid, as in IAM."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE user SET password_salt = ?, password_hash = ? WHERE id = ?",
                (*hash_password(password), user.id),
            )

    def access_key(self, access_key: str) -> AccessKey | None:
        """The access key of that name, valid or expired."""
        found = self._database.connection().execute(f"{_ACCESS_KEYS} WHERE k.access_key = ?", (access_key,)).fetchone()
        return None if found is None else AccessKey(_user(found[3:]), *found[:3])

    def _require_token(self, bearer: str) -> Token:
        token = self.token(bearer)
        if token is None:
            raise IamError(401, "The token does not exist or has expired.")
        return token

    def _find_project(self, scope: Named | None, domain: Domain) -> Project | None:
        """The project of a scope; a name alone means one of the user's own domain. None for no scope, or a domain."""
        if scope is None:
            return None
        own = Named(id=domain.id)
        found = _find(self._database.connection(), _PROJECTS, "p", replace(scope, domain=scope.domain or own))
        if found is None or found[2] != domain.id:
            raise IamError(401, f"The project {scope.name or scope.id!r} does not exist in this domain.")
        return _project(found)


def hash_password(password: str) -> tuple[bytes, bytes]:
    """The salt and the hash to store for a password."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt, _password_hash(password, salt)


def _has_password(connection: sqlite3.Connection, user_id: str, password: str, passcode: str | None) -> bool:
    salt, expected, own_passcode = connection.execute(
        "SELECT password_salt, password_hash, passcode FROM user WHERE id = ?", (user_id,)
    ).fetchone()
    if salt is None or (own_passcode is not None and own_passcode != passcode):
        return False
    return hmac.compare_digest(_password_hash(password, salt), expected)


def _password_hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1)


def _digest(bearer: str) -> bytes:
    # A token is random enough that its hash needs no salt and may be a fast one: it is computed for every request.
    return hashlib.sha256(bearer.encode()).digest()


def _find(connection: sqlite3.Connection, query: str, alias: str, reference: Named) -> Sequence[Any] | None:
    domain = reference.domain or Named()
    found: Sequence[Any] | None = connection.execute(
        f"{query} WHERE {alias}.id = :id OR "
        f"({alias}.name = :name AND ({alias}d.id = :domain_id OR {alias}d.name = :domain_name))",
        {"id": reference.id, "name": reference.name, "domain_id": domain.id, "domain_name": domain.name},
    ).fetchone()
    return found


def _project(row: Sequence[Any]) -> Project:
    return Project(row[0], row[1], Domain(row[2], row[3]))


def _user(row: Sequence[Any]) -> User:
    role, document = row[4:6]
    own = None if document is None else policies.parse_stored(document)
    return User(row[0], row[1], Domain(row[2], row[3]), None if own else role, own or policies.BUILT_IN[role])
