"""Writes constraints.txt: the versions that a new environment from pyproject.toml gets today."""

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tools.console import ToolError, exit_code, last_line, run, say

ROOT = Path(__file__).absolute().parent.parent

OLDEST_PYTHON = 10  # of Python 3: requires-python in pyproject.toml

_HEADER = """\
# The versions that the tests ran with, on Python {python}. `make constraints` writes this file: it installs
# '.[dev]' into a new environment, without constraints, and lists the result.
"""


def _write() -> None:
    with tempfile.TemporaryDirectory(prefix="constraints-") as folder:
        pins = _fresh_pins(Path(folder))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    (ROOT / "constraints.txt").write_text(_HEADER.format(python=python) + "".join(f"{pin}\n" for pin in pins))
    say(f"constraints.txt: {len(pins)} packages pinned")


def _fresh_pins(folder: Path) -> list[str]:
    base: str = getattr(sys, "_base_executable", sys.executable)
    _run([base, "-m", "venv", folder / "venv"], "creating an environment")
    pip: list[str | Path] = [folder / "venv" / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    # From a copy, since pip leaves files where it builds.
    project = shutil.copytree(ROOT, folder / "project", ignore=shutil.ignore_patterns(".*", "*.egg-info"))
    _run([*pip, "install", "--no-input", "--progress-bar", "off", f"{project}[dev]"], "installing '.[dev]'")
    report = json.loads(_run([*pip, "inspect", "--local"], "listing the packages"))
    installed = [package["metadata"] for package in report["installed"]]
    unpinned = ("otc-flow-logs", "pip", "setuptools")
    packages = [package for package in installed if package["name"].lower() not in unpinned]
    return [_pin(package) for package in sorted(packages, key=lambda package: package["name"].lower())]


def _pin(metadata: dict[str, str]) -> str:
    """The version, for the Pythons that it supports: an older Python gets the newest version that supports it."""
    pin = f"{metadata['name']}=={metadata['version']}"
    oldest = re.search(r">=\s*3\.(\d+)", metadata.get("requires_python", ""))
    newer = oldest and int(oldest[1]) > OLDEST_PYTHON
    return f'{pin}; python_version >= "3.{oldest[1]}"' if oldest and newer else pin


def _run(command: list[str | Path], doing: str) -> str:
    code, output = run(command, timeout=900, doing=doing)
    if code:
        raise ToolError(f"{doing} failed: {last_line(output)}")
    return output


if __name__ == "__main__":
    sys.exit(exit_code(_write, interrupted="interrupted"))
