"""A Pulumi home in which the stand-in random plugin counts as installed.

The engine warns, at length and four times in each run, about a plugin that it found on PATH. So a CLI that was
built here gets a home of its own in the cache folder, with the stand-in among its plugins. It is not put among
those in ~/.pulumi, where an official CLI would take it for the real one. Whoever chose a home, or has signed in
to a backend (which is noted there), keeps that, and sees the warnings.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

from tools.cache import cache_folder


def stand_in_home(cli: Path, venv: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Make or update that home; return the variables that lead to it, none where it must not be used."""
    home = _home()
    if environment.get("PULUMI_HOME", str(home)) != str(home):
        return {}
    if Path("~/.pulumi/credentials.json").expanduser().exists():
        return {}
    version = _sdk_version(venv)
    if not version:
        return {}
    launcher = home / "plugins" / f"resource-random-v{version}" / "pulumi-resource-random"
    script = f'#!/bin/sh\nexec {shlex.quote(str(cli / launcher.name))} "$@"\n'
    if not launcher.is_file() or launcher.read_text() != script:
        launcher.parent.mkdir(parents=True, exist_ok=True)
        new = launcher.with_name(".new")
        new.write_text(script)
        new.chmod(0o755)
        new.replace(launcher)
    return {"PULUMI_HOME": str(home), "PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}


def leave_stand_in_home(environment: Mapping[str, str]) -> list[str]:
    """The variables to unset when a shell still has that home, but another CLI (or a test) is to run in it."""
    if environment.get("PULUMI_HOME") != str(_home()):
        return []
    return [name for name in ("PULUMI_HOME", "PULUMI_IGNORE_AMBIENT_PLUGINS") if name in environment]


def _home() -> Path:
    return cache_folder() / "pulumi-home"


def _sdk_version(venv: Path) -> str:
    """The engine asks for the plugin in the version of the SDK that the program uses."""
    found = next(venv.glob("lib/python*/site-packages/pulumi_random-*.dist-info"), None)
    return found.name.removeprefix("pulumi_random-").removesuffix(".dist-info") if found else ""
