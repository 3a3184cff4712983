"""Takes over what a killed run was creating. Killed at any moment, it loses nothing and can be run again."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

from providers import backend, journal
from providers.stderr import say
from stacks.commands import cli, pending
from stacks.commands.command_line import fetch_export
from stacks.commands.question import is_confirmed
from stacks.commands.run import pulumi
from stacks.stackfile.location import short_name
from stacks.state.updates import Update, find_in_progress, parse_time

_NOTHING_TO_CANCEL = re.compile(r"has never been updated|\[409\] Conflict: .*already completed")
"""How services answer if no run is in progress. Other backends remove locks, if there are any."""
_LOCK = re.compile(r"created by (?P<user>.*)@(?P<host>.*) \(pid (?P<pid>[0-9]+)\) at (?P<time>\S+)")
"""How Pulumi names who has locked a stack, where no service keeps its state."""


def take_over(stack: str) -> None:
    """End the run in progress for the backend, and have the next refresh find out what it was creating.

    Ends the process with a sentence if that run is alive on this machine, if it may be alive on another one and the
    user does not want it to end, or if the CLI fails.
    """
    pending.refuse_live(stack)
    is_service = backend.is_service(os.environ.get(backend.VARIABLE, ""))
    if is_service and (running := find_in_progress(pending.fetch_updates(stack))):
        _check_killed(stack, running)
        _cancel(stack)
    sentences, imported = _import(stack)
    if pulumi.LOCKED in imported.stderr:
        _check_locks(imported.stderr)
        _cancel(stack)
        sentences, imported = _import(stack)
    if imported.returncode:
        cli.fail(imported.stderr.rstrip())
    say("\n".join(sentences))
    sys.stderr.write(imported.stderr)
    print(imported.stdout, end="", flush=True)
    journal.forget(short_name(stack))


def _import(stack: str) -> tuple[list[str], subprocess.CompletedProcess[str]]:
    """Write the state with the interrupted creates, unless it is locked: sentences about them, and the CLI's answer."""
    state, sentences = pending.take_over(stack, fetch_export(stack))
    return sentences, _run("stack", "import", "--stack", stack, text=json.dumps(state))


def _check_killed(stack: str, running: Update) -> None:
    """End the process with a sentence unless the run is known to be killed, or the user wants it to end.

    A service does not tell whether a run still renews its lease. It was killed on this machine if it has left a create
    here that is not in progress, and that the state does not have.
    """
    left = pending.forget_settled_creates(stack, fetch_export(stack))
    if not any(create["time"] >= running.started for create in left):
        _ask(running.kind, datetime.fromtimestamp(running.started, timezone.utc))


def _check_locks(errors: str) -> None:
    """The same, where runs lock the stack. Known to be killed is a process of this machine that does not exist."""
    for lock in _LOCK.finditer(errors):
        if lock["host"] != socket.gethostname() or _is_alive(int(lock["pid"])):
            _ask(f"by {lock['user']}@{lock['host']}, process {lock['pid']}", parse_time(lock["time"]))


def _is_alive(process: int) -> bool:
    with contextlib.suppress(OSError):  # Only Linux has this file.
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][:1]
        return state != "Z"  # one that has ended, and whose parent has not asked how
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _ask(run: str, began: datetime) -> None:
    """End the process unless the user wants the run to end."""
    say(
        f"A run of this stack ({run}, begun on {began.astimezone(timezone.utc):%Y-%m-%d at %H:%M:%S} UTC) is in"
        " progress, or was killed. If it is alive, ask whoever started it before you end it."
    )
    if not (os.environ.get("YES") or is_confirmed("End it?")):
        sys.exit(1)


def _cancel(stack: str) -> None:
    ended = _run("cancel", "--yes", "--stack", stack)
    if ended.returncode and not _NOTHING_TO_CANCEL.search(ended.stderr):
        cli.fail(ended.stderr.rstrip())
    if not ended.returncode:
        sys.stderr.write(ended.stderr)
    print(ended.stdout, end="", flush=True)


def _run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = ["pulumi", *arguments, "--non-interactive"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)
