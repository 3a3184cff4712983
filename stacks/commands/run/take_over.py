"""Takes over what a killed run was creating. Killed at any moment, it loses nothing and can be run again."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from providers import journal
from stacks.commands import cli
from stacks.commands.command_line import fetch_export
from stacks.stackfile.location import short_name
from stacks.state import recovery

_NOTHING_TO_CANCEL = re.compile(r"has never been updated|\[409\] Conflict: .*already completed")
"""How services answer if no run is in progress. Other backends remove locks, if there are any."""


def take_over(stack: str) -> None:
    """End the run in progress for the backend, and have the next refresh find out what it was creating.

    Ends the process with a sentence if that run is alive on this machine, or if the CLI fails.
    """
    recovery.refuse_live(stack)
    _cancel(stack)
    state = recovery.take_over(stack, fetch_export(stack))
    print(cli.run("stack", "import", "--stack", stack, text=json.dumps(state)), end="", flush=True)
    journal.forget(short_name(stack))


def _cancel(stack: str) -> None:
    command = ["pulumi", "cancel", "--yes", "--stack", stack, "--non-interactive"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode and not _NOTHING_TO_CANCEL.search(ended.stderr):
        cli.fail(ended.stderr)
    sys.stderr.write("" if ended.returncode else ended.stderr)
    print(ended.stdout, end="", flush=True)
