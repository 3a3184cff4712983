"""A checkout without .venv, on the oldest Python that the project supports and on the newest of this machine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.harness import CHECKOUT, run_shell
from tools.versions import oldest_python

SECONDS = 15 * 60


def find_pythons() -> dict[str, Path]:
    """The usable Pythons on PATH and of pyenv by version, the oldest first."""
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    files = [
        file for folder in (*folders, *Path.home().glob(".pyenv/versions/*/bin")) for file in folder.glob("python3*")
    ]
    files = [file for file in files if re.fullmatch(r"python3\.\d+", file.name) and is_usable(file)]
    by_version = {file.name.removeprefix("python"): file for file in files}
    return dict(sorted(by_version.items(), key=lambda item: int(item[0].partition(".")[2])))


def is_usable(python: Path) -> bool:
    environment = {**os.environ, "OTC_FLOW_LOGS_PYTHON": str(python)}
    check = ["sh", "tools/python", "-c", ""]
    return subprocess.run(check, cwd=CHECKOUT, env=environment, stderr=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.acceptance
@pytest.mark.parametrize("which", ["oldest", "newest"])
@pytest.mark.parametrize("target", ["up", "test-fast JOBS=2"])
def test_make_installs_and_runs_from_scratch(which: str, target: str, checkout: Path) -> None:
    pythons = find_pythons()
    version = oldest_python(CHECKOUT) if which == "oldest" else [*pythons][-1]
    if version not in pythons:
        pytest.skip(f"there is no Python {version} on this machine")
    (checkout / ".venv").unlink()

    run_shell(f"make {target}", checkout, 0, SECONDS, OTC_FLOW_LOGS_PYTHON=str(pythons[version]))

    assert run_shell(".venv/bin/python -V", checkout).startswith(f"Python {version}.")
