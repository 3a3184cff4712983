"""What the dynamic providers of this project have in common, and what they tell the host about their resources."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from providers.config import ConfigError
from providers.config_keys import qualified
from providers.connection import Connection
from providers.er import Client, Deadline
from providers.er.exceptions import ApiError
from providers.inputs import InputSchema

Props = dict[str, Any]


class ResourceError(Exception):
    """An operation failed; the message is one sentence for the user.

    Attributes:
        holder_id: The id of what has the place of the resource to create; None if nothing has.
    """

    def __init__(self, message: str, *, holder_id: str | None = None) -> None:
        super().__init__(message)
        self.holder_id = holder_id


class IncompleteResourceError(ResourceError):
    """An operation failed, but something exists that must stay in the state, with this `id` and these `outs`."""

    def __init__(self, message: str, id_: str, outs: Props) -> None:
        super().__init__(message)
        self.id = id_
        self.outs = outs


class ResourceDiff(DiffResult):
    """A diff that also has, for each changed property, whether the change replaces the resource.

    It does unless the property changes in place. A resource with another identity is created before the old one is
    deleted. Only one can exist of an identity, so a replacement with the same one deletes first.
    """

    def __init__(self, changed: set[str], schema: InputSchema) -> None:
        replacing = changed.difference(schema.in_place)
        deletes_first = bool(replacing) and not replacing.intersection(schema.identity)
        super().__init__(changes=bool(changed), replaces=sorted(replacing), delete_before_replace=deletes_first)
        self.replaces_by_property = {key: key in replacing for key in sorted(changed)}


def connect(request: ConfigureRequest, current_config: Callable[[str], str | None]) -> Connection:
    """The connection that the engine's settings describe; nothing is read or sent before its first use.

    Args:
        request: Has the settings.
        current_config: See `Connection`.
    """
    return Connection(
        lambda key: request.config.get(qualified(key)), os.environ, directory=Path.cwd(), current_config=current_config
    )


class ServiceProvider(ResourceProvider):
    """A provider whose resources are those of a service of the cloud.

    Every operation takes a deadline: 10 minutes, unless the host passes another one.
    """

    kind: ClassVar[str]
    """What a resource is called in messages."""

    schema: ClassVar[InputSchema]

    # A secret reference to the provider could not be recognised in states, and there is nothing secret in it.
    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest, current_config: Callable[[str], str | None] = lambda _key: None) -> None:
        """Keep the settings. Nothing is read, sent or refused before the first operation."""
        self.use(connect(req, current_config))

    def use(self, connection: Connection) -> None:
        """Use this connection, which other providers may use too."""
        self._connection = connection

    def check(self, _olds: Props, news: Props) -> CheckResult:
        """Fill in defaults and refuse what the API would refuse."""
        inputs = self.schema.with_defaults(news)
        return CheckResult(inputs, self.schema.find_failures(inputs))

    @abstractmethod
    def diff(self, id_: str, olds: Props, news: Props, deadline: Deadline | None = None) -> ResourceDiff:
        """Which inputs differ from the state, and which of these replace the resource."""

    @abstractmethod
    def create(self, props: Props, deadline: Deadline | None = None) -> CreateResult:
        """Create the resource."""

    @abstractmethod
    def read(self, id_: str, props: Props, deadline: Deadline | None = None) -> ReadResult:
        """Read the resource; the id is empty if there is none. Without properties, import it."""

    @abstractmethod
    def update(self, id_: str, olds: Props, news: Props, deadline: Deadline | None = None) -> UpdateResult:
        """Change the resource in place."""

    @abstractmethod
    def delete(self, id_: str, props: Props, deadline: Deadline | None = None) -> None:
        """Delete the resource; it may be gone already."""

    @abstractmethod
    def describe_duplicate(self, first: str, second: str) -> str:
        """The message for two resources of a program, given by their logical names, that have the same identity."""

    def resolve_id(self, id_: str, _props: Props, _deadline: Deadline | None = None) -> str:
        """The id of what to delete; empty if there is nothing to delete.

        Raises:
            ResourceError: It is not known whether there is anything.
        """
        return id_

    def reason_to_keep(self, _id: str, _props: Props) -> str | None:
        """Why a delete does not delete the resource in the cloud, as a sentence; None if it does."""
        return None

    def _client(self, deadline: Deadline | None, *, props: Props | None = None) -> Client:
        """The client for one operation on the resource with these properties.

        Raises:
            ResourceError: There is none; or it is for another project, in which every resource would seem to be gone.
        """
        props = props or {}
        try:
            client = self._connection.client.with_deadline(deadline or Deadline())
            expected = props.get("project_id")
            if expected and client.project_id() != expected:
                raise ResourceError(
                    f"{self.kind} {props.get('name')!r} is in project {expected}, but the credentials and"
                    f" {qualified('project')} are for project {client.project_id()}"
                )
        except (ConfigError, ApiError) as error:
            raise ResourceError(str(error)) from error
        return client

    def _read_result(self, id_: str, outputs: Props) -> ReadResult:
        return ReadResult(id_, outputs, {key: outputs[key] for key in self.schema.names if key in outputs})
