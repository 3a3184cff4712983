"""Sequences of edits with the real `pulumi`, all operations at once.

A seed decides edits and faults, but not the order in which operations meet the faults.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from emulator.faults.plan import Fault
from emulator.store import Store
from tests.chaos.audit import DONE, FAILED_RUN, REFUSED, RunResult
from tests.chaos.editor import Editor, first_file, seed_document
from tests.chaos.engine import CREATE, DELETE, REPLACE, UPDATE, Options
from tests.chaos.expectations import StackFile
from tests.chaos.outcome import Outcome
from tests.chaos.scenario import StateEntry, run_scenario
from tests.chaos.site import BENCH_USER, EmulatorProcess, Site, database_file
from tests.e2e.harness import FLOW_LOG, LOG_STORES, STACK, Project

TYPES = (FLOW_LOG, *LOG_STORES)
LATENCY = "0.1"  # seconds
STEPS = {"create": CREATE, "update": UPDATE, "replace": REPLACE, "delete": DELETE}
"""By the engine's names of steps. It reports the parts of a replacement, too."""


class EditSite(Site):
    """A site for sequences of edits."""

    def __init__(self, folder: Path) -> None:
        self._seed_file = folder / "seed.yaml"
        super().__init__(folder, BENCH_USER, "--seed", str(self._seed_file), "--latency", LATENCY, routers={})

    def run(self, seed: int) -> Outcome:
        """Run the sequence of this seed."""
        rng, outcome = Random(seed), Outcome()
        self._seed_file.write_text(json.dumps(seed_document(rng)))
        with (
            self.copy(self.blank) as project,
            self.emulator(project) as emulator,
            _store(database_file(project)) as store,
        ):
            editor = Editor(rng, store, first_file(rng))
            run_scenario(outcome, _Stack(project, emulator, store), editor, waits=False)
        return outcome


@contextlib.contextmanager
def _store(file: Path) -> Iterator[Store]:
    store = Store(file)
    try:
        yield store
    finally:
        store.close()


class _Stack:
    """The stack of a project."""

    def __init__(self, project: Project, emulator: EmulatorProcess, store: Store) -> None:
        self.store = store
        self._project = project
        self._emulator = emulator
        self._events = project.directory / "events.jsonl"

    @property
    def state_entries(self) -> list[StateEntry]:
        resources = self._project.state().get("resources") or []
        return [
            StateEntry(resource["urn"], resource["id"], resource["outputs"])
            for resource in resources
            if resource["type"] in TYPES
        ]

    def inject(self, faults: Sequence[Fault], seed: int) -> None:
        self._emulator.inject(faults, seed)

    def injected(self) -> Mapping[str, int]:
        return self._emulator.injected()

    def preview(self, file: StackFile, options: Options) -> RunResult:
        return self._ended(file, options, "preview", "--json")

    def up(self, file: StackFile, options: Options) -> RunResult:
        return self._ended(file, options, "up", "--yes", "--skip-preview", "--suppress-progress")

    def _ended(self, file: StackFile, options: Options, *command: str) -> RunResult:
        config = file.config()
        self._project.change_config(**{"max_deletes": None, **config})
        self._events.unlink(missing_ok=True)
        chosen = [f"--target={urn}" for urn in sorted(options.targets or ())]
        chosen += [f"--replace={urn}" for urn in sorted(options.replace)]
        environment = {"PULUMI_DEBUG_COMMANDS": "true"}
        if options.continues_on_error:
            environment["PULUMI_CONTINUE_ON_ERROR"] = "true"
        log = f"--event-log={self._events}"
        run = self._project.pulumi(*command, "--refresh", log, *chosen, **environment)
        events = [json.loads(line) for line in self._events.read_text().splitlines()]
        errors = [
            event["diagnosticEvent"]["message"].strip()
            for event in events
            if event.get("diagnosticEvent", {}).get("severity") == "error"
        ]
        is_refused = any(f"in stacks/Pulumi.{STACK}.yaml: " in error for error in errors)
        end = DONE if run.ok else REFUSED if is_refused else FAILED_RUN
        return RunResult(
            end=end, steps=list(_steps(events)), errors="; ".join(errors) if errors or run.ok else run.output
        )


def _steps(events: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The steps that change resources of this project."""
    for event in events:
        step = event.get("resourcePreEvent", {}).get("metadata", {})
        if step.get("type") in TYPES and step["op"] in STEPS:
            yield STEPS[step["op"]], step["urn"]
