"""The project's cache folder: outside the checkout, so that every clone on a machine shares it.

A folder in it is complete or absent. It is filled under a temporary name and then renamed, under a lock that the
system releases when its holder dies. So two runs at once fill it once, and the next run removes what a killed one
left behind.

    python -m tools.cache       empties it: `make clean ALL=1`
"""

import argparse
import fcntl
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from providers.stderr import say
from tools import versions
from tools.console import ToolError, clock, exit_code

_TEMPORARY = "incomplete-"
_OWN = ("pulumi-*", "*-python3.*", f"{_TEMPORARY}*")
"""The names of what this project keeps there. A folder that the user chose may have more in it."""


def cache_folder() -> Path:
    """`$OTC_FLOW_LOGS_CACHE`, else `otc-flow-logs` in the user's cache folder."""
    if chosen := os.environ.get("OTC_FLOW_LOGS_CACHE"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path("~/.cache").expanduser()) / "otc-flow-logs"


def platform_key() -> str:
    return f"{platform.system()}-{platform.machine()}".lower()


def cli_folder(origin: str) -> Path:
    """Where the CLI of this origin is kept."""
    return cache_folder() / f"pulumi-{versions.PULUMI}-{platform_key()}-{origin}"


def make_once(place: Path, is_complete: Callable[[Path], bool], make: Callable[[Path], None]) -> Path:
    """Let `make` fill a temporary folder and move it to `place`, unless another run already did."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with locked(place.parent):
            if is_complete(place):
                return place
            for leftover in place.parent.glob(f"{_TEMPORARY}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=place.parent))
            try:
                make(temporary)
                temporary.chmod(0o755)
                if place.exists():  # but files of it are missing
                    shutil.rmtree(place)
                temporary.rename(place)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise ToolError(
            f"The cache folder {place.parent} is not writable ({error.strerror or error}): "
            "set OTC_FLOW_LOGS_CACHE to a writable folder."
        ) from error
    return place


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        start = reported = time.monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if reported == start or time.monotonic() - reported > 10:
                    reported = time.monotonic()
                    say(f"  {clock(reported - start):>5}  waiting for another run that uses {folder}")
                time.sleep(0.2)
        yield


def clear(folder: Path) -> None:
    """Remove what this project keeps in the folder, and say so.

    Raises:
        ToolError: It cannot be removed.
    """
    found = sorted(path for pattern in _OWN for path in folder.glob(pattern) if path.is_dir())
    if not found:
        say(f"{folder}: nothing to remove")
        return
    try:
        with locked(folder):
            for path in found:
                say(f"removing {path}")
                shutil.rmtree(path)
    except OSError as error:
        raise ToolError(f"{error.filename} cannot be removed: {error.strerror}.") from error


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tools.cache", description="Empty the cache folder.").parse_args()
    sys.exit(exit_code(lambda: clear(cache_folder()), interrupted="interrupted"))
