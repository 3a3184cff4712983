"""A few of the runs of `make chaos`, through the real host: whatever happens, one more `up` puts all right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chaos.seeded import run


@pytest.mark.parametrize("seed", range(1, 4))
def test_after_faults_crashes_and_edits_each_flow_log_is_there_once_and_in_the_state(
    seed: int, stock: type[Any], tmp_path: Path
) -> None:
    outcome = run(seed, tmp_path, stock)
    assert sum(outcome.injected.values()) > 10
    assert outcome.wrong == []


def test_the_same_seed_has_the_same_things_happen(stock: type[Any], tmp_path: Path) -> None:
    journals = []
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        journals.append(run(6, tmp_path / name, stock).journal)
    assert journals[0] == journals[1]
