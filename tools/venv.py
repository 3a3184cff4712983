"""The project's `.venv`: created if missing, updated when pyproject.toml or constraints.txt changed."""

import hashlib
import json
import os
import sys
from pathlib import Path

from providers.stderr import say
from tools.cache import locked
from tools.console import ToolError, first_error, last_line, run

_INSTALL_SECONDS = 15 * 60


def ensure_venv(root: Path) -> Path:
    """The folder of a complete `.venv` of this Python. A stamp in it records what it was created from.

    A `.venv` that is a link may be shared with other checkouts: it is used as it is.
    """
    venv = root / ".venv"
    if venv.is_symlink():
        return venv
    stamp, python = venv / ".made-from.json", venv / "bin" / "python"
    # The same whether this runs in .venv or in the Python that .venv was created with.
    base = f"{sys.base_prefix} {sys.version_info.major}.{sys.version_info.minor}"
    current = {"checkout": str(root), "python": str(python), "base": base, "digest": _digest(root)}
    # The stamp does not show what was removed since, but to test for the python costs nothing.
    if _read(stamp) == current and os.access(python, os.X_OK):
        return venv
    (root / ".local").mkdir(exist_ok=True)
    with locked(root / ".local"):
        created_from = _read(stamp)
        if created_from == current and os.access(python, os.X_OK):
            return venv
        is_other = any(created_from.get(name, current[name]) != current[name] for name in ("checkout", "base"))
        if is_other or run([python, "-c", ""], timeout=30)[0]:
            _create(venv)  # copied here from another checkout, of another Python, missing or broken
        stamp.unlink(missing_ok=True)
        say("Python packages: installing into .venv, about a minute when none are cached")
        _install(root, python)
        stamp.write_text(json.dumps(current))
    return venv


def _create(venv: Path) -> None:
    # Not sys.executable: that may be the .venv that is to be replaced.
    base: str = getattr(sys, "_base_executable", sys.executable)
    code, output = run([base, "-m", "venv", "--clear", venv], timeout=120, doing="creating .venv")
    if code:
        raise ToolError(f".venv could not be created with {base}: {last_line(output)}")


def _install(root: Path, python: Path) -> None:
    options = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
    code, output = run(
        [python, "-m", "pip", "install", *options, "-c", "constraints.txt", "-e", ".[dev]"],
        timeout=_INSTALL_SECONDS,
        cwd=root,
        doing="installing Python packages",
        describe=_describe,
    )
    if code:
        # The first one is the cause.
        causes = "\n".join(line for line in output.splitlines() if "No matching distribution" in line)
        reason = first_error(causes or output, "ERROR:")
        raise ToolError(f"The Python packages could not be installed: {reason}")


def _describe(line: str) -> str:
    # Half of the time, this is pip's latest line.
    return "copying files" if line.startswith("Successfully uninstalled") else line


def _digest(root: Path) -> str:
    sources = [root / "pyproject.toml", root / "constraints.txt"]
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()


def _read(stamp: Path) -> dict[str, str]:
    try:
        created_from = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}
    return created_from if isinstance(created_from, dict) else {}
