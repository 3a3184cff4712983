"""Writes a stack file from the flow logs of routers, and the log groups that they write to.

`python -m stacks.commands.adopt STACK [--print] [--without-log-groups] [ROUTER …]`
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from providers.config import ConfigError, ProviderConfig
from providers.er.exceptions import ApiError
from providers.stderr import say_and_exit
from stacks.commands import command_line
from stacks.commands.adopt.existing import AdoptionError, adopt
from stacks.stackfile import editor
from stacks.stackfile.location import stack_file
from stacks.stackfile.writer import check_stack_name, write


def main() -> None:
    """Write the stack file, or print what would be added to it."""
    parser = argparse.ArgumentParser(prog="make adopt", description="Write a stack file from the flow logs of routers.")
    parser.add_argument("stack")
    parser.add_argument("routers", nargs="*", help="ids or names; all routers if none is given")
    parser.add_argument("--print", action="store_true", help="print it only")
    parser.add_argument("--without-log-groups", action="store_true", help="do not manage log groups and streams")
    options = parser.parse_intermixed_args()
    file = stack_file(options.stack)
    try:
        check_stack_name(options.stack)
        _write(file, options)
    # ValueError: not UTF-8, or not a stack file.
    except (AdoptionError, ConfigError, ApiError, OSError, ValueError) as error:
        say_and_exit(f"error: {file} was not written: {error}")


def _write(file: Path, options: argparse.Namespace) -> None:
    stack, only_print = options.stack, options.print
    before = file.read_bytes().decode() if file.exists() else ""  # read_text would lose its line ends
    values = command_line.parse_values(stack, before)
    declared = {key: str(router.get("router")) for key, router in editor.routers_of(before).items()}
    with_log_groups = not (options.without_log_groups or "log_groups" in values.plain)
    client = command_line.create_client(values)
    adopted = adopt(client, options.routers, stack=stack, declared=declared, with_log_groups=with_log_groups)
    new = command_line.find_place(ProviderConfig(values.plain.get, os.environ), values.plain)
    if only_print:
        print(editor.format_sections(adopted.sections, adopted.comments, new), end="")
        return
    text = editor.add_sections(before, adopted.sections, adopted.comments, new)
    write(file, text)
    count = len(adopted.flow_logs)
    print(f"{file}: {count} flow log{'' if count == 1 else 's'}, under {', '.join(adopted.routers)}.")
    if adopted.log_groups:
        print(f"Log groups with their streams: {', '.join(adopted.log_groups)}.")
    for note in (*adopted.left_out, *adopted.notes):
        print(f"note: {note}")
    print(command_line.next_step(stack, text))


if __name__ == "__main__":
    main()
