"""A stack file out of what routers already have: `… | python -m stacks.adoption STACK [--print] [ROUTER …]`.

Standard input has what `pulumi config --json --show-secrets` prints; `{}` where the stack has no file yet.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from providers.connection import Connection
from providers.er import Patience
from providers.er.errors import ApiError
from providers.settings import Settings, SettingsError
from stacks import command_line
from stacks.adoption.existing import AdoptionError, adopt
from stacks.adoption.stack_file import text, written

SECONDS = 120.0  # for all look-ups together


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
                f"{file} has routers already, and none of it is overwritten: name another stack, or give ARGS=--print"
                " to see what it would say"
            )
        settings = Settings(values.plain.get, os.environ, lambda _key: None)
        connection = Connection(values.plain.get, os.environ, directory=Path.cwd())
        client = connection.client.within(Patience(SECONDS, report=command_line.report))
        adopted = adopt(client, options.routers, stack=options.stack)
        if options.print:
            print(text(adopted), end="")
            return
        place = {"region": settings.region(), "project": settings.project()[1]}
        given = {key: value for key, value in place.items() if value}
        new = written(file.read_text(encoding="utf-8") if file.exists() else None, given, text(adopted))
        file.write_text(new, encoding="utf-8")
    except (AdoptionError, SettingsError, ApiError) as error:
        sys.exit(f"error: {error}")
    print(f"{file}: {adopted.count} flow log{'' if adopted.count == 1 else 's'}, under {', '.join(adopted.routers)}.")
    for note in adopted.notes:
        print(f"note: {note}")
    print(f"Look it over, then: STACK={options.stack} make preview")


if __name__ == "__main__":
    main()
