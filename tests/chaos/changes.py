"""Sequences of edits, each with its preview and its `up`, in this process: what is decided by the real code, what is
done by the real host, and only the engine is a stand-in. A seed decides all that happens.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock
from uuid import UUID

from google.protobuf.json_format import MessageToDict

import emulator
from emulator import Server, Switches
from emulator.faults.plan import Fault
from emulator.gaps import Gap
from emulator.instants import now
from emulator.store import Store
from providers import urn as urns
from providers.connection import Connection
from providers.er import Client, Endpoints
from providers.er.password import PasswordCredentials
from providers.flow_log_provider import TYPE_TOKEN, FlowLogProvider
from stacks import config
from stacks.decision import Before, Decision, decide
from stacks.errors import StackError
from stacks.planning.naming import COMPONENT_TYPE
from stacks.state.last_run import last_run
from stacks.state.managed import managed_flow_logs
from tests.chaos import edits
from tests.chaos.edits import Editor
from tests.chaos.engine import (
    Declaration,
    Engine,
    Options,
    Program,
    RefusedError,
    Report,
    Resource,
    urn,
)
from tests.chaos.intent import Seen, see, wishes
from tests.chaos.judge import DONE, FAILED_RUN, REFUSED, Ended, Happened, wrong
from tests.chaos.seeded import AT_ONCE, KEY, QuickHandler, QuickPatience, Time
from tests.chaos.wanted import LOST, strays
from tests.sdk import hosted

EDITS = 6  # in a sequence
TOGETHER = (1, 1, 1, 2, 2, 3)  # so many before a run
TIMEOUT = 5.0  # seconds for one operation, by a clock of its own
FAULTY, PARTIAL, REPLACING, CONTINUING, OLD_NAMES = 0.25, 0.08, 0.1, 0.3, 0.04  # probabilities
STACK = "local"
CREATES = "POST */flow-logs"
_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|127\.0\.0\.1:\d+|request id \S+")

FAULTS = (
    Fault("error", calls=CREATES, status=403),
    Fault("fail", calls=CREATES),
    Fault("error", calls="PUT *", status=403),
    Fault("error", calls="POST */enable", status=403),
    Fault("error", calls="POST */disable", status=403),
    Fault("error", calls="DELETE *", status=403),
)
"""Each meets the n-th of its calls."""

LONG_FAULTS = (
    Fault("error", calls=CREATES, status=503),
    Fault("error", calls=CREATES, status=500, when="after"),
    Fault("error", calls="POST */enable", status=503),
    Fault("error", calls="DELETE *", status=503),
    Fault("stuck", calls=CREATES),
)
"""Each meets its n-th call and all after it: whoever meets it waits until its time is over."""


@dataclass
class Course:
    """How a sequence went.

    Attributes:
        seed: Its seed.
        ends: How its runs ended.
        journal: What happened, the same in each sequence with this seed.
        wrong: What is not as it should be.
    """

    seed: int
    ends: Counter[str] = field(default_factory=Counter)
    journal: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def run(seed: int, folder: Path, stock: type[Any]) -> Course:
    """The sequence of this seed.

    Args:
        seed: Decides everything.
        folder: An empty one.
        stock: The SDK's servicer class.
    """
    lots, outcome = Random(seed), Course(seed)
    id_lots = Random(lots.randrange(1_000_000))

    def drawn_id() -> UUID:
        return UUID(int=id_lots.getrandbits(128), version=4)

    with (
        mock.patch("emulator.flow_logs.uuid4", drawn_id),
        mock.patch("emulator.store.uuid4", drawn_id),
        mock.patch("providers.journal.FOLDER", folder / "creating"),
        _world(folder, lots) as server,
    ):
        stack = _Stack(server, stock)
        editor = Editor(lots, server.store, edits.first_file(lots))
        _step(outcome, stack, editor, ["the first run"], _Run(Options(), []))
        for _ in range(EDITS):
            words = [editor.edit() for _ in range(lots.choice(TOGETHER))]
            _step(outcome, stack, editor, words, _draw_run(lots, stack))
        editor.lift_all_trouble()
        _step(outcome, stack, editor, ["all trouble is lifted"], _Run(Options(), []), is_last=True)
    return outcome


@dataclass(frozen=True)
class _Run:
    options: Options
    faults: Sequence[Fault]
    fault_seed: int = 0

    @property
    def is_plain(self) -> bool:
        return not self.faults and self.options.targets is None and not self.options.replace

    def __str__(self) -> str:
        words = [f"{one.kind} {one.status} {one.when} {one.calls} number {one.skip + 1}" for one in self.faults]
        if self.options.targets is not None:
            words.append(f"--target {sorted(map(urns.name, self.options.targets))}")
        if self.options.replace:
            words.append(f"--replace {sorted(map(urns.name, self.options.replace))}")
        words += ["continues on error"] * self.options.continues_on_error
        words += ["stops at once"] * (not self.options.finishes)
        return ", ".join(words)


def _draw_run(lots: Random, stack: _Stack) -> _Run:
    faults: list[Fault] = []
    options = Options(finishes=lots.random() < 0.7)
    if lots.random() < FAULTY:
        if lots.random() < 0.7:
            faults.append(replace(lots.choice(FAULTS), skip=lots.randint(0, 2), times=1))
        else:
            faults.append(replace(lots.choice(LONG_FAULTS), skip=lots.randint(0, 2)))
    if lots.random() < CONTINUING:
        options = replace(options, continues_on_error=True)
    if stack.state and lots.random() < REPLACING:
        options = replace(options, replace=frozenset({lots.choice(sorted(one.urn for one in stack.state))}))
    if stack.state and lots.random() < PARTIAL:
        # Of what is there; what is to come is drawn once the preview has announced it.
        options = replace(options, targets=frozenset())
    if lots.random() < OLD_NAMES and options.targets is None and not options.replace:
        stack.name_as_before()
    return _Run(options, faults, lots.randrange(1_000_000))


def _step(
    outcome: Course, stack: _Stack, editor: Editor, words: list[str], run: _Run, *, is_last: bool = False
) -> None:
    """One preview and one `up`, with all that is wrong."""
    server, store = stack.server, stack.server.store
    before, since = see(store), now()
    wished = wishes(editor.file, before, editor.ours(before))
    has_trouble = editor.has_trouble
    if run.options.targets is not None:
        run = replace(run, options=replace(run.options, targets=_targets(editor.lots, stack, editor.file.config())))
    preview = stack.preview(editor.file.config(), run.options)
    server.faults.use(run.fault_seed, run.faults)
    up = stack.up(editor.file.config(), run.options)
    injected = server.faults.injected()
    server.faults.use(0, [])
    after = see(store)
    happened = Happened(
        before=before,
        after=after,
        others=editor.others,
        wishes=wished,
        preview=preview,
        up=up,
        gaps=_gaps(store, before, since),
        is_plain=run.is_plain,
        has_trouble=has_trouble,
    )
    found = wrong(happened)
    found += _unknown(stack.state, {id_: one for id_, one in after.flow_logs.items() if id_ not in editor.others})
    if run.is_plain and up.end == DONE:
        again = stack.preview(editor.file.config(), Options())
        if again.end != DONE or again.steps:
            found.append(f"one more preview: {again.end} {_told(again.steps)} {again.words}")
        found += strays({*happened.ours(after)}, {one.id for one in stack.state})
    if is_last and up.end != DONE:
        found.append(f"with all trouble lifted, the run was {up.end}: {up.words}")
    outcome.ends[up.end] += 1
    number = sum(outcome.ends.values())
    outcome.journal += [
        f"{number}: {'; '.join(words)}" + (f" [{run}]" if str(run) else ""),
        f"   preview {preview.end}: {_told(preview.steps)} {_anonymous(preview.words)}",
        f"   up {up.end}: {_told(up.steps)} {_anonymous(up.words)}" + (f" injected {injected}" if injected else ""),
        *(f"   WRONG {_anonymous(one)}" for one in found),
    ]
    outcome.wrong += [f"run {number}: {one}" if not one.startswith(LOST) else one for one in found]


def _targets(lots: Random, stack: _Stack, said: Mapping[str, Any]) -> frozenset[str]:
    """Some of what is there or would be changed."""
    announced = {one for _, one in stack.preview(said, Options()).steps}
    known = sorted({one.urn for one in stack.state} | announced)
    return frozenset(lots.sample(known, lots.randint(1, len(known))))


def _gaps(store: Store, before: Seen, since: int) -> list[Gap]:
    return store.gaps(since=since, until=now() + 1, attachments=before.attachments)


def _unknown(state: Sequence[Resource], ours: Mapping[str, Any]) -> list[str]:
    """The stack's flow logs that the state has neither by id nor as one of which nobody is sure."""
    ids = {one.id for one in state}
    unsure = {
        (one.outputs["resource_id"], one.outputs["log_stream_id"]) for one in state if one.id.startswith("created-by")
    }
    return [
        f"{LOST}: flow log {one.name} is in nobody's state"
        for id_, one in ours.items()
        if id_ not in ids and (one.resource_id, one.log_stream_id) not in unsure
    ]


