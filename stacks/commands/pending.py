"""Interrupted creates, as commands. For a stack in a service, these ask it for the stack's updates.

pulumi stack export | python -m stacks.pending refuse STACK       end with 1 if there are any: others would forget them
pulumi stack export | python -m stacks.pending take-over STACK    print the state in which the next refresh finds them
python -m stacks.pending refuse-live STACK                        end with 1 if a run on this machine is creating now

The first two also do what the third does: creates of a live run are not interrupted, and to take them over would
duplicate them.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from providers.stderr import say, say_and_exit
from stacks.commands import cli
from stacks.stackfile.location import make_command, short_name
from stacks.state import recovery
from stacks.state.updates import HISTORY, Update, read_updates


def fetch_updates(stack: str) -> list[Update]:
    """The updates of a stack in a service. Ends the process if the CLI fails."""
    return read_updates(cli.run(*HISTORY, "--stack", stack))


def forget_settled_creates(stack: str, export: recovery.Export) -> list[dict[str, Any]]:
    """Forget the creates recorded on this machine that are in the state, or settled since; the others."""
    return recovery.forget_settled_creates(export, short_name(stack), lambda: fetch_updates(stack))


def refuse_live(stack: str) -> None:
    """Exit with a sentence if a run on this machine is creating something now; the stack's name may be its full one."""
    if number := recovery.count_live_creates(short_name(stack)):
        say_and_exit(f"error: another run of this stack is in progress, with {number} creates: wait until it has ended")


def refuse_interrupted(stack: str, export: recovery.Export) -> None:
    """Exit with a sentence if there are interrupted creates, or creates of a live run."""
    refuse_live(stack)
    recover = make_command("recover", stack)
    here = {create["urn"] for create in forget_settled_creates(stack, export)}
    urns = {create["urn"] for create in recovery.find_interrupted_creates(export)} | here
    if urns - here:
        say_and_exit(
            f"error: another run is creating {len(urns)} resources, or was interrupted while creating them: if no run"
            f" of this stack is in progress, run `{recover}` first"
        )
    if urns:
        say_and_exit(
            f"error: an earlier run was interrupted while it created {len(urns)} resources: if no run of this stack"
            f" is in progress, run `{recover}` first"
        )


def take_over(stack: str, export: recovery.Export) -> tuple[dict[str, Any], list[str]]:
    """The state with the interrupted creates, and sentences about them."""
    export = recovery.add_unfinished_creates(export, forget_settled_creates(stack, export))
    foreign = [operation["resource"]["urn"] for operation in recovery.find_foreign_operations(export)]
    number = len({create["urn"] for create in recovery.find_interrupted_creates(export)} - set(foreign))
    sentences = [
        f"interrupted: {number} creates; the next refresh finds out what they created"
        if number
        else "no create was interrupted"
    ]
    if foreign:
        sentences.append(
            f"warning: {len(foreign)} operations on other resources were interrupted as well. `pulumi stack import`"
            f" drops them: check whether these exist, and import or delete them: {', '.join(foreign)}"
        )
    if names := recovery.find_unrecoverable(export):
        sentences.append(
            f"warning: {len(names)} flow logs without an idempotency_key may have been created and cannot be found"
            f" again: {', '.join(names)}; look for them and import or delete them"
        )
    return recovery.take_over_creates(export), sentences


def main() -> None:
    """Run a command; except for `refuse-live`, the stack's state is on standard input."""
    parser = argparse.ArgumentParser(
        prog="python -m stacks.pending", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("refuse", "refuse-live", "take-over"))
    parser.add_argument("stack", metavar="STACK")
    options = parser.parse_args()
    if options.command == "refuse-live":
        refuse_live(options.stack)
        return
    text = sys.stdin.read()
    if not text.strip():
        sys.exit(1)  # `pulumi stack export` has failed, and has printed why
    export = json.loads(text)
    if options.command == "take-over":
        refuse_live(options.stack)
        state, sentences = take_over(options.stack, export)
        say("\n".join(sentences))
        json.dump(state, sys.stdout)
    else:
        refuse_interrupted(options.stack, export)
