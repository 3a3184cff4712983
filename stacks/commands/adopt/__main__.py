"""A stack file out of what routers already have: `python -m stacks.commands.adopt STACK [--print] [ROUTER …]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from providers.config import ConfigError, ProviderConfig
from providers.er.exceptions import ApiError
from stacks import errors
from stacks.commands import command_line
from stacks.commands.adopt.existing import AdoptionError, adopt
from stacks.stackfile import editor
from stacks.stackfile.writer import checked_name, write


def main() -> None:
    """Write the stack file, or print what it would say."""
    parser = argparse.ArgumentParser(prog="make adopt", description="Write a stack file from what routers have.")
    parser.add_argument("stack")
    parser.add_argument("routers", nargs="*", help="ids or names; all routers if none is given")
    parser.add_argument("--print", action="store_true", help="print it only")
    options = parser.parse_intermixed_args()
    file = Path(errors.stack_file(options.stack))
    try:
        checked_name(options.stack)
        _write(file, options.stack, options.routers, only_print=options.print)
    # ValueError: what is not UTF-8, and what is no stack file.
    except (AdoptionError, ConfigError, ApiError, OSError, ValueError) as error:
        sys.exit(f"error: {file} was not written: {error}")


def _write(file: Path, stack: str, routers: list[str], *, only_print: bool) -> None:
    before = file.read_bytes().decode() if file.exists() else ""  # read_text would lose its line ends
    values = command_line.values_of_file(stack, before)
    if "routers" in values.plain and not only_print:
        raise AdoptionError(
            "it has routers already: name another stack, or give ARGS=--print to see what would be written"
        )
    settings = ProviderConfig(values.plain.get, os.environ, lambda _key: None)
    adopted = adopt(command_line.client(values), routers, stack=stack)
    # What the environment adds goes into the file: another shell would look elsewhere.
    place = {
        "region": settings.region() if "endpoint" not in values.plain else None,
        "project": settings.project()[1] if not settings.uses_emulator else None,
    }
    new = {key: value for key, value in place.items() if value and key not in values.plain}
    if only_print:
        print(editor.section(adopted, new), end="")
        return
    write(file, editor.completed(before, adopted, new))
    print(f"{file}: {adopted.count} flow log{'' if adopted.count == 1 else 's'}, under {', '.join(adopted.routers)}.")
    for note in (*adopted.left_out, *adopted.notes):
        print(f"note: {note}")
    print(f"Look it over, then: STACK={stack} make preview")


if __name__ == "__main__":
    main()
