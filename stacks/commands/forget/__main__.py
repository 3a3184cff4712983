"""Stops managing flow logs, which stay in the cloud.

`python -m stacks.commands.forget STACK [ATTACHMENT …] [--router ROUTER …]`

The state changes first: a run that comes before the stack file has changed is refused, and a second `make forget`
completes what was interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from providers.er import Client
from stacks.commands import cli, command_line
from stacks.commands.checks import check
from stacks.commands.forget.release import ForgetError, Release, plan_release
from stacks.commands.question import is_answered, is_confirmed
from stacks.commands.run import pulumi
from stacks.stackfile.location import short_name, stack_file
from stacks.stackfile.writer import write


def main() -> None:
    """Show what will be forgotten, ask, and forget it."""
    parser = argparse.ArgumentParser(
        prog="make forget", description="Stop managing flow logs, which stay in the cloud and go on writing."
    )
    parser.add_argument("stack")
    parser.add_argument("attachments", nargs="*", help="ids or names; all of the routers if none is given")
    parser.add_argument("--router", nargs="*", default=[], help="ids or names; all of the stack if none is given")
    options = parser.parse_args()
    if not (options.attachments or options.router):
        cli.fail("error: say what to forget: ATTACHMENT='name ...', ROUTER=name, or both")
    pulumi.hand_on(check(options.stack))
    name, values = command_line.fetch_values(options.stack)
    with command_line.errors_as_sentences(name):
        client = command_line.create_client(values)
        try:
            forget(client, options.stack, attachments=options.attachments, routers=options.router)
        except (ForgetError, OSError, ValueError) as error:
            cli.fail(f"error: {error}")


def forget(client: Client, stack: str, *, attachments: Sequence[str], routers: Sequence[str]) -> None:
    """Forget these attachments, or these routers as a whole; see `plan_release`."""
    name = short_name(stack)
    file = stack_file(name)
    text, export = _read(file), command_line.fetch_export(stack)
    release = plan_release(client, text, export, stack=name, attachments=attachments, routers=routers)
    if release.text == text and not release.flow_logs:
        print(f"Nothing to do: stack {name} does not manage {' '.join(attachments or routers)}.")
        return
    print("\n".join(_describe(release, file, text)))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not (is_answered(name) or is_confirmed("Forget them?")):
        sys.exit(1)
    # From here on, only pulumi is interrupted.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    if (_read(file), command_line.fetch_export(stack)) != (text, export):
        raise ForgetError("the stack or its file was changed meanwhile, so nothing was done: run `make forget` again")
    if release.flow_logs:
        cli.run("stack", "import", "--stack", stack, text=json.dumps(release.remove_from(export)))
    try:
        write(file, release.text)
    except OSError as error:
        raise ForgetError(f"{file} cannot be written ({error.strerror}): run `make forget` again when it can") from None
    print(f"Forgotten. Commit {file} before the stack's next run elsewhere.")


def _read(file: Path) -> str:
    return file.read_bytes().decode()  # read_text would lose its line ends


def _describe(release: Release, file: Path, text: str) -> Iterator[str]:
    number = len(release.flow_logs)
    yield f"{number} flow log{'' if number == 1 else 's'} to forget; in the cloud, nothing changes"
    yield from (f"  - {flow_log}" for flow_log in sorted(release.flow_logs.values()))
    if release.text != text:
        yield str(file)
        changes = difflib.unified_diff(text.splitlines(), release.text.splitlines(), n=0, lineterm="")
        yield from (f"  {line}" for line in changes if not line.startswith(("---", "+++", "@@")))


if __name__ == "__main__":
    main()
