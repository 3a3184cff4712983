"""A Pulumi home in which the stand-in random plugin counts as installed.

The engine warns, at length and four times in each run, about a plugin that it found on PATH. So a CLI that was
built here gets a home of its own in the cache folder, with the stand-in among its plugins. The stand-in is not put
into ~/.pulumi, where an official CLI would take it for the real plugin. A user who chose a home, or has signed in to
a backend (which is recorded in ~/.pulumi), keeps that home, and sees the warnings.
"""

import contextlib
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from tools.cache import cache_folder
from tools.offline.pulumi_build import build_folder

_SETTINGS = {
    "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
    # The language host can generate no code, so `pulumi import` would fail after the import.
    "PULUMI_OPTION_GENERATE_CODE": "false",
}


def environment(cli: Path | None, venv: Path, current: Mapping[str, str]) -> dict[str, str | None]:
    """The variables that differ for the CLI in this folder; None for those to unset.

    Args:
        cli: The CLI's folder; None to leave the home of a built CLI.
        venv: The project's virtual environment.
        current: The environment variables that are set.
    """
    if cli == build_folder() / "bin":
        return dict(_stand_in_home(cli, venv, current))
    # A shell may still have the home of a built CLI, and another CLI must not find the stand-in there.
    if current.get("PULUMI_HOME") != str(_home()):
        return {}
    return {name: None for name in ("PULUMI_HOME", *_SETTINGS) if name in current}


def _stand_in_home(cli: Path, venv: Path, current: Mapping[str, str]) -> dict[str, str]:
    """Create or update that home; return the variables that select it, none where it must not be used."""
    home = _home()
    if current.get("PULUMI_HOME", str(home)) != str(home):
        return {}
    if Path("~/.pulumi/credentials.json").expanduser().exists():
        return {}
    version = _sdk_version(venv)
    if not version:
        return {}
    _keep_out_logs(home / "logs")
    launcher = home / "plugins" / f"resource-random-v{version}" / "pulumi-resource-random"
    script = f'#!/bin/sh\nexec {shlex.quote(str(cli / launcher.name))} "$@"\n'
    if not launcher.is_file() or launcher.read_text() != script:
        launcher.parent.mkdir(parents=True, exist_ok=True)
        new = launcher.with_name(".new")
        new.write_text(script)
        new.chmod(0o755)
        new.replace(launcher)
    return {"PULUMI_HOME": str(home), **_SETTINGS}


def _keep_out_logs(logs: Path) -> None:
    """Put a file in place of the folder in which the CLI records each run, at half of the engine's processor time.

    No option of 3.259 stops that. Without the folder, the CLI goes on. If a run creates it again meanwhile, the next
    one tries again.
    """
    if logs.is_file():
        return
    logs.parent.mkdir(parents=True, exist_ok=True)
    old = logs.with_name("old-logs")
    with contextlib.suppress(OSError):
        if logs.is_dir():
            logs.rename(old)  # runs may be writing there
        logs.write_text("In place of this file, the Pulumi CLI would make a folder, and record each run there.\n")
    shutil.rmtree(old, ignore_errors=True)


def _home() -> Path:
    return cache_folder() / "pulumi-home"


def _sdk_version(venv: Path) -> str:
    """The version of the plugin that the engine asks for: that of the program's SDK."""
    found = next(venv.glob("lib/python*/site-packages/pulumi_random-*.dist-info"), None)
    return found.name.removeprefix("pulumi_random-").removesuffix(".dist-info") if found else ""
