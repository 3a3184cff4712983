"""Creates under way, recorded in the project's folder: a provider that is killed tells nobody what it had begun.

The engine takes such a create for one that failed, and forgets it. So each has a file from before its first request
until the engine has its answer. The file is locked for as long: the kernel releases the lock of a process that is
killed, so a file without a lock is of a create that was interrupted, and one with a lock is of a run that is alive.
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

_TRIES = 100  # of writing a file; one more is needed when somebody removes the file or the folder at that moment


@contextlib.contextmanager
def recorded(stack: str, urn: str, inputs: Mapping[str, Any]) -> Iterator[None]:
    """Have a create recorded, and known to be under way, for as long as the block lasts.

    Args:
        stack: The stack's name.
        urn: What is created.
        inputs: All of them. None of ours is secret; for what somebody else's program takes for one, only they may read.

    Raises:
        OSError: The file cannot be written or locked. Nothing is recorded then.
    """
    text = json.dumps({"urn": urn, "inputs": dict(inputs)}, sort_keys=True)
    file = FOLDER / stack / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    with _locked(file, text) as stream:
        try:
            yield
        finally:
            # As long as the lock is held: without it, this would be a create that was interrupted. A run of a stack of
            # the same name in another backend may have put its own file there.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(file.stat(), os.fstat(stream.fileno())):
                    file.unlink()


def unfinished(stack: str) -> list[dict[str, Any]]:
    """The creates that were interrupted, each with `urn` and `inputs`; none of a run that is alive.

    It also removes what processes left that were killed while they wrote a file: they had sent no request yet.

    Raises:
        OSError: A file cannot be read.
    """
    _remove_unfinished_files(stack)
    return [json.loads(text) for text in _texts(stack) if text is not None]


def under_way(stack: str) -> int:
    """How many creates of the stack are under way in processes of this machine.

    Raises:
        OSError: A file cannot be read.
    """
    return sum(text is None for text in _texts(stack))


def _locked(file: Path, text: str) -> IO[str]:
    """The file, written, locked and open; the lock is released when it is closed."""
    tries = _TRIES
    while True:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            return _locked_at_once(file, text)
        except (FileNotFoundError, FileExistsError):
            # A reader has removed it before it was locked, or `make recover` has removed the folder.
            tries -= 1
            if not tries:
                raise


def _locked_at_once(file: Path, text: str) -> IO[str]:
    # Locked before it has its name, which so never shows a create under way without a lock.
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
    """What is in each file of the stack; None for one whose create is under way."""
    texts = []
    for file in _files(stack, ".json"):
        with contextlib.suppress(FileNotFoundError):  # its create has ended in the meantime
            texts.append(_text(file))
    return texts


def _text(file: Path) -> str | None:
    """What is in the file, or None if its create is under way.

    Raises:
        FileNotFoundError: Its create has ended.
    """
    while True:
        with file.open(encoding="utf-8") as stream:
            if not _lock(stream, fcntl.LOCK_SH):
                return None
            # Between the opening and the lock, the create may have ended, or a new run may have begun the same one.
            if os.fstat(stream.fileno()).st_nlink:
                return stream.read()


def _remove_unfinished_files(stack: str) -> None:
    for part in _files(stack, ".part"):
        # Who may only read leaves them there; they disturb nobody.
        with contextlib.suppress(OSError), part.open("r+") as stream:
            if _lock(stream, fcntl.LOCK_EX):
                part.unlink()


def _files(stack: str, suffix: str) -> list[Path]:
    try:
        return sorted(file for file in (FOLDER / stack).iterdir() if file.suffix == suffix)
    except FileNotFoundError:  # nothing was ever created, or `make recover` has removed the folder
        return []


def _lock(stream: IO[str], how: int) -> bool:
    """Whether the file is locked now; if not, another process has it locked."""
    try:
        fcntl.flock(stream, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
