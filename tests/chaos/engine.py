"""A simulated engine, which works on resources through the real host over gRPC, one operation at a time.

One at a time so that a seed decides all that happens. It keeps what a real engine keeps of each answer. Like a real
engine it creates first in a replacement unless the provider asks for the opposite; it deletes what is replaced or no
longer declared at the very end, and only if nothing has failed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import proto
from pulumi.runtime.rpc import UNKNOWN

from providers.schema import UNKNOWN_STATE, provisional_id
from providers.urn import FLOW_LOG_TYPE, LOG_GROUP_TYPE, LOG_GROUPS_COMPONENT_TYPE, LOG_STREAM_TYPE, Urn
from tests.sdk import STATUS_DETAILS, kept_resource

Inputs = Mapping[str, Any]

AT_WORK = ("available", "modifying")
LEFT_OUT = "a flow log that takes the place of another one was left out or could not be created"
"""The program's error."""

CREATE, UPDATE, REPLACE, DELETE = "create", "update", "replace", "delete"

DELETION_ORDER = (FLOW_LOG_TYPE, LOG_STREAM_TYPE, LOG_GROUP_TYPE)
"""What depends on others goes first."""


class CrashError(Exception):
    """The engine is killed before it has recorded the result of the operation under way."""


class RefusedError(Exception):
    """The program ends with an error before it has declared anything."""


class _AbortedError(Exception):
    """The run ends: nothing more is started, and nothing is deleted."""


@dataclass(frozen=True)
class IdOf:
    """An input: the id of another resource, by its URN, and in a preview the id that a create will find."""

    urn: str
    found: str = ""


