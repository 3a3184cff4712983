"""A journal of the running creates, in the project's folder, for the case that the provider is killed.

The engine counts such a create as failed, and forgets it. So each create has a file from before its first request until
the engine has the response. The file is locked all the time, and the kernel releases the lock of a killed process: a
file without a lock belongs to an interrupted create, and a file with a lock to a run that is alive.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

FOLDER = Path(".local", "creating")

_TRIES = 100  # to write a file: another process may remove the file or the folder in between


@contextlib.contextmanager
def recorded(stack: str, urn: str, inputs: Mapping[str, Any]) -> Iterator[None]:
    """Record a create for as long as the block lasts.

    Args:
        stack: The stack's name.
        urn: The resource.
        inputs: All of its inputs. None of a FlowLog is secret; if a program marks one as secret, only the user of this
            process can read the file.

    Raises:
        OSError: The file cannot be written or locked. Nothing is recorded then.
    """
    text = json.dumps({"urn": urn, "inputs": dict(inputs)}, sort_keys=True)
    file = FOLDER / stack / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    with _open_locked(file, text) as stream:
        try:
            yield
        finally:
            # Before the lock is released: without a lock, the file would be that of an interrupted create. A run of a
            # stack of the same name in another backend may have replaced the file.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(file.stat(), os.fstat(stream.fileno())):
                    file.unlink()


def unfinished(stack: str) -> list[dict[str, Any]]:
    """The interrupted creates, each with `urn` and `inputs`; none of a run that is alive.

    This also removes the partial files of processes that were killed while they wrote: they had sent no request yet.

    Raises:
        OSError: A file cannot be read.
    """
    _remove_partial_files(stack)
    return [json.loads(text) for text in _texts(stack) if text is not None]


def under_way(stack: str) -> int:
    """How many creates of the stack are running on this machine.

    Raises:
        OSError: A file cannot be read.
    """
    return sum(text is None for text in _texts(stack))


def _open_locked(file: Path, text: str) -> IO[str]:
    """Write and lock the file; closing it releases the lock."""
    tries = _TRIES
    while True:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            return _write_open_locked(file, text)
        except (FileNotFoundError, FileExistsError):
            # A reader has removed it before it was locked, or `make recover` has removed the folder.
            tries -= 1
            if not tries:
                raise


def _write_open_locked(file: Path, text: str) -> IO[str]:
    # It gets its name only when it is locked, so no reader sees a running create without a lock.
    part, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
    stream = os.fdopen(part, "w", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(text)
        stream.flush()
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        stream.close()
        raise
    return stream


def _texts(stack: str) -> list[str | None]:
    """The content of each file of the stack; None for a running create."""
    texts = []
    for file in _files(stack, ".json"):
        with contextlib.suppress(FileNotFoundError):  # the create has ended in the meantime
            texts.append(_text(file))
    return texts


def _text(file: Path) -> str | None:
    """The content of the file, or None if the create is running.

    Raises:
        FileNotFoundError: The create has ended.
    """
    while True:
        with file.open(encoding="utf-8") as stream:
            if not _lock(stream, fcntl.LOCK_SH):
                return None
            # Between open and lock, the create may have ended, or a new run may have begun the same create.
            if os.fstat(stream.fileno()).st_nlink:
                return stream.read()


def _remove_partial_files(stack: str) -> None:
    for part in _files(stack, ".part"):
        # A user who may only read leaves them there, which does no harm.
        with contextlib.suppress(OSError), part.open("r+") as stream:
            if _lock(stream, fcntl.LOCK_EX):
                part.unlink()


def _files(stack: str, suffix: str) -> list[Path]:
    try:
        return sorted(file for file in (FOLDER / stack).iterdir() if file.suffix == suffix)
    except FileNotFoundError:  # nothing was ever created, or `make recover` has removed the folder
        return []


def _lock(stream: IO[str], how: int) -> bool:
    """Whether this process has the lock now; if not, another process has it."""
    try:
        fcntl.flock(stream, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
