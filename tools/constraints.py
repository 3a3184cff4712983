"""Writes constraints.txt: for each supported Python, the newest packages that pyproject.toml allows."""

import argparse
import sys
import tempfile
from pathlib import Path

from tools.console import ToolError, exit_code, last_line, run
from tools.versions import oldest_python

ROOT = Path(__file__).absolute().parent.parent


def _write() -> None:
    with tempfile.TemporaryDirectory(prefix="constraints-") as folder:
        venv = Path(folder, "bin")
        _run([sys.executable, "-m", "venv", folder], "creating an environment")
        _run([venv / "python", "-m", "pip", "install", "--quiet", "--no-input", "uv"], "installing uv")
        # Universal: with markers where one version does not suit all Pythons and systems.
        versions = ["--universal", "--python-version", oldest_python(ROOT), "--upgrade"]
        form = ["--no-annotate", "--custom-compile-command", "make constraints"]
        files = ["pyproject.toml", "--extra", "dev", "--output-file", "constraints.txt"]
        _run([venv / "uv", "pip", "compile", "--quiet", *files, *versions, *form], "choosing versions")


def _run(command: list[str | Path], doing: str) -> None:
    code, output = run(command, timeout=900, cwd=ROOT, doing=doing)
    if code:
        raise ToolError(f"{doing} failed: {last_line(output)}")


if __name__ == "__main__":
    argparse.ArgumentParser(prog="make constraints", description=__doc__).parse_args()
    sys.exit(exit_code(_write, interrupted="interrupted"))