def _told(steps: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{operation} {urns.name(one)}" for operation, one in steps) or "nothing"


def _anonymous(text: str) -> str:
    return _IDS.sub("…", text)


@contextmanager
def _world(folder: Path, lots: Random) -> Iterator[Server]:
    seed_file = folder / "seed.yaml"
    seed_file.write_text(json.dumps(edits.world(lots)))
    with emulator.serve(folder / "emulator.db", seed=seed_file, switches=Switches(latency=0)) as server:
        yield server


class _Stack:
    """The stack: its state, the outputs of its last run, and what runs it."""

    def __init__(self, server: Server, stock: type[Any]) -> None:
        self.server = server
        self.state: list[Resource] = []
        self._stock = stock
        self._outputs: Mapping[str, Any] = {}
        self._has_keys = False
        endpoints = Endpoints.at(server.url)
        credentials = PasswordCredentials(
            auth_url=endpoints.iam,
            username=edits.USER,
            password=edits.PASSWORD,
            domain_name=edits.DOMAIN,
            project_name=edits.PROJECT,
        )
        self._client = Client(credentials, endpoints, backoff=AT_ONCE, poll=AT_ONCE)

    def preview(self, said: Mapping[str, Any], options: Options) -> Ended:
        """What `pulumi preview --refresh` does."""
        with self._host() as stub:
            report = Engine(stub, TIMEOUT, self.state).preview(
                lambda state: _program(self._decide(said, state, is_preview=True)), options
            )
        return _ended(report)

    def up(self, said: Mapping[str, Any], options: Options) -> Ended:
        """What `pulumi up --refresh` does."""

        def runs(state: Sequence[Resource]) -> Program:
            decision = self._decide(said, state, is_preview=False)
            self._outputs = json.loads(json.dumps(decision.outputs))
            self._has_keys = self._has_keys or options.targets is None
            return _program(decision)

        with self._host() as stub:
            return _ended(Engine(stub, TIMEOUT, self.state).up(runs, options))

    def name_as_before(self) -> None:
        """Name all in the state otherwise, as an earlier version did."""
        for number, one in enumerate(self.state):
            one.urn = urn(f"as-before-{number}-{urns.name(one.urn)[:8]}", COMPONENT_TYPE)

    def _decide(self, said: Mapping[str, Any], state: Sequence[Resource], *, is_preview: bool) -> Decision:
        values = {key: json.dumps(value) for key, value in said.items()}
        snapshot = {one.urn: {"type": TYPE_TOKEN, "outputs": MessageToDict(one.outputs)} for one in state}
        before = Before(last=last_run(self._outputs), managed=managed_flow_logs(snapshot), has_keys=self._has_keys)
        client = self._client.within(QuickPatience(seconds=TIMEOUT, clock=Time()))
        try:
            return decide(client, config.parse(values, is_secret={}), before, stack=STACK, is_preview=is_preview)
        except StackError as error:
            raise RefusedError(str(error)) from error

    @contextmanager
    def _host(self) -> Iterator[Any]:
        provider = FlowLogProvider()
        provider._connection = cast(Connection, SimpleNamespace(client=self._client))
        with hosted(self._stock, QuickHandler(provider=provider)) as stub:
            yield stub


def _program(decision: Decision) -> Program:
    """What `stacks.component` declares."""
    declarations: list[Declaration] = []
    moving = {(one.flow_log.target.er_id, one.flow_log.target.resource_id) for one in decision.deletions}
    required = []
    for keys in decision.plan.by_router.values():
        enabled: dict[str, list[str]] = {}
        for desired in sorted((one for key in keys for one in key.flow_logs), key=lambda one: not one.enabled):
            target, own = desired.target, urn(desired.logical_name, COMPONENT_TYPE)
            inputs = {
                "er_id": target.er_id,
                "resource_id": target.resource_id,
                "log_group_id": target.log_group_id,
                "log_stream_id": target.log_stream_id,
                "name": desired.name,
                "description": desired.description,
                "enabled": desired.enabled,
                "idempotency_key": KEY,
            }
            after = () if desired.enabled else enabled.get(target.resource_id, ())
            declarations.append(Declaration(urn=own, inputs=inputs, alias=desired.former_urn, after=tuple(after)))
            if desired.enabled:
                enabled.setdefault(target.resource_id, []).append(own)
            if (target.er_id, target.resource_id) in moving:
                required.append(own)
    return Program(declarations=declarations, required=required)


def _ended(report: Report) -> Ended:
    end = REFUSED if report.is_refused else FAILED_RUN if report.errors else DONE
    return Ended(end=end, steps=report.steps, words="; ".join(report.errors))
