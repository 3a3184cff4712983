"""The cloud contents in one SQLite file: the services of the API, and changes that do not come through the API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4

from emulator import flow_logs, network, policies, rules, seed
from emulator.behaviour import Behaviour
from emulator.clock import Clock, Instant, now, seconds
from emulator.database import Database
from emulator.delivery import Delivery, Pace
from emulator.errors import EmulatorError
from emulator.flow_logs import FlowLog, FlowLogs
from emulator.gaps import Gap, find_gaps
from emulator.identity import Identity, User
from emulator.log_tank import LogGroup, LogTank, Settings
from emulator.network import Attachment, Network, Router
from emulator.quotas import Quotas

_NO_TAGS: Mapping[str, str] = {}
_DEFAULT_BEHAVIOUR = Behaviour()


class _Record(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


_RecordT = TypeVar("_RecordT", bound=_Record)


class Store:
    """The services of the API as attributes, and changes that do not come through the API as methods.

    These take names or ids. A name that does not exist, or is not unique, is an EmulatorError with the candidates.
    """

    def __init__(
        self,
        db: Path,
        *,
        seed_file: Path | None = None,
        behaviour: Behaviour = _DEFAULT_BEHAVIOUR,
        clock: Clock = now,
    ) -> None:
        self.path = db
        self.behaviour = behaviour
        self._clock = clock
        self._database = Database(
            db, lambda connection: seed.fill(connection, (seed_file or seed.DEMO).absolute(), clock())
        )
        self.seeded = self._database.created
        """Whether this call created the file and filled it from the seed."""
        self.identity = Identity(self._database, clock)
        self.network = Network(self._database)
        self.quotas = Quotas(self._database, clock)
        self.log_tank = LogTank(self._database, clock)
        self.delivery = Delivery(self._database, clock)
        self.flow_logs = FlowLogs(self._database, behaviour, clock)

    def close(self) -> None:
        self._database.close()

    @property
    def seed_source(self) -> str:
        """The seed file from which the database was filled; it has the passwords."""
        (source,) = self._database.connection().execute("SELECT value FROM note WHERE key = 'seed'").fetchone()
        return str(source)

    # Routers

    def router(self, router: str) -> Router:
        return _find("router", router, self.network.all_routers())

    def add_router(self, name: str, *, project: str | None = None, state: str = rules.AVAILABLE) -> str:
        """Add a router to a project (default: the first one) and return its id."""
        _check_choice("state", state, rules.ROUTER_STATES)
        router_id, instant = str(uuid4()), self._clock()
        row = (router_id, self._project_id(project), name, "", state, seed.DEFAULT_ASN, instant, instant)
        self._execute("INSERT INTO router VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *row)
        return router_id

    def set_router_state(self, router: str, state: str) -> None:
        _check_choice("state", state, rules.ROUTER_STATES)
        self._execute(
            "UPDATE router SET state = ?, updated_at = ? WHERE id = ?", state, self._clock(), self.router(router).id
        )

    def share_router(self, router: str, project: str) -> None:
        """Share a router with another project, which sees it and its attachments, but neither flow logs nor tags."""
        self._execute(
            "INSERT OR IGNORE INTO router_share VALUES (?, ?)", self.router(router).id, self._project_id(project)
        )

    # Attachments

    def attachment(self, attachment: str) -> Attachment:
        return _find("attachment", attachment, self.network.all_attachments())

    def add_attachment(
        self,
        router: str,
        name: str,
        *,
        resource_type: str = "vpc",
        state: str = rules.AVAILABLE,
        tags: Mapping[str, str] = _NO_TAGS,
        description: str = "",
        quiet: bool = False,
    ) -> str:
        """Add an attachment with a new resource to a router and return its id; a quiet one has no traffic."""
        _check_choice("type", resource_type, rules.ATTACHMENT_TYPES)
        _check_choice("state", state, rules.ATTACHMENT_STATES)
        attachment_id, instant = str(uuid4()), self._clock()
        row = (
            attachment_id,
            self.router(router).id,
            name,
            description,
            state,
            resource_type,
            str(uuid4()),
            json.dumps(dict(tags)),
            instant,
            instant,
            None,
            quiet,
        )
        self._execute("INSERT INTO attachment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)
        return attachment_id

    def remove_attachment(self, attachment: str) -> list[FlowLog]:
        """Delete an attachment and return the flow logs it had; Behaviour.attachment_deleted decides about these."""
        found = self.attachment(attachment)
        with self._database.writing() as connection:
            instant = self._clock()
            affected = flow_logs.find_by_attachment(connection, instant, found.id)
            if affected and self.behaviour.attachment_deleted == "refuse":
                names = ", ".join(flow_log.name for flow_log in affected)
                raise EmulatorError(
                    f"Attachment {found.name} has flow logs ({names}), and this emulator refuses to delete such an "
                    "attachment: delete them first."
                )
            connection.execute("UPDATE attachment SET removed_at = ? WHERE id = ?", (instant, found.id))
            if self.behaviour.attachment_deleted == "remove":
                flow_logs.delete_at_once(connection, instant, [flow_log.id for flow_log in affected])
        return affected

    def set_attachment_state(self, attachment: str, state: str) -> None:
        _check_choice("state", state, rules.ATTACHMENT_STATES)
        self._change_attachment(attachment, "state", state)

    def rename_attachment(self, attachment: str, name: str) -> None:
        self._change_attachment(attachment, "name", name)

    def tag_attachment(self, attachment: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of an attachment."""
        self._change_attachment(attachment, "tags", json.dumps(dict(tags)))

    # Log groups and streams, quotas, users

    def log_group(self, group: str) -> LogGroup:
        return _find("log group", group, self.log_tank.groups())

    def add_log_group(self, name: str, *, project: str | None = None) -> str:
        """Add a log group to a project (default: the first one) and return its id."""
        settings = Settings(seed.DEFAULT_TTL_IN_DAYS, None)
        return self.log_tank.create_group(self._project_id(project), name, settings)

    def add_log_stream(self, group: str, name: str) -> str:
        """Add a stream to a log group and return its id."""
        return self.log_tank.create_stream(*self._group_path(group), name, Settings(None, None))

    def remove_log_group(self, group: str) -> None:
        """Delete a log group with its streams and their records; flow logs stay, and deliver nowhere."""
        self.log_tank.delete_group(*self._group_path(group))

    def remove_log_stream(self, group: str, stream: str) -> None:
        """Delete a log stream with its records; flow logs stay, and deliver nowhere."""
        project_id, group_id = self._group_path(group)
        found = _find("log stream", stream, self.log_tank.streams(project_id, group_id))
        self.log_tank.delete_stream(project_id, group_id, found.id)

    def set_ttl(self, group: str, days: int) -> None:
        """Change how long a log group keeps records, in days."""
        ttl = rules.check_number("ttl_in_days", days, 1, rules.MAX_TTL_IN_DAYS)
        self.log_tank.update_group(*self._group_path(group), Settings(ttl, None))

    def _group_path(self, group: str) -> tuple[str, str]:
        found = self.log_group(group)
        return found.project_id, found.id

    def set_quota(self, limit: int, *, project: str | None = None) -> None:
        """Set how many flow logs a project (default: the first one) may have; -1 lifts the limit."""
        if limit < rules.UNLIMITED:
            raise EmulatorError(f"A quota is {rules.UNLIMITED} (none) or a number from 0, not {limit}.")
        self._execute(
            "INSERT OR REPLACE INTO quota VALUES (?, ?, ?)", self._project_id(project), rules.FLOW_LOG_QUOTA, limit
        )

    def set_password(self, user: str, password: str) -> None:
        """Change an IAM user's password."""
        self.identity.set_password(self._user(user), password)

    def set_role(self, user: str, role: str) -> None:
        """Change what an IAM user may do, at once, also with the tokens and access keys that they have."""
        _check_choice("role", role, policies.ROLES)
        self._execute("UPDATE user SET role = ?, policy = NULL WHERE id = ?", role, self._user(user).id)

    def set_policy(self, user: str, document: object) -> None:
        """Give an IAM user a custom policy in place of their role; in effect at once, like `set_role`."""
        policy = policies.parse(document, "The policy")
        self._execute("UPDATE user SET policy = ? WHERE id = ?", policy.to_json(), self._user(user).id)

    def add_access_key(
        self,
        user: str,
        access_key: str,
        secret_key: str,
        security_token: str | None = None,
        *,
        expires_in: float | None = None,
    ) -> None:
        """Give an IAM user an access key, temporary if it has a security token; it expires in `expires_in` seconds."""
        if self.identity.access_key(access_key) is not None:
            raise EmulatorError(f"Access key {access_key!r} already exists.")
        expires_at = None if expires_in is None else self._clock() + seconds(expires_in)
        row = (access_key, self._user(user).id, secret_key, security_token, expires_at)
        self._execute("INSERT INTO access_key VALUES (?, ?, ?, ?, ?)", *row)

    def remove_access_key(self, access_key: str) -> None:
        if self.identity.access_key(access_key) is None:
            raise EmulatorError(f"Access key {access_key!r} does not exist.")
        self._execute("DELETE FROM access_key WHERE access_key = ?", access_key)

    # Flow logs

    def flow_log(self, flow_log: str) -> FlowLog:
        return _find("flow log", flow_log, self.flow_logs.live())

    def set_flow_log_state(self, flow_log: str, state: str) -> None:
        """Put a flow log into a state and keep it there, such as `failed`, or stuck in `pending`."""
        _check_choice("state", state, flow_logs.STATES)
        self.flow_logs.overrule(self.flow_log(flow_log).id, state=state)

    def rename_flow_log(self, flow_log: str, name: str) -> None:
        self.flow_logs.overrule(self.flow_log(flow_log).id, name=name)

    def describe_flow_log(self, flow_log: str, description: str) -> None:
        self.flow_logs.overrule(self.flow_log(flow_log).id, description=description)

    def enable_flow_log(self, flow_log: str) -> None:
        self.flow_logs.overrule(self.flow_log(flow_log).id, enabled=True)

    def disable_flow_log(self, flow_log: str) -> None:
        self.flow_logs.overrule(self.flow_log(flow_log).id, enabled=False)

    def delete_flow_log(self, flow_log: str) -> None:
        """Delete a flow log at once, whatever its state."""
        self.set_flow_log_state(flow_log, flow_logs.DELETED)

    # Delivery

    def set_delivery(self, interval: float, delay: float = 0.0) -> None:
        """Have all flow logs write every `interval` seconds, found `delay` seconds later; also in the past."""
        self.delivery.set_pace(Pace(interval, delay))

    def lose_stream(self, flow_log: str) -> None:
        """Delete the log stream that a flow log writes to."""
        found = self.flow_log(flow_log)
        self.log_tank.delete_stream(found.project_id, found.log_group_id, found.log_stream_id)

    def stop_delivery(self, flow_log: str) -> None:
        """Have a flow log write nothing from now on, although it is available and enabled."""
        self.delivery.spoil(self.flow_log(flow_log).id, stops=True)

    def delay_delivery(self, flow_log: str, seconds: float) -> None:
        """Have the records of a flow log found so many seconds late."""
        self.delivery.spoil(self.flow_log(flow_log).id, delay=seconds)

    # Gaps

    def gaps(
        self,
        *,
        since: Instant | None = None,
        until: Instant | None = None,
        attachments: Iterable[str] | None = None,
    ) -> list[Gap]:
        """When attachments had no flow log that was both `available` and enabled: see `find_gaps`.

        Args:
            since: Where to begin (default: when the first flow log of all became available).
            until: Where to end (default: now).
            attachments: Names or ids; for a removed attachment, its id (default: all that exist now).

        Raises:
            EmulatorError: There is no such attachment, or nothing between `since` and `until`.
        """
        ids = None if attachments is None else self._attachment_ids(attachments)
        until = self._clock() if until is None else until
        with self._database.reading() as connection:
            return find_gaps(connection, since=since, until=until, attachment_ids=ids)

    def _attachment_ids(self, attachments: Iterable[str]) -> list[str]:
        existing = self.network.all_attachments()
        ever = network.attachment_ids_ever(self._database.connection())
        return [
            attachment if attachment in ever else _find("attachment", attachment, existing).id
            for attachment in attachments
        ]

    def _change_attachment(self, attachment: str, column: str, value: str) -> None:
        self._execute(
            f"UPDATE attachment SET {column} = ?, updated_at = ? WHERE id = ?",
            value,
            self._clock(),
            self.attachment(attachment).id,
        )

    def _user(self, user: str) -> User:
        return _find("user", user, self.identity.users())

    def _project_id(self, project: str | None) -> str:
        projects = self.identity.projects()
        return projects[0].id if project is None else _find("project", project, projects).id

    def _execute(self, statement: str, *values: object) -> None:
        with self._database.writing() as connection:
            connection.execute(statement, values)


def _find(kind: str, name_or_id: str, records: Iterable[_RecordT]) -> _RecordT:
    candidates = list(records)
    found = [record for record in candidates if name_or_id in (record.id, record.name)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(record.id for record in found)
        raise EmulatorError(f"There are {len(found)} {kind}s named {name_or_id!r}; use an id: {ids}.")
    names = ", ".join(record.name for record in candidates) or "none"
    raise EmulatorError(f"There is no {kind} {name_or_id!r}; known: {names}.")


def _check_choice(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise EmulatorError(f"The {what} must be one of {', '.join(allowed)}, not {value!r}.")
