"""Domains, projects, users and tokens (IAM v3). Neither passwords nor tokens are stored as such, only their hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from dataclasses import dataclass

from emulator.database import Database
from emulator.errors import BAD_CREDENTIALS, ApiError, IamError
from emulator.instants import Clock, Instant, seconds

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
    id: str
    name: str
    domain: Domain


@dataclass(frozen=True)
class Token:
    """What a token stands for. The token itself is known to its bearer alone."""

    user: User
    project: Project
    issued_at: Instant
    expires_at: Instant


@dataclass(frozen=True)
class Named:
    """A reference in a sign-in, by id or by name; `domain` says whose name it is."""

    id: str | None = None
    name: str | None = None
    domain: Named | None = None


_PROJECTS = "SELECT p.id, p.name, d.id, d.name FROM project p JOIN domain d ON d.id = p.domain_id"
_USERS = "SELECT u.id, u.name, d.id, d.name FROM user u JOIN domain d ON d.id = u.domain_id"


class Identity:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def domains(self) -> list[Domain]:
        return [Domain(*row) for row in self._database.connection().execute("SELECT id, name FROM domain")]

    def projects(self, name: str | None = None) -> list[Project]:
        rows = self._database.connection().execute(
            f"{_PROJECTS} WHERE p.name = :name OR :name IS NULL ORDER BY p.position", {"name": name}
        )
        return [_project(row) for row in rows]

    def users(self) -> list[User]:
        rows = self._database.connection().execute(f"{_USERS} ORDER BY u.position")
        return [_user(row) for row in rows]

    def sign_in(self, user: Named, password: str, scope: Named) -> tuple[str, Token]:
        """A new token and what it stands for; one answer to every wrong name or password, as Keystone gives."""
        connection = self._database.connection()
        found = _one(connection, _USERS, "u", user)
        if found is None or not _has_password(connection, found[0], password):
            raise IamError(401, "The username or password is wrong.")
        project = _one(connection, _PROJECTS, "p", scope)
        if project is None:
            raise IamError(401, f"The project {scope.name or scope.id!r} does not exist in this domain.")
        return self.issue(_user(found), _project(project))

    def issue(self, user: User, project: Project) -> tuple[str, Token]:
        """A new token without a password: for sign_in, and for the process that runs the emulator itself."""
        bearer = secrets.token_urlsafe(48)
        issued_at = self._clock()
        token = Token(user, project, issued_at, issued_at + seconds(TOKEN_LIFETIME))
        with self._database.writing() as connection:
            connection.execute("DELETE FROM token WHERE expires_at <= ?", (issued_at,))
            connection.execute(
                "INSERT INTO token VALUES (?, ?, ?, ?, ?)",
                (_digest(bearer), user.id, project.id, token.issued_at, token.expires_at),
            )
        return bearer, token

    def revoke(self, bearer: str) -> None:
        with self._database.writing() as connection:
            connection.execute("DELETE FROM token WHERE digest = ?", (_digest(bearer),))

    def expire_tokens(self) -> None:
        """End every token now, as if its time had come."""
        with self._database.writing() as connection:
            connection.execute("UPDATE token SET expires_at = ?", (self._clock(),))

    def set_password(self, user: User, password: str) -> None:
        """Change a user's password; tokens that were issued before stay valid, as IAM has it."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE user SET password_salt = ?, password_hash = ? WHERE id = ?",
                (*password_record(password), user.id),
            )

    def project_of(self, bearer: str | None) -> str:
        """The id of the project that a token is scoped to; refused unless the token is valid now."""
        if bearer is not None:
            row = self._database.connection().execute(
                "SELECT project_id FROM token WHERE digest = ? AND expires_at > ?", (_digest(bearer), self._clock())
            )
            found = row.fetchone()
            if found is not None:
                return str(found[0])
        raise ApiError(BAD_CREDENTIALS, "Incorrect IAM authentication information: the token is missing or expired.")

    def token(self, bearer: str) -> Token:
        row = self._database.connection().execute(
            "SELECT user_id, project_id, issued_at, expires_at FROM token WHERE digest = ? AND expires_at > ?",
            (_digest(bearer), self._clock()),
        )
        found = row.fetchone()
        if found is None:
            raise IamError(404, "The token does not exist or has expired.")
        user_id, project_id, issued_at, expires_at = found
        (user,) = (user for user in self.users() if user.id == user_id)
        (project,) = (project for project in self.projects() if project.id == project_id)
        return Token(user, project, issued_at, expires_at)


def password_record(password: str) -> tuple[bytes, bytes]:
    """The salt and the hash to store for a password."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt, _password_hash(password, salt)


def _has_password(connection: sqlite3.Connection, user_id: str, password: str) -> bool:
    salt, expected = connection.execute(
        "SELECT password_salt, password_hash FROM user WHERE id = ?", (user_id,)
    ).fetchone()
    return hmac.compare_digest(_password_hash(password, salt), expected)


def _password_hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1)


def _digest(bearer: str) -> bytes:
    # A token is random enough that its hash needs no salt and may be a fast one: it is computed for every request.
    return hashlib.sha256(bearer.encode()).digest()


def _one(connection: sqlite3.Connection, query: str, alias: str, wanted: Named) -> tuple[str, str, str, str] | None:
    domain = wanted.domain or Named()
    found: tuple[str, str, str, str] | None = connection.execute(
        f"{query} WHERE {alias}.id = :id OR ({alias}.name = :name AND (d.id = :domain_id OR d.name = :domain_name))",
        {"id": wanted.id, "name": wanted.name, "domain_id": domain.id, "domain_name": domain.name},
    ).fetchone()
    return found


def _project(row: tuple[str, str, str, str]) -> Project:
    return Project(row[0], row[1], Domain(row[2], row[3]))


def _user(row: tuple[str, str, str, str]) -> User:
    return User(row[0], row[1], Domain(row[2], row[3]))
