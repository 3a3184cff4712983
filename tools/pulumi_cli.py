"""Finds the Pulumi CLI, or installs or builds it, and prints the folder to put first on PATH.

    python3 -m tools.pulumi_cli

It tries, in this order: a `pulumi` on PATH that is new enough; the official installer; a build from Go modules. The
result of the latter two is kept in the cache folder and serves every later clone on the machine at once.
Decisions and progress go to stderr.
"""

import argparse
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from providers.stderr import say
from tools import offline, pulumi_installer, versions
from tools.cache import cli_folder, make_once
from tools.console import exit_code, last_line, run

_LANGUAGE_HOST = "pulumi-language-python"


@dataclass(frozen=True)
class Cli:
    """A CLI to use: the folder to put first on PATH, and one line on which it is and why."""

    folder: Path
    summary: str


def is_complete(folder: Path) -> bool:
    return all(os.access(folder / "bin" / name, os.X_OK) for name in ("pulumi", _LANGUAGE_HOST))


def find_cli() -> Cli:
    """The CLI to use, installed or built if need be."""
    installed, built = cli_folder("installer"), offline.build_folder()
    origins = {installed: "from the official installer", built: "built from Go modules"}

    on_path, objection = _on_path([folder / "bin" for folder in origins])
    if on_path:
        return on_path
    for folder, origin in origins.items():
        if is_complete(folder):
            summary = f"pulumi {versions.PULUMI}: {origin}, kept in {_short(folder)} ({objection})"
            return Cli(folder / "bin", summary)

    try:
        folder = make_once(installed, is_complete, _install)
    except pulumi_installer.InstallerError as failed:
        objection = f"{objection}; the official installer {failed}"
        folder = make_once(built, is_complete, lambda folder: offline.build(folder, objection))
    return Cli(folder / "bin", f"pulumi {versions.PULUMI}: {origins[folder]} ({objection})")


def _on_path(cached: list[Path]) -> tuple[Cli | None, str]:
    """The CLI on PATH if it will do, else why it won't. Folders of the cache on PATH don't count."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if Path(folder) not in cached)
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
    form = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(description=__doc__, formatter_class=form).parse_args()

    def work() -> None:
        cli = find_cli()
        say(cli.summary)
        print(cli.folder)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
