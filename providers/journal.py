"""A journal of the running creates, in the project's folder, for the case that the provider is killed.

The engine counts such a create as failed, and forgets it. So each create has a file from before its first request until
the engine has the response. The file is locked all the time, and the kernel releases the lock of a killed process: a
file without a lock belongs to an interrupted create, and a file with a lock to a run that is alive.

A service may lose what the engine has sent it: there are servers that drop the journal of a run that is cancelled. So
with a service, a file stays, without a lock, until a state is seen that has the flow log, or the flow log is deleted,
or a later run has settled what the state has. A run of another clone leaves the file, so it has the time of the create.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from providers.backend import VARIABLE, is_service

FOLDER = Path(".local", "creating")

_TRIES = 100  # to write a file: another process may remove the file or the folder in between


@contextlib.contextmanager
def recorded(
    stack: str, urn: str, inputs: Mapping[str, Any], *, may_exist: type[Exception] | tuple[()] = ()
) -> Iterator[None]:
    """Record a create for as long as the block lasts; with a service, until it is forgotten.

    Args:
        stack: The stack's name.
        urn: The resource.
        inputs: All of its inputs. None of a FlowLog is secret; if a program marks one as secret, only the user of this
            process can read the file.
        may_exist: The errors of the block after which what was to be created may exist. After any other, the create is
            forgotten.

    Raises:
        OSError: The file cannot be written or locked. Nothing is recorded then.
    """
    service = _service()
    create = {"urn": urn, "inputs": dict(inputs), **service}
    file = FOLDER / stack / f"{_digest(urn)}-{_digest(json.dumps(create, sort_keys=True))}.json"
    text = json.dumps({**create, "time": time.time()})
    is_kept = bool(service)
    with _open_locked(file, text) as stream:
        try:
            yield
        except Exception as error:
            is_kept = is_kept and isinstance(error, may_exist)
            raise
        finally:
            # Before the lock is released: without a lock, the file would be that of an interrupted create. A run of a
            # stack of the same name in another backend may have replaced the file.
            if not is_kept:
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(file.stat(), os.fstat(stream.fileno())):
                        file.unlink()


def unfinished(stack: str) -> list[dict[str, Any]]:
    """The interrupted creates, each with `urn`, `inputs` and `time`, in seconds since 1970 by this machine's clock.

    None is of a run that is alive, or of another service. With a service, each also has `service`, and these are also
    creates that have ended, until they are forgotten.

    This also removes the partial files of processes that were killed while they wrote: they had sent no request yet.

    Raises:
        OSError: A file cannot be read.
    """
    _remove_partial_files(stack)
    creates = [json.loads(text) for text in _texts(stack) if text is not None]
    return [create for create in creates if _is_here(create)]


def forget(stack: str, urn: str = "", identity: Mapping[str, Any] | None = None) -> None:
    """Forget creates that are not running: of this resource, with these values among its inputs; without any, all.

    Raises:
        OSError: A file cannot be read or removed.
    """
    for file in _files(stack, ".json", prefix=_digest(urn) if urn else ""):
        with contextlib.suppress(FileNotFoundError):
            if (text := _text(file)) is None:
                continue
            create = json.loads(text)
            if _is_here(create) and (identity or {}).items() <= create["inputs"].items():
                file.unlink()


def under_way(stack: str) -> int:
    """How many creates of the stack are running on this machine.

    Raises:
        OSError: A file cannot be read.
    """
    return sum(text is None for text in _texts(stack))


def _service() -> dict[str, str]:
    """What distinguishes stacks of the same name in two services: a hash, since an address may be secret."""
    url = os.environ.get(VARIABLE, "")
    return {"service": _digest(url.rstrip("/"))} if is_service(url) else {}


def _is_here(create: Mapping[str, Any]) -> bool:
    return create.get("service") == _service().get("service")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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


def _files(stack: str, suffix: str, *, prefix: str = "") -> list[Path]:
    try:
        files = sorted((FOLDER / stack).iterdir())
        return [file for file in files if file.suffix == suffix and file.name.startswith(prefix)]
    except FileNotFoundError:  # nothing was ever created, or `make recover` has removed the folder
        return []


def _lock(stream: IO[str], how: int) -> bool:
    """Whether this process has the lock now; if not, another process has it."""
    try:
        fcntl.flock(stream, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
