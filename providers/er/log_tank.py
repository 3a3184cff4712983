"""What log groups and log streams of the Log Tank Service (LTS) have in common.

A log group's name is unique in its project, and a log stream's in its group. The service has no X-Client-Token, so
`create_once` marks what it creates with a tag: if the name is taken, the tag tells whether an earlier create of the
same caller took it.

Only lists show what exists. If one lags behind, and its caller creates again what it lacks, the tag shows that too.

Sources: LTS API reference, log group management and log stream management; `ttl_in_days` in the list of streams and
tags of the service's own are not in it, but in answers of the live service (gophertelekomcloud, pull request 808).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Generic, TypeVar

from providers.er.calls import Calls
from providers.er.exceptions import AlreadyExistsError, ApiError, NotFoundError
from providers.er.limits import CREATION_TAG
from providers.er.named import Named
from providers.er.sanitizing import display_name
from providers.er.validation import Json, identifier, optional, path_segment, required

SYSTEM_TAGS = "_sys_"  # prefix of the keys of tags that the service sets

R = TypeVar("R", bound="LogStore")


@dataclass(frozen=True, kw_only=True)
class LogStore(Named):
    """A log group or a log stream.

    Attributes:
        ttl_in_days: How long records are kept, 1..365 days; None: a stream for which its group decides.
        tags: Those that people set.
        creation_token: What `create_once` marked it with; "" if it was created otherwise.
    """

    KIND: ClassVar[str]
    """What it is called in the names of fields."""

    ttl_in_days: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    creation_token: str = ""

    @classmethod
    def from_json(cls: type[R], data: Json) -> R:
        """The record of an answer.

        Raises:
            TemporaryError: The answer does not have the form of the reference.
        """
        id_ = identifier(data, f"{cls.KIND}_id")
        tags: dict[str, object] = optional(data, "tag", {})
        return cls(
            id=id_,
            name=display_name(optional(data, f"{cls.KIND}_name", "")),
            ttl_in_days=optional(data, "ttl_in_days", 0) or None,
            tags={
                key: optional(tags, key, "") for key in tags if key != CREATION_TAG and not key.startswith(SYSTEM_TAGS)
            },
            creation_token=optional(tags, CREATION_TAG, ""),
        )


class NameTakenError(AlreadyExistsError):
    """The name is that of `holder`, which this caller did not create."""

    def __init__(self, error: ApiError, holder: LogStore) -> None:
        super().__init__(f"there is already one of this name, id {holder.id}", **error.details)
        self.holder = holder


class LogStores(Generic[R]):
    """The calls on the log groups of the project, or on the log streams of a group."""

    def __init__(self, calls: Calls, record: type[R], path: str, *, update: tuple[str, str], iam: str) -> None:
        """Prepare the calls.

        Args:
            calls: Sends them.
            record: LogGroup or LogStream.
            path: Where they are listed and created, below the project.
            update: The method of an update, and the path before the id.
            iam: How the IAM actions begin that permit the calls.
        """
        self._calls = calls
        self.record = record
        self._path = path
        self._update = update
        self._iam = iam

    def list(self) -> list[R]:
        """All of them; this list has no pages.

        Raises:
            NotFoundError: There is no such group.
        """
        return self._calls.lts(
            f"{self._iam}:list",
            "GET",
            self._path,
            lambda answer: [self.record.from_json(record) for record in required(answer, f"{self.record.KIND}s", list)],
        )

    def get(self, id_: str) -> R:
        """The one of this id, from the list.

        Raises:
            NotFoundError: The list does not have it, or there is no such group.
        """
        for record in self.list():
            if record.id == id_:
                return record
        raise NotFoundError(f"the list does not have {id_}")

    def create(self, desired: R) -> R:
        """Create one as desired, and return it with its id.

        Raises:
            AlreadyExistsError: The name is taken.
            InvalidParametersError: The service does not accept the name or another parameter.
            QuotaExceededError: There are as many as there may be, 100 by default.
            NotFoundError: There is no such group.
        """
        body = {f"{self.record.KIND}_name": desired.name, **_changeable(desired)}
        id_ = self._calls.lts(
            f"{self._iam}:create",
            "POST",
            self._path,
            lambda answer: identifier(answer, f"{self.record.KIND}_id"),
            json=body,
        )
        return replace(desired, id=id_)

    def create_once(self, desired: R, *, key: str | None) -> R:
        """Have exactly one as desired, however often this is called with `key`.

        Args:
            desired: How it is to be; its id and token do not matter.
            key: Names the caller, so that a create repeated after a crash finds what the first one created. Without it,
                only repetitions within this call are safe.

        Raises:
            NameTakenError: Another caller's has the name.
            ApiError: It was refused; `may_have_applied` says whether it may have been created.
        """
        desired = replace(desired, creation_token=self.creation_token(key or str(uuid.uuid4()), desired.name))
        try:
            return self.create(desired)
        except AlreadyExistsError as error:
            holder = next((record for record in self.list() if record.name == desired.name), None)
            if holder is None:
                raise
            if holder.creation_token != desired.creation_token:
                raise NameTakenError(error, holder) from error
        desired = replace(desired, id=holder.id)
        if holder != replace(desired, ttl_in_days=desired.ttl_in_days or holder.ttl_in_days):
            self.update(desired)
        return desired

    def creation_token(self, key: str, name: str) -> str:
        """The value of the tag with which `create_once` marks one of this name."""
        return hashlib.sha256(json.dumps([key, self._path, name]).encode()).hexdigest()[:32]

    def update(self, desired: R) -> None:
        """Change `ttl_in_days`, unless it is None, and the tags of the one with this id; nothing else can change.

        Raises:
            InvalidParametersError: The service does not accept a parameter.
            NotFoundError: There is none of this id.
        """
        if desired.ttl_in_days is None:
            # The service requires it.
            desired = replace(desired, ttl_in_days=self.get(desired.id).ttl_in_days)
        method, path = self._update
        path = f"{path}/{path_segment(desired.id)}"
        self._calls.lts(f"{self._iam}:put", method, path, lambda _answer: None, json=_changeable(desired))

    def delete(self, id_: str) -> None:
        """Delete the one of this id with all its records; of a group, its streams too.

        Raises:
            NotFoundError: There is none of this id.
            ApiError: It could not be deleted, such as because a log transfer task uses it.
        """
        try:
            path = f"{self._path}/{path_segment(id_)}"
            self._calls.lts(f"{self._iam}:delete", "DELETE", path, lambda _answer: None)
        except NotFoundError as error:
            # LTS.0208 has two meanings: "does not exist" and "is associated by transfer".
            if any(record.id == id_ for record in self.list()):
                raise ApiError(error.message, **error.details) from error
            raise


def _changeable(desired: LogStore) -> dict[str, object]:
    tags = {**desired.tags, **({CREATION_TAG: desired.creation_token} if desired.creation_token else {})}
    ttl = {} if desired.ttl_in_days is None else {"ttl_in_days": desired.ttl_in_days}
    return {**ttl, "tags": [{"key": key, "value": tags[key]} for key in sorted(tags)]}
