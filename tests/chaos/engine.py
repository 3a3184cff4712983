"""As much of an engine as it takes to work on flow logs through the real host over gRPC, one operation at a time.

One at a time so that a seed decides all that happens. What it keeps of each operation's answer, a real engine keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import proto

from providers.flow_log_provider import TYPE_TOKEN
from providers.properties import UNKNOWN_STATE, unsure_id
from tests.sdk import STATUS_DETAILS, half_made

Inputs = Mapping[str, Any]


class CrashError(Exception):
    """The engine dies: whatever the operation under way has come to, nobody writes it down."""


@dataclass
class Resource:
    """What the state has of a flow log."""

    id: str
    inputs: Struct
    outputs: Struct
    is_unfinished: bool = False


@dataclass
class Engine:
    """A stack's state, and `up` on it.

    Attributes:
        stub: The host.
        timeout: Seconds for each operation, as custom timeouts.
        state: By name.
        crashes: Asked after each operation whether the engine dies before it has written down how that ended.
        errors: What the user is told, of the last `up`.
    """

    stub: Any
    timeout: float
    state: dict[str, Resource]
    crashes: Callable[[], bool] = lambda: False
    errors: list[str] = field(default_factory=list)

    def up(self, wanted: Mapping[str, Inputs]) -> int:
        """What `pulumi up --refresh` does; how many operations changed something, or were to.

        Raises:
            CrashError: `crashes` said so.
        """
        self.errors = []
        for name in sorted(self.state):
            self._refresh(name)
        if self.errors:
            return 0  # As `up` does: with a state that could not be refreshed it does not go on.
        steps = list(self._steps(wanted))
        for step, name in steps:
            step(name)
        return len(steps)

    def _steps(self, wanted: Mapping[str, Inputs]) -> Iterator[tuple[Callable[[str], None], str]]:
        for name in sorted(wanted):
            news = self._checked(name, wanted[name])
            if name not in self.state:
                yield lambda name, news=news: self._create(name, news), name  # type: ignore[misc]
                continue
            try:
                diff = self._diff(name, news)
            except grpc.RpcError as error:
                self._fail(error)
                continue
            if diff.replaces:
                yield lambda name, news=news: self._replace(name, news), name  # type: ignore[misc]
            elif diff.changes == proto.DiffResponse.DIFF_SOME or self.state[name].is_unfinished:
                yield lambda name, news=news: self._update(name, news), name  # type: ignore[misc]
        for name in sorted(self.state.keys() - wanted.keys()):
            yield self._delete, name

    def _refresh(self, name: str) -> None:
        resource = self.state[name]
        request = proto.ReadRequest(
            id=resource.id, urn=urn(name), properties=resource.outputs, inputs=resource.inputs, timeout=self.timeout
        )
        try:
            answer = self.stub.Read(request)
        except grpc.RpcError as error:
            self._fail(error)
            return
        if answer.id:
            resource.id, resource.outputs, resource.inputs = answer.id, answer.properties, answer.inputs
        else:
            del self.state[name]

    def _checked(self, name: str, inputs: Inputs) -> Struct:
        olds = self.state[name].inputs if name in self.state else None
        news = Struct()
        news.update(inputs)
        answer = self.stub.Check(proto.CheckRequest(urn=urn(name), olds=olds, news=news))
        assert not answer.failures, answer.failures
        checked: Struct = answer.inputs
        return checked

    def _diff(self, name: str, news: Struct) -> Any:
        resource = self.state[name]
        return self.stub.Diff(
            proto.DiffRequest(
                id=resource.id, urn=urn(name), olds=resource.outputs, old_inputs=resource.inputs, news=news
            )
        )

    def _create(self, name: str, news: Struct) -> None:
        request = proto.CreateRequest(urn=urn(name), properties=news, timeout=self.timeout)
        if answer := self._operate(name, self.stub.Create, request, creating=news):
            self.state[name] = Resource(answer.id, news, answer.properties)

    def _update(self, name: str, news: Struct) -> None:
        resource = self.state[name]
        request = proto.UpdateRequest(
            id=resource.id,
            urn=urn(name),
            olds=resource.outputs,
            old_inputs=resource.inputs,
            news=news,
            timeout=self.timeout,
        )
        if answer := self._operate(name, self.stub.Update, request):
            self.state[name] = Resource(resource.id, news, answer.properties)

    def _delete(self, name: str) -> None:
        resource = self.state[name]
        request = proto.DeleteRequest(
            id=resource.id,
            urn=urn(name),
            properties=resource.outputs,
            old_inputs=resource.inputs,
            timeout=self.timeout,
        )
        if self._operate(name, self.stub.Delete, request) is not None:
            del self.state[name]

    def _operate(
        self, name: str, call: Callable[[Any], Any], request: Any, *, creating: Struct | None = None
    ) -> Any | None:
        """The host's answer; none if it failed, and then the state has what it said is half made.

        Raises:
            CrashError: The engine dies before it has written that down; of a create, that it was begun is known.
        """
        answer, error = None, None
        try:
            answer = call(request)
        except grpc.RpcError as raised:
            error = raised
        if self.crashes():
            if creating:
                self.state[name] = _cut_off(creating)
            raise CrashError
        if error:
            self._fail(error)
            self._keep_half_made(name, error)
        return answer

    def _replace(self, name: str, news: Struct) -> None:
        self._delete(name)
        if name not in self.state:
            self._create(name, news)

    def _keep_half_made(self, name: str, error: grpc.RpcError) -> None:
        assert isinstance(error, grpc.Call)
        details = dict(error.trailing_metadata()).get(STATUS_DETAILS)
        if details:
            found = half_made(bytes(details))
            self.state[name] = Resource(found.id, found.inputs, found.properties, is_unfinished=True)

    def _fail(self, error: grpc.RpcError) -> None:
        assert isinstance(error, grpc.Call)
        self.errors.append(error.details() or "")


def _cut_off(inputs: Struct) -> Resource:
    """What a real engine has as a pending operation, and `make recover` puts into the state."""
    outputs = Struct()
    outputs.CopyFrom(inputs)
    outputs.update({"state": UNKNOWN_STATE})
    return Resource(unsure_id(), inputs, outputs, is_unfinished=True)


def urn(name: str) -> str:
    """The resource's URN, of the project's stack `local`."""
    return f"urn:pulumi:local::otc-flow-logs::{TYPE_TOKEN}::{name}"
