"""Takes over what a killed run was creating, at the start of `make recover`: python -m stacks.commands.recover STACK

It ends the run for the backend, and puts the flow logs that the run was creating into the state, for the next refresh
to find out about them. Killed at any moment, it loses nothing and can be run again.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys

from providers import journal
from stacks.commands import command_line
from stacks.stackfile.location import short_name
from stacks.state import recovery

_NOTHING_TO_CANCEL = re.compile(r"has never been updated|\[409\] Conflict: .*already completed")
"""How services answer if no run is in progress. Other backends remove locks, if there are any."""


def recover(stack: str) -> None:
    """Take over the stack's interrupted creates. Ends the process if a run is alive, or if the CLI fails."""
    name = short_name(stack)
    recovery.refuse_live(name)
    _cancel(stack)
    export = json.loads(command_line.run_cli("stack", "export", "--stack", stack))
    state = recovery.take_over(export, name)
    command_line.run_cli("stack", "import", "--stack", stack, text=json.dumps(state))
    journal.forget(name)


def _cancel(stack: str) -> None:
    """End the run in progress for the backend, if there is one."""
    command = ["pulumi", "cancel", "--yes", "--stack", stack, "--non-interactive"]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ended.returncode == 0:
        print(ended.stdout, end="", flush=True)
    elif not _NOTHING_TO_CANCEL.search(ended.stdout):
        command_line.fail(ended.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stacks.commands.recover",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stack", metavar="STACK")
    try:
        recover(parser.parse_args().stack)
    except OSError as error:
        sys.exit(f"error: {error.filename} cannot be used ({error.strerror}): check who owns the files in it")


if __name__ == "__main__":
    main()
