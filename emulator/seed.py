"""Seed files: the world an empty database is filled with, read from YAML and checked down to every value.

domain: {name: OTC-DEMO}                 # id optional here and everywhere below: a fresh one is drawn
users:
  - name: demo                           # every user may sign in to every project
    password: secret
    role: reader                         # who may look and change nothing; left out: writer; or
    # policy: {Version: "1.1", Statement: [{Effect: Allow, Action: ["er:*:list"]}]}     as emulator/policies.py has it
    access_keys:                         # to sign requests with; one with a security token is a temporary key
      - {access_key: AK, secret_key: SK, security_token: a long one, expires_in: 3600}   # the last two optional
projects:                                # the first one is that of an embedded server
  - name: eu-de
    id: 0605767a9980d5762fbcc00b3537e757
    quotas: {flow_log: 50}               # -1: none; left out: 20, as in the user guide
    routers:
      - name: er-core                    # description, state (available) and asn optional
        attachments:
          - {name: vpc-shop, resource_type: vpc, tags: {env: prod}}   # description, state, resource_id optional
    log_groups:
      - {name: network, ttl_in_days: 30, streams: [{name: er-flow-logs}]}
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

from emulator import policies, rules
from emulator.clock import Instant, seconds
from emulator.errors import EmulatorError
from emulator.identity import password_record

DEMO = Path(__file__).with_name("demo.yaml")
DEFAULT_ASN = 64512
DEFAULT_TTL_IN_DAYS = 30


def fill(connection: sqlite3.Connection, path: Path, now: Instant) -> None:
    """Write the world of a seed file into empty tables; the first mistake in the file is an EmulatorError."""
    _Filler(connection, path, now).fill(_Node(path, "", load(path, "seed file")))


def load(path: Path, what: str) -> object:
    """What a YAML file holds; `what` it is stands in complaints.

    Raises:
        EmulatorError: It cannot be read, or is no YAML.
    """
    import yaml

    try:
        # In C where there is such: it takes a tenth of the time, and a first run waits for it.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(path.read_text(encoding="utf-8"), loader)
    except OSError as error:
        raise EmulatorError(f"Cannot read the {what} {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise EmulatorError(f"The {what} {path} is not UTF-8 text.") from error
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise EmulatorError(f"The {what} {path}{line}, is not valid YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise EmulatorError(f"The {what} {path} is not valid YAML.") from error


class _Node:
    """A value of the seed file together with its place in it, so that every complaint can name the place."""

    def __init__(self, path: Path, place: str, value: object) -> None:
        self._path = path
        self._place = place
        self._value = value

    def error(self, problem: str) -> EmulatorError:
        return EmulatorError(f"The seed file {self._path}: {self._place or 'the file'} {problem}.")

    def fields(self, *known: str, required: tuple[str, ...] = ()) -> Mapping[str, _Node]:
        if not isinstance(self._value, dict):
            raise self.error("must be a mapping")
        for key in self._value:
            if key not in known:
                raise self.error(f"has an unknown key {key!r}: the keys are {', '.join(known)}")
        for key in required:
            if key not in self._value:
                raise self.error(f"has no {key}")
        return {key: self._inner(f".{key}" if self._place else key, value) for key, value in self._value.items()}

    def items(self) -> Iterator[_Node]:
        if not isinstance(self._value, list):
            raise self.error("must be a list")
        for index, value in enumerate(self._value):
            yield self._inner(f"[{index}]", value)

    def pairs(self) -> Mapping[str, str]:
        if not isinstance(self._value, dict):
            raise self.error("must be a mapping")
        return {str(key): self._inner(f".{key}", value).text() for key, value in self._value.items()}

    def text(self) -> str:
        if not isinstance(self._value, str) or not self._value:
            raise self.error("must be a text (write it in quotes if it looks like a number)")
        return self._value

    def one_of(self, allowed: tuple[str, ...]) -> str:
        if self._value not in allowed:
            raise self.error(f"must be one of {', '.join(allowed)}, not {self._value!r}")
        return str(self._value)

    def whole_number(self, least: int) -> int:
        if isinstance(self._value, bool) or not isinstance(self._value, int) or self._value < least:
            raise self.error(f"must be a whole number, {least} or more")
        return self._value

    def policy(self) -> str:
        """The document as the database has it."""
        policies.parse(self._value, f"The seed file {self._path}: {self._place}")
        return json.dumps(self._value)

    def _inner(self, place: str, value: object) -> _Node:
        return _Node(self._path, self._place + place, value)


class _Filler:
    def __init__(self, connection: sqlite3.Connection, path: Path, now: Instant) -> None:
        self._connection = connection
        self._path = path
        self._now = now
        self._taken: set[str] = set()

    def fill(self, root: _Node) -> None:
        fields = root.fields("domain", "users", "projects", required=("domain", "users", "projects"))
        domain = fields["domain"].fields("id", "name", required=("name",))
        domain_id = self._id(domain)
        self._insert("domain", domain_id, domain["name"].text())
        for position, user in enumerate(fields["users"].items()):
            self._user(position, domain_id, user)
        for position, project in enumerate(fields["projects"].items()):
            self._project(position, domain_id, project)
        for table in ("user", "project"):
            if not self._connection.execute(f"SELECT 1 FROM {table}").fetchone():
                raise fields[f"{table}s"].error("must not be empty")
        self._insert("note", "seed", str(self._path))

    def _user(self, position: int, domain_id: str, node: _Node) -> None:
        user = node.fields("id", "name", "password", "role", "policy", "access_keys", required=("name", "password"))
        name = self._unique(user["name"], "user")
        user_id, password = self._id(user), password_record(user["password"].text())
        if "role" in user and "policy" in user:
            raise node.error("has both a role and a policy: leave one out")
        role = user["role"].one_of(policies.ROLES) if "role" in user else policies.WRITER
        policy = user["policy"].policy() if "policy" in user else None
        self._insert("user", position, user_id, name, domain_id, *password, role, policy)
        for key in user["access_keys"].items() if "access_keys" in user else ():
            self._access_key(user_id, key)

    def _access_key(self, user_id: str, node: _Node) -> None:
        key = node.fields(
            "access_key", "secret_key", "security_token", "expires_in", required=("access_key", "secret_key")
        )
        self._insert(
            "access_key",
            self._unique(key["access_key"], "access key"),
            user_id,
            key["secret_key"].text(),
            key["security_token"].text() if "security_token" in key else None,
            self._now + seconds(key["expires_in"].whole_number(1)) if "expires_in" in key else None,
        )

    def _project(self, position: int, domain_id: str, node: _Node) -> None:
        project = node.fields("id", "name", "quotas", "routers", "log_groups", required=("name",))
        project_id = self._id(project)
        self._insert("project", position, project_id, self._unique(project["name"], "project"), domain_id)
        if "quotas" in project:
            for key, limit in project["quotas"].fields(rules.FLOW_LOG_QUOTA).items():
                self._insert("quota", project_id, key, limit.whole_number(rules.UNLIMITED))
        for router in project["routers"].items() if "routers" in project else ():
            self._router(project_id, router)
        for group in project["log_groups"].items() if "log_groups" in project else ():
            self._log_group(project_id, group)

    def _router(self, project_id: str, node: _Node) -> None:
        router = node.fields("id", "name", "description", "state", "asn", "attachments", required=("name",))
        router_id = self._id(router)
        self._insert(
            "router",
            router_id,
            project_id,
            router["name"].text(),
            router["description"].text() if "description" in router else "",
            router["state"].one_of(rules.ROUTER_STATES) if "state" in router else rules.AVAILABLE,
            router["asn"].whole_number(1) if "asn" in router else DEFAULT_ASN,
            self._now,
            self._now,
        )
        for attachment in router["attachments"].items() if "attachments" in router else ():
            self._attachment(router_id, attachment)

    def _attachment(self, router_id: str, node: _Node) -> None:
        attachment = node.fields(
            "id",
            "name",
            "description",
            "state",
            "resource_type",
            "resource_id",
            "tags",
            required=("name", "resource_type"),
        )
        self._insert(
            "attachment",
            self._id(attachment),
            router_id,
            attachment["name"].text(),
            attachment["description"].text() if "description" in attachment else "",
            attachment["state"].one_of(rules.ATTACHMENT_STATES) if "state" in attachment else rules.AVAILABLE,
            attachment["resource_type"].one_of(rules.ATTACHMENT_TYPES),
            attachment["resource_id"].text() if "resource_id" in attachment else str(uuid4()),
            json.dumps(attachment["tags"].pairs() if "tags" in attachment else {}),
            self._now,
            self._now,
            None,
        )

    def _log_group(self, project_id: str, node: _Node) -> None:
        group = node.fields("id", "name", "ttl_in_days", "streams", required=("name",))
        group_id = self._id(group)
        ttl = group["ttl_in_days"].whole_number(1) if "ttl_in_days" in group else DEFAULT_TTL_IN_DAYS
        self._insert("log_group", None, group_id, project_id, group["name"].text(), ttl, self._now)
        for item in group["streams"].items() if "streams" in group else ():
            stream = item.fields("id", "name", required=("name",))
            self._insert("log_stream", None, self._id(stream), group_id, stream["name"].text(), self._now)

    def _id(self, fields: Mapping[str, _Node]) -> str:
        return self._unique(fields["id"], "id") if "id" in fields else str(uuid4())

    def _unique(self, node: _Node, kind: str) -> str:
        value = node.text()
        if f"{kind} {value}" in self._taken:
            raise node.error(f"repeats {value!r}, which the file has before")
        self._taken.add(f"{kind} {value}")
        return value

    def _insert(self, table: str, *values: object) -> None:
        self._connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
