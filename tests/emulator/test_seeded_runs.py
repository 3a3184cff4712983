"""A few of the runs of `make chaos`, through the real host: whatever happens, one more `up` puts all right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.seeded import run
from tests.emulator.process import PROJECT_FOLDER


@pytest.mark.parametrize("seed", range(1, 4))
def test_after_faults_crashes_and_edits_each_flow_log_is_there_once_and_in_the_state(
    seed: int, stock: type[Any], tmp_path: Path
) -> None:
    outcome = run(seed, tmp_path, stock)
    assert sum(outcome.injected.values()) > 10
    assert outcome.wrong == []


def test_a_run_is_had_again_exactly_by_its_seed() -> None:
    journals = [
        subprocess.run(
            [sys.executable, "-m", "tests.chaos", "--seed", "38"],
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
