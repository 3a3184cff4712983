"""A few of the runs of `make chaos`, through the real host: whatever happens, one more `up` puts all right."""

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
def test_after_faults_crashes_and_edits_each_flow_log_is_there_once_and_in_the_state(
    seed: int, base: type[Any], tmp_path: Path
) -> None:
    outcome = run(seed, tmp_path, base)
    assert sum(outcome.injected.values()) > 10
    assert outcome.problems == []


@pytest.mark.parametrize(
    "seed", [*range(1, 7), *(pytest.param(seed, marks=pytest.mark.acceptance) for seed in range(7, 16))]
)
def test_after_each_edit_what_is_wanted_is_logged_all_the_time_and_nothing_is_lost(
    seed: int, base: type[Any], tmp_path: Path
) -> None:
    course = edits_in_process.run(seed, tmp_path, base)
    assert course.problems == [], course.journal
    assert course.ends[DONE] >= course.ends.total() // 3


def test_an_outage_of_twenty_minutes_ends_each_operation_with_a_sentence_and_the_next_up_resumes(
    base: type[Any], tmp_path: Path
) -> None:
    began = 10  # requests before the outage, sign-in included
    with serve_seeded(tmp_path, Behaviour(latency=0)) as server:
        names = sorted(one.name for one in server.store.network.all_attachments())
        program = declaring(inputs(server, {name: FlowLogSpec(name, STREAMS[0], name, enabled=True) for name in names}))
        state: list[Resource] = []
        server.faults.use(0, [Fault("error", status=503, skip=began)])

        with host(server, base, backoff=None) as stub:
            errors = Engine(stub, timeout=1200, state=state).up(program).errors

        # A clock of its own for each operation, on which nobody waits.
        # 120 s are given; the last wait before they are over may be one of 20 s.
        gave_up = r"gave up after 1(?:[23]\d|40) s of waiting for the service \(\S.*\) \(ER\.05039006, HTTP 503, .*\)"
        begun = rf"\(\S+\) exists but is not as wanted yet: {gave_up}; the next `pulumi up` goes on from there"
        not_known = rf"was perhaps created: {gave_up}; the next `pulumi up --refresh` finds out"
        made = server.store.flow_logs.live()
        assert 0 < len(made) < began
        assert len(errors) >= ATTACHMENTS - len(made)
        sentence = re.compile(rf"flow log '\S+' ({begun}|{not_known})")
        assert [error for error in errors if not sentence.fullmatch(error)] == []

        server.faults.use(0, [])
        with host(server, base, backoff=None) as stub:
            assert Engine(stub, timeout=1200, state=state).up(program).errors == []
        assert {one.id for one in made} <= {resource.id for resource in state}
        assert {resource.id for resource in state} == {one.id for one in server.store.flow_logs.live()}
        assert len(state) == ATTACHMENTS
        with host(server, base, backoff=None) as stub:
            assert Engine(stub, timeout=1200, state=state).up(program).steps == []


@pytest.mark.parametrize("what", ["--seed", "--change-seed"])
def test_a_run_is_had_again_exactly_by_its_seed(what: str) -> None:
    journals = [
        subprocess.run(
            [sys.executable, "-m", "tests.chaos", what, "38"],
            cwd=PROJECT_FOLDER,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            timeout=120,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert journals[0].count(b"\n") > 10
    assert journals[0] == journals[1]
