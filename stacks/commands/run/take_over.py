"""Takes over what a killed run was creating. Killed at any moment, it loses nothing and can be run again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timezone

from providers import backend, journal
from providers.stderr import say
from stacks.commands import cli, pending
from stacks.commands.command_line import fetch_export
from stacks.commands.question import is_confirmed
from stacks.stackfile.location import short_name
from stacks.state.updates import Update, find_in_progress

_NOTHING_TO_CANCEL = re.compile(r"has never been updated|\[409\] Conflict: .*already completed")
"""How services answer if no run is in progress. Other backends remove locks, if there are any."""


def take_over(stack: str) -> None:
    """End the run in progress for the backend, and have the next refresh find out what it was creating.

    Ends the process with a sentence if that run is alive on this machine, if it may be alive on another one and the
    user does not want it to end, or if the CLI fails.
    """
    pending.refuse_live(stack)
    if not backend.is_service(os.environ.get(backend.VARIABLE, "")):
        _cancel(stack)
    elif running := find_in_progress(pending.fetch_updates(stack)):
        _check_killed(stack, running)
        _cancel(stack)
    state = pending.take_over(stack, fetch_export(stack))
    print(cli.run("stack", "import", "--stack", stack, text=json.dumps(state)), end="", flush=True)
    journal.forget(short_name(stack))


def _check_killed(stack: str, running: Update) -> None:
    """End the process with a sentence unless the run is known to be killed, or the user wants it to end.

    A service does not tell whether a run still renews its lease. It was killed on this machine if it has left a create
    here that is not in progress, and that the state does not have.
    """
    left = pending.find_unfinished_creates(stack, fetch_export(stack))
    if any(create["time"] >= running.started for create in left):
        return
    began = datetime.fromtimestamp(running.started, timezone.utc)
    say(
        f"A run of this stack ({running.kind}, begun on {began:%Y-%m-%d at %H:%M:%S} UTC) is in progress elsewhere, or"
        " was killed. If it is alive, ask whoever started it before you end it."
    )
    if not (os.environ.get("YES") or is_confirmed("End it?")):
        sys.exit(1)


def _cancel(stack: str) -> None:
    command = ["pulumi", "cancel", "--yes", "--stack", stack, "--non-interactive"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode and not _NOTHING_TO_CANCEL.search(ended.stderr):
        cli.fail(ended.stderr)
    if not ended.returncode:
        sys.stderr.write(ended.stderr)
    print(ended.stdout, end="", flush=True)
