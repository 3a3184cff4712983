"""A few of the runs of `make chaos`, through the real host: whatever happens, the next `up` converges."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emulator import Behaviour
from emulator.faults.plan import Fault
from tests.chaos import edits_in_process
from tests.chaos.audit import DONE
from tests.chaos.desired import STREAMS, FlowLogSpec
from tests.chaos.engine import Engine, Resource, declaring
from tests.chaos.faults_in_process import ATTACHMENTS, host, inputs, run, serve_seeded
from tests.emulator.process import PROJECT_FOLDER


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.acceptance) for seed in range(2, 4))])
def test_each_flow_log_exists_once_after_faults_crashes_and_edits(seed: int, base: type[Any], tmp_path: Path) -> None:
    outcome = run(seed, tmp_path, base)
    assert sum(outcome.injected.values()) > 10
    assert outcome.problems == []


@pytest.mark.parametrize(
    "seed", [*range(1, 4), *(pytest.param(seed, marks=pytest.mark.acceptance) for seed in range(4, 16))]
)
def test_edits_of_the_stack_file_leave_no_gap_and_lose_nothing(seed: int, base: type[Any], tmp_path: Path) -> None:
    course = edits_in_process.run(seed, tmp_path, base)
    assert course.problems == [], course.journal
    assert course.ends[DONE] >= course.ends.total() // 3


def test_long_outage_is_reported_and_the_next_up_resumes(base: type[Any], tmp_path: Path) -> None:
    answered = 10  # requests before the outage, sign-in included
    with serve_seeded(tmp_path, Behaviour(latency=0)) as server:
        names = sorted(attachment.name for attachment in server.store.network.all_attachments())
        program = declaring(inputs(server, {name: FlowLogSpec(name, STREAMS[0], name, enabled=True) for name in names}))
        state: list[Resource] = []
        server.faults.use(0, [Fault("error", status=503, skip=answered)])

        with host(server, base, backoff=None) as stub:
            errors = Engine(stub, timeout=1200, state=state).up(program).errors

        # Each operation has 120 s on a clock of its own; the last wait before the end may be as long as 20 s.
        gave_up = r"gave up after 1(?:[23]\d|40) s of waiting for the service \(\S.*\) \(ER\.05039006, HTTP 503, .*\)"
        unfinished = rf"\(\S+\) exists but is not as declared yet: {gave_up}; the next `pulumi up` continues from there"
        unknown = rf"may have been created: {gave_up}; run `pulumi up --refresh` to find out"
        created = server.store.flow_logs.live()
        assert 0 < len(created) < answered
        assert len(errors) >= ATTACHMENTS - len(created)
        sentence = re.compile(rf"flow log '\S+' ({unfinished}|{unknown})")
        assert [error for error in errors if not sentence.fullmatch(error)] == []

        server.faults.use(0, [])
        with host(server, base, backoff=None) as stub:
            assert Engine(stub, timeout=1200, state=state).up(program).errors == []
        ids = {resource.id for resource in state}
        assert {flow_log.id for flow_log in created} <= ids
        assert ids == {flow_log.id for flow_log in server.store.flow_logs.live()}
        assert len(state) == ATTACHMENTS
        with host(server, base, backoff=None) as stub:
            assert Engine(stub, timeout=1200, state=state).up(program).steps == []


@pytest.mark.parametrize("option", ["--seed", pytest.param("--change-seed", marks=pytest.mark.acceptance)])
def test_same_seed_repeats_a_run_exactly(option: str) -> None:
    journals = [
        subprocess.run(
            [sys.executable, "-m", "tests.chaos", option, "38"],
            cwd=PROJECT_FOLDER,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            timeout=120,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert journals[0].count(b"\n") > 5
    assert journals[0] == journals[1]
