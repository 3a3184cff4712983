"""The benchmark itself, with almost no flow logs."""

import subprocess
import sys

import pytest

from tests.e2e.harness import CHECKOUT, TIMEOUT


@pytest.mark.acceptance
def test_quick_benchmark_measures_every_ratio() -> None:
    command = [sys.executable, "-m", "bench", "--trial"]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert ended.returncode == 0, ended.stderr
    previews, hosts, targets = (ended.stdout.index(f"## {title}") for title in ("Previews", "Hosts", "Targets"))
    assert previews < hosts < targets
    assert ended.stdout.count("| not measured |") > 0
    for row in ("| 1 | ", "| 2 | ", "| `up` | 2 | ", "| `destroy` | 2 | "):
        assert ended.stdout.count(f"\n{row}") == 1
