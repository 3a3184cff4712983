"""A stack file out of what routers already have: `… | python -m stacks.adoption STACK [--print] [ROUTER …]`.

Standard input has what `pulumi config --json --show-secrets` prints; `{}` where the stack has no file yet.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from providers.er.errors import ApiError
from providers.settings import Settings, SettingsError
from stacks import command_line
from stacks.adoption import stack_file
from stacks.adoption.existing import AdoptionError, adopt


def main() -> None:
    """Write the stack file, or print what it would say."""
    parser = argparse.ArgumentParser(prog="make adopt", description="Write a stack file from what routers have.")
    parser.add_argument("stack")
    parser.add_argument("routers", nargs="*", help="ids or names; all routers if none is given")
    parser.add_argument("--print", action="store_true", help="print it only")
    options = parser.parse_intermixed_args()
    file = Path("stacks", f"Pulumi.{options.stack}.yaml")
    values = command_line.values()
    try:
        if "routers" in values.plain and not options.print:
            raise AdoptionError(
                "it has routers already: name another stack, or give ARGS=--print to see what would be written"
            )
        settings = Settings(values.plain.get, os.environ, lambda _key: None)
        adopted = adopt(command_line.client(values), options.routers, stack=options.stack)
        if options.print:
            print(stack_file.section(adopted), end="")
            return
        place = {"region": settings.region(), "project": settings.project()[1]}
        given = {key: value for key, value in place.items() if value}
        before = file.read_bytes().decode() if file.exists() else None  # read_text would lose its line ends
        stack_file.write(
            file, stack_file.new(adopted, given) if before is None else stack_file.completed(before, adopted)
        )
    except (AdoptionError, SettingsError, ApiError, OSError, UnicodeDecodeError) as error:
        sys.exit(f"error: {file} was not written: {error}")
    print(f"{file}: {adopted.count} flow log{'' if adopted.count == 1 else 's'}, under {', '.join(adopted.routers)}.")
    for note in (*adopted.left_out, *adopted.notes):
        print(f"note: {note}")
    print(f"Look it over, then: STACK={options.stack} make preview")


if __name__ == "__main__":
    main()
