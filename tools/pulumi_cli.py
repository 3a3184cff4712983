"""Finds the Pulumi CLI or makes it, and prints the folder that belongs first on PATH.

    python3 -m tools.pulumi_cli

In this order: a `pulumi` on PATH that is new enough; the official installer; a build from Go modules. What
the latter two deliver is kept in the cache folder and serves every later clone on the machine at once.
Decisions and progress go to stderr.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tools import pulumi_installer, versions
from tools.cache import cache_folder, make_once, platform_key
from tools.console import ToolError, last_line, run, say
from tools.offline import pulumi_build

_LANGUAGE_HOST = "pulumi-language-python"


@dataclass(frozen=True)
class Cli:
    """A CLI to use: the folder to put first on PATH, and one line on which it is and why."""

    folder: Path
    story: str
    has_stand_in: bool = False


def is_complete(place: Path) -> bool:
    return all(os.access(place / "bin" / name, os.X_OK) for name in ("pulumi", _LANGUAGE_HOST))


def find() -> Cli:
    """The CLI to use, made if need be."""
    base = cache_folder() / f"pulumi-{versions.PULUMI}-{platform_key()}"
    installed = base.with_name(f"{base.name}-installer")
    built = base.with_name(f"{base.name}-modules-{pulumi_build.recipe_digest()}")
    ours = {installed: "from the official installer", built: "built from Go modules"}

    on_path, objection = _on_path([place / "bin" for place in ours])
    if on_path:
        return on_path
    for place, how in ours.items():
        if is_complete(place):
            story = f"pulumi {versions.PULUMI}: {how}, kept in {_short(place)} ({objection})"
            return Cli(place / "bin", story, place == built)

    try:
        make_once(installed, is_complete, _install)
        story = f"pulumi {versions.PULUMI}: {ours[installed]} ({objection})"
        return Cli(installed / "bin", story)
    except pulumi_installer.InstallerError as failed:
        objection = f"{objection}; the official installer {failed}"
    go = pulumi_build.require_go(objection)
    make_once(built, is_complete, lambda folder: pulumi_build.build(go, folder))
    return Cli(built / "bin", f"pulumi {versions.PULUMI}: {ours[built]} ({objection})", has_stand_in=True)


def _on_path(ours: list[Path]) -> tuple[Cli | None, str]:
    """The CLI on PATH if it will do, else what speaks against it. Our own folders on PATH don't count."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if Path(folder) not in ours)
    pulumi = shutil.which("pulumi", path=path)
    if not pulumi:
        return None, "none on PATH"
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    code, output = run([pulumi, "version"], timeout=20, env=environment)
    if code or not versions.parse(output):
        return None, f"{pulumi} does not run: {last_line(output)}"
    version = last_line(output).removeprefix("v")
    if not versions.at_least(version, versions.PULUMI):
        return None, f"{pulumi} is {version}, older than {versions.PULUMI}"
    beside = str(Path(pulumi).resolve().parent)
    if not shutil.which(_LANGUAGE_HOST, path=os.pathsep.join([path, beside])):
        return None, f"{pulumi} is {version} but has no {_LANGUAGE_HOST} beside it or on PATH"
    return Cli(Path(pulumi).parent.absolute(), f"pulumi {version}: found on PATH, {pulumi}"), ""


def _install(folder: Path) -> None:
    pulumi_installer.install(versions.PULUMI, folder)
    code, output = run([folder / "bin" / "pulumi", "version"], timeout=20)
    if code or not is_complete(folder):
        raise pulumi_installer.InstallerError(f"delivered a CLI that does not run: {last_line(output)}")


def _short(path: Path) -> str:
    """A path the way people write it, with ~."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def main() -> int:
    try:
        cli = find()
    except ToolError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run starts that step anew")
        return 130
    say(cli.story)
    print(cli.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
