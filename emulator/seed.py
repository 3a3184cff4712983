"""Seed files: what an empty database is filled with, read from YAML and checked down to every value.

domain: {name: OTC-DEMO}                 # id optional here and everywhere below: a fresh one is drawn
users:
  - name: demo                           # every user may sign in to every project
    password: secret
    role: reader                         # may read and change nothing; default: writer; or
    passcode: "123456"                   # one that never changes, for a user with MFA; optional
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
          - {name: vpc-idle, resource_type: vpc, quiet: true}         # no traffic, so that no records are written
    log_groups:                          # ttl_in_days and tags optional
      - {name: network, ttl_in_days: 30, tags: {env: prod}, streams: [{name: er-flow-logs}]}
delivery: {interval: 600, delay: 0}      # optional; seconds between a flow log's records, and until they are found
other_accounts:                          # optional; an agency lets users of the domain above act in the other account
  - domain: {name: OTC-OTHER}
    agencies: [{name: operations, role: reader}]
    projects: [{name: eu-de, routers: […], log_groups: […]}]
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from emulator import documents, rules
from emulator.clock import Instant, seconds
from emulator.delivery import DAY, Pace, save_pace
from emulator.documents import Document, Text
from emulator.identity import hash_password
from emulator.policies import WRITER, Policy

DEMO = Path(__file__).with_name("demo.yaml")
DEFAULT_ASN = 64512
DEFAULT_TTL_IN_DAYS = 30


def _unique(kind: str) -> AfterValidator:
    """Text that is once in the file; the context of the validation is the set of what was there before."""

    def check(value: str, info: ValidationInfo) -> str:
        taken: Any = info.context
        if (kind, value) in taken:
            raise ValueError(f"repeats {value!r}, which the file has before")
        taken.add((kind, value))
        return value

    return AfterValidator(check)


Positive = Annotated[int, Field(ge=1)]


class _Identified(Document):
    id: Annotated[Text, _unique("id")] = Field(default_factory=lambda: str(uuid4()))


class _Named(_Identified):
    name: Text


class AccessKey(Document):
    access_key: Annotated[Text, _unique("access key")]
    secret_key: Text
    security_token: Text | None = None
    expires_in: Positive | None = None


class User(_Identified):
    name: Annotated[Text, _unique("user")]
    password: Text
    passcode: Text | None = None
    role: Literal["writer", "reader"] = WRITER
    policy: Policy | None = None
    access_keys: list[AccessKey] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_permissions(self) -> User:
        if {"role", "policy"} <= self.model_fields_set:
            raise ValueError("has both a role and a policy: leave one out")
        return self


class Attachment(_Named):
    description: Text = ""
    state: rules.AttachmentState = rules.AVAILABLE
    resource_type: rules.AttachmentType
    resource_id: Text = Field(default_factory=lambda: str(uuid4()))
    tags: dict[Any, Text] = Field(default_factory=dict)
    quiet: bool = False


class Router(_Named):
    description: Text = ""
    state: rules.RouterState = rules.AVAILABLE
    asn: Positive = DEFAULT_ASN
    attachments: list[Attachment] = Field(default_factory=list)


class LogStream(_Named):
    ttl_in_days: Positive | None = None
    tags: dict[str, Text] = Field(default_factory=dict)


class LogGroup(_Named):
    ttl_in_days: Positive = DEFAULT_TTL_IN_DAYS
    tags: dict[str, Text] = Field(default_factory=dict)
    streams: list[LogStream] = Field(default_factory=list)


class Delivery(Document):
    interval: Annotated[float, Field(ge=0.01, le=DAY)] = Pace.interval
    delay: Annotated[float, Field(ge=0, le=DAY)] = Pace.delay


class Quotas(Document):
    flow_log: Annotated[int, Field(ge=rules.UNLIMITED)] | None = None


class OtherProject(_Named):
    """A project of another account, whose name may be that of a project here."""

    routers: list[Router] = Field(default_factory=list)
    log_groups: list[LogGroup] = Field(default_factory=list)


class Project(_Identified):
    name: Annotated[Text, _unique("project")]
    quotas: Quotas = Quotas()
    routers: list[Router] = Field(default_factory=list)
    log_groups: list[LogGroup] = Field(default_factory=list)


class Agency(_Identified):
    name: Annotated[Text, _unique("user")]
    role: Literal["writer", "reader"] = WRITER


class Account(Document):
    domain: _Named
    agencies: list[Agency] = Field(default_factory=list)
    projects: list[OtherProject] = Field(default_factory=list)


class Seed(Document):
    domain: _Named
    users: list[User] = Field(min_length=1)
    projects: list[Project] = Field(min_length=1)
    other_accounts: list[Account] = Field(default_factory=list)
    delivery: Delivery | None = None


def fill(connection: sqlite3.Connection, path: Path, now: Instant) -> None:
    """Write what a seed file describes into empty tables.

    Raises:
        EmulatorError: There is a mistake in the file.
    """
    document = documents.load_yaml(path, "seed file")
    seed = documents.parse(Seed, document, f"The seed file {path}", context=set())

    def insert(table: str, *values: object) -> None:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)

    insert("note", "seed", str(path))
    if seed.delivery:
        save_pace(connection, Pace(seed.delivery.interval, seed.delivery.delay))
    insert("domain", seed.domain.id, seed.domain.name)
    for position, user in enumerate(seed.users):
        policy = user.policy.to_json() if user.policy else None
        password = hash_password(user.password)
        insert("user", position, user.id, user.name, seed.domain.id, *password, user.role, policy, user.passcode, None)
        for key in user.access_keys:
            expires_at = now + seconds(key.expires_in) if key.expires_in else None
            insert("access_key", key.access_key, user.id, key.secret_key, key.security_token, expires_at)
    for position, project in enumerate(seed.projects):
        insert("project", position, project.id, project.name, seed.domain.id)
        _fill_project(insert, project, now)
    for account in seed.other_accounts:
        insert("domain", account.domain.id, account.domain.name)
        for agency in account.agencies:
            no_password, no_policy, no_passcode = (None, None), None, None
            own = (agency.id, agency.name, account.domain.id, *no_password, agency.role, no_policy, no_passcode)
            insert("user", None, *own, seed.domain.id)
        for other in account.projects:
            insert("project", None, other.id, other.name, account.domain.id)
            _fill_project(insert, other, now)


def _fill_project(insert: Callable[..., None], project: Project | OtherProject, now: Instant) -> None:
    if isinstance(project, Project) and project.quotas.flow_log is not None:
        insert("quota", project.id, rules.FLOW_LOG_QUOTA, project.quotas.flow_log)
    for router in project.routers:
        insert("router", router.id, project.id, router.name, router.description, router.state, router.asn, now, now)
        for attachment in router.attachments:
            insert(
                "attachment",
                attachment.id,
                router.id,
                attachment.name,
                attachment.description,
                attachment.state,
                attachment.resource_type,
                attachment.resource_id,
                json.dumps({str(key): value for key, value in attachment.tags.items()}),
                now,
                now,
                None,
                attachment.quiet,
            )
    for group in project.log_groups:
        tags = json.dumps(group.tags)
        insert("log_group", None, group.id, project.id, group.name, group.ttl_in_days, tags, now)
        for stream in group.streams:
            tags = json.dumps(stream.tags)
            insert("log_stream", None, stream.id, group.id, stream.name, stream.ttl_in_days, tags, now)