@dataclass(eq=False)
class Resource:
    """A resource in the state; one that has been replaced is still to be deleted."""

    urn: str
    id: str
    inputs: Struct
    outputs: Struct
    is_unfinished: bool = False
    is_replaced: bool = False

    @property
    def type_token(self) -> str:
        return Urn.parse(self.urn).type_token


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A resource that the program declares.

    Attributes:
        urn: Its URN.
        inputs: Its inputs, with an `IdOf` for each id that is an output of another resource.
        after: The URNs of the flow logs that it depends on.
        needs: The URNs of the flow logs that must be enabled, or the program fails before it declares this one.
    """

    urn: str
    inputs: Inputs
    after: Sequence[str] = ()
    needs: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Program:
    """What the program declares, in this order.

    Attributes:
        declarations: The resources.
        required: The URNs of the flow logs that must be as declared, or it fails before anything is deleted.
    """

    declarations: Sequence[Declaration]
    required: Collection[str] = ()


Runs = Callable[[Sequence[Resource]], Program]
"""Runs the program: from the state, without what has been replaced, to what it declares."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of an `up`.

    Attributes:
        targets: The URNs of `--target`; None for all.
        replace: The URNs of `--replace`.
        continues_on_error: PULUMI_CONTINUE_ON_ERROR.
        finishes: Whether operations that do not depend on the failed one had started before the failure, as with many
            operations at once. Otherwise nothing is started after the first failure.
    """

    targets: frozenset[str] | None = None
    replace: frozenset[str] = frozenset()
    continues_on_error: bool = False
    finishes: bool = True

    def includes(self, urn: str) -> bool:
        """Whether the run includes this resource."""
        return self.targets is None or urn in self.targets


EVERYTHING = Options()


@dataclass
class Report:
    """What a run did, or what a preview announced.

    Attributes:
        steps: The operations, each with its URN, in this order.
        errors: The messages that the user sees.
        is_refused: Whether the program ended before it had declared anything.
    """

    steps: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_refused: bool = False


@dataclass
class Engine:
    """A stack's state, and `preview` and `up` on it.

    Attributes:
        stub: The host.
        timeout: Seconds for each operation, as custom timeouts.
        state: The resources.
        crashes: Called after each operation: whether the engine is killed before it has recorded the result.
        report: That of the last preview or `up`, even if it crashed.
    """

    stub: Any
    timeout: float
    state: list[Resource]
    crashes: Callable[[], bool] = lambda: False
    report: Report = field(default_factory=Report)

    def preview(self, runs: Runs, options: Options = EVERYTHING) -> Report:
        """Run what `pulumi preview --refresh` does."""
        return self._go(runs, options, copy.deepcopy(self.state), is_preview=True)

    def up(self, runs: Runs, options: Options = EVERYTHING) -> Report:
        """Run what `pulumi up --refresh` does.

        Raises:
            CrashError: `crashes` returned true.
        """
        return self._go(runs, options, self.state)

    def _go(self, runs: Runs, options: Options, state: list[Resource], *, is_preview: bool = False) -> Report:
        self.report = Report()
        return _Run(self, state, options, self.report, is_preview).go(runs)


def _current(state: Sequence[Resource]) -> list[Resource]:
    return [resource for resource in state if not resource.is_replaced]


@dataclass
class _Run:
    """One preview or update."""

    _engine: Engine
    _state: list[Resource]
    _options: Options
    _report: Report
    _is_preview: bool
    _failed: set[str] = field(default_factory=set)
    _left_out: set[str] = field(default_factory=set)  # what is declared and does not exist, but is not a target
    _new: set[str] = field(default_factory=set)  # in a preview, what will have another id

    @property
    def _stub(self) -> Any:
        return self._engine.stub

    def go(self, runs: Runs) -> Report:
        """Refresh, run the program, register what it declares, and delete the rest.

        The program sees the state as it was before the refresh.
        """
        report, stored = self._report, _current(copy.deepcopy(self._state))
        for resource in list(self._state):
            if self._options.includes(resource.urn):
                self._refresh(resource)
        if report.errors:
            return report  # `up` does not go on if the refresh failed.
        try:
            program = runs(stored)
        except RefusedError as error:
            report.errors.append(str(error))
            report.is_refused = True
            return report
        try:
            for declaration in program.declarations:
                self._register(declaration)
            self._end(program)
        except _AbortedError:
            pass
        return report

    def _end(self, program: Program) -> None:
        enabled = {declaration.urn for declaration in program.declarations if declaration.inputs.get("enabled")}
        if not self._is_preview and not all(self._has(urn, enabled=urn in enabled) for urn in program.required):
            self._report.errors.append(LEFT_OUT)
        if LEFT_OUT in self._report.errors:
            return
        if self._report.errors and not self._options.continues_on_error:
            return
        declared = {declaration.urn for declaration in program.declarations}
        for type_token in DELETION_ORDER:
            for resource in [resource for resource in self._state if resource.type_token == type_token]:
                if self._options.includes(resource.urn) and (resource.is_replaced or resource.urn not in declared):
                    if not resource.is_replaced:
                        self._report.steps.append((DELETE, resource.urn))
                    if not self._is_preview:
                        self._delete(resource)
            if self._report.errors and not self._options.continues_on_error:
                return

    def _register(self, declaration: Declaration) -> None:
        urn = declaration.urn
        resource = self._find(urn)
        if not self._is_preview and not all(self._has(needed, enabled=True) for needed in declaration.needs):
            self._abort(LEFT_OUT)
        if not self._options.includes(urn):
            if resource is None:
                self._left_out.add(urn)
            return
        after = {*declaration.after, *(value.urn for value in declaration.inputs.values() if isinstance(value, IdOf))}
        if self._left_out.intersection(after):
            self._abort(f"{urn} depends on a resource that does not exist and is not a target")
        if self._failed.intersection(after):
            self._failed.add(urn)
            return
        news = Struct()
        news.update({key: self._resolve(value) for key, value in declaration.inputs.items()})
        checked = self._stub.Check(proto.CheckRequest(urn=urn, olds=resource.inputs if resource else None, news=news))
        if checked.failures:
            self._abort(str(checked.failures))
        step, first = self._step(resource, urn, checked.inputs)
        if step is None:
            return
        self._report.steps.append((step, urn))
        if self._is_preview:
            if step in (CREATE, REPLACE):
                self._new.add(urn)
            return
        if step == CREATE:
            self._create(urn, checked.inputs)
        elif step == UPDATE and resource:
            self._update(resource, checked.inputs)
        elif resource:
            self._replace(resource, checked.inputs, deletes_first=first)
        if urn in self._failed and not (self._options.continues_on_error or self._options.finishes):
            raise _AbortedError

    def _resolve(self, value: Any) -> Any:
        if not isinstance(value, IdOf):
            return value
        found = self._find(value.urn)
        return value.found or UNKNOWN if value.urn in self._new or found is None else found.id

    def _step(self, resource: Resource | None, urn: str, news: Struct) -> tuple[str | None, bool]:
        """What to do, and whether a replacement deletes first."""
        if resource is None:
            return CREATE, False
        if urn in self._options.replace:
            return REPLACE, False  # without a diff
        request = proto.DiffRequest(
            id=resource.id, urn=urn, olds=resource.outputs, old_inputs=resource.inputs, news=news
        )
        try:
            diff = self._stub.Diff(request)
        except grpc.RpcError as error:
            self._fail(urn, error)
            return None, False
        if diff.replaces:
            return REPLACE, diff.deleteBeforeReplace
        changes = diff.changes == proto.DiffResponse.DIFF_SOME or resource.is_unfinished
        return (UPDATE if changes else None), False

    def _refresh(self, resource: Resource) -> None:
        try:
            answer = self._stub.Read(proto.ReadRequest(**self._about(resource, "properties", "inputs")))
        except grpc.RpcError as error:
            self._fail(resource.urn, error)
            return
        if answer.id:
            resource.id, resource.outputs, resource.inputs = answer.id, answer.properties, answer.inputs
        else:
            self._state.remove(resource)

    def _create(self, urn: str, news: Struct) -> Resource | None:
        request = proto.CreateRequest(urn=urn, properties=news, timeout=self._engine.timeout)
        answer, half = self._operate(urn, self._stub.Create, request, creating=news)
        created = Resource(urn, answer.id, news, answer.properties) if answer else half
        if created:
            self._state.append(created)
        return created

    def _update(self, resource: Resource, news: Struct) -> None:
        request = proto.UpdateRequest(news=news, **self._about(resource))
        answer, half = self._operate(resource.urn, self._stub.Update, request)
        updated = Resource(resource.urn, resource.id, news, answer.properties) if answer else half
        if updated:
            self._state[self._state.index(resource)] = updated

    def _replace(self, resource: Resource, news: Struct, *, deletes_first: bool) -> None:
        if deletes_first:
            self._delete(resource)
            if resource not in self._state:
                self._create(resource.urn, news)
        elif self._create(resource.urn, news):
            resource.is_replaced = True

    def _delete(self, resource: Resource) -> None:
        request = proto.DeleteRequest(**self._about(resource, "properties"))
        answer, _ = self._operate(resource.urn, self._stub.Delete, request)
        if answer is not None:
            self._state.remove(resource)

    def _operate(
        self, urn: str, call: Callable[[Any], Any], request: Any, *, creating: Struct | None = None
    ) -> tuple[Any | None, Resource | None]:
        """The host's answer, or None if the operation failed; then the resource that the failure left, if any.

        Raises:
            CrashError: The engine is killed before it has recorded the result; it has recorded that a create started.
        """
        answer, error = None, None
        try:
            answer = call(request)
        except grpc.RpcError as raised:
            error = raised
        if self._engine.crashes():
            if creating and Urn.parse(urn).type_token == FLOW_LOG_TYPE:
                self._state.append(_interrupted(urn, creating))
            raise CrashError
        if error is None:
            return answer, None
        self._fail(urn, error)
        return None, _half_made(urn, error)

    def _about(self, resource: Resource, outputs: str = "olds", inputs: str = "old_inputs") -> dict[str, Any]:
        """The fields of a request, two of which each method calls otherwise."""
        about = {"id": resource.id, "urn": resource.urn, "timeout": self._engine.timeout}
        return {**about, outputs: resource.outputs, inputs: resource.inputs}

    def _find(self, urn: str | None) -> Resource | None:
        return next((resource for resource in _current(self._state) if resource.urn == urn), None)

    def _has(self, urn: str, *, enabled: bool) -> bool:
        if urn in self._failed:
            # The program may not notice in time: then the host keeps what that was to replace.
            return True
        found = self._find(urn)
        if found is None or found.outputs["state"] not in AT_WORK:
            return False
        return bool(found.outputs["enabled"]) or not enabled

    def _abort(self, why: str) -> None:
        self._report.errors.append(why)
        raise _AbortedError

    def _fail(self, urn: str, error: grpc.RpcError) -> None:
        assert isinstance(error, grpc.Call)
        self._failed.add(urn)
        self._report.errors.append(error.details() or "")


def _half_made(urn: str, error: grpc.RpcError) -> Resource | None:
    assert isinstance(error, grpc.Call)
    details = dict(error.trailing_metadata()).get(STATUS_DETAILS)
    if not details:
        return None
    found = kept_resource(bytes(details))
    return Resource(urn, found.id, found.inputs, found.properties, is_unfinished=True)


def _interrupted(urn: str, inputs: Struct) -> Resource:
    """What a real engine has as a pending operation, and `make recover` adds to the state."""
    outputs = Struct()
    outputs.CopyFrom(inputs)
    outputs.update({"state": UNKNOWN_STATE})
    return Resource(urn, provisional_id(), inputs, outputs, is_unfinished=True)


def declare(
    flow_logs: Mapping[str, Inputs], losing: Collection[str] = (), log_stores: Mapping[str, Inputs] = {}
) -> Program:
    """A program that declares these flow logs, by URN, the enabled ones first, as `stacks.component` does.

    Args:
        flow_logs: Their inputs.
        losing: The ids of attachments that lose another flow log at the end.
        log_stores: The inputs of log groups and log streams, which are declared before.
    """
    declarations = [Declaration(urn=name, inputs=inputs) for name, inputs in log_stores.items()]
    enabled: dict[str, list[str]] = {}
    for name, inputs in sorted(flow_logs.items(), key=lambda item: not item[1].get("enabled", True)):
        of_attachment = enabled.setdefault(inputs["resource_id"], [])
        is_enabled, is_required = inputs.get("enabled", True), inputs["resource_id"] in losing
        after = () if is_enabled else tuple(of_attachment)
        declarations.append(Declaration(urn=name, inputs=inputs, after=after, needs=after if is_required else ()))
        if is_enabled:
            of_attachment.append(name)
    required = [declared.urn for declared in declarations if declared.inputs.get("resource_id") in losing]
    return Program(declarations=declarations, required=required)


def declaring(inputs: Mapping[str, Inputs], log_stores: Mapping[str, Inputs] = {}) -> Runs:
    """A program that declares flow logs with these inputs, by logical name, and log stores, whatever the state is."""
    program = declare({urn(name): flow_log for name, flow_log in sorted(inputs.items())}, log_stores=log_stores)
    return lambda _state: program


def urn(name: str, *parents: str, type_token: str = FLOW_LOG_TYPE) -> str:
    """The URN of a resource of the project's stack `local`, below resources of these types."""
    return str(Urn("local", "otc-flow-logs", (*parents, type_token), name))


def log_store_urn(name: str) -> str:
    """The URN of a log group, or of a log stream if it is `GROUP/STREAM`, that a stack file declares."""
    if "/" in name:
        return urn(name, LOG_GROUPS_COMPONENT_TYPE, LOG_GROUP_TYPE, type_token=LOG_STREAM_TYPE)
    return urn(name, LOG_GROUPS_COMPONENT_TYPE, type_token=LOG_GROUP_TYPE)


def declare_log_stores(stores: Mapping[str, Inputs], key: str, existing: Mapping[str, str] = {}) -> dict[str, Inputs]:
    """By URN, the inputs of log groups and log streams, from those by `GROUP` or `GROUP/STREAM`, groups first.

    Args:
        stores: Their settings.
        key: The idempotency key.
        existing: The ids of those that the program knows to exist.
    """
    declared: dict[str, Inputs] = {}
    for name in sorted(stores):
        group, _, stream = name.partition("/")
        place = {"log_group_id": IdOf(log_store_urn(group), existing.get(group, ""))} if stream else {}
        named = {"name": stream or group, "idempotency_key": key}
        declared[log_store_urn(name)] = {**place, **named, **stores[name]}
    return declared
