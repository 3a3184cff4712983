"""What is logged now: `pulumi config --json --show-secrets --stack STACK | python -m stacks.coverage STACK`.

Prints a table, and writes a page for a browser.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from pathlib import Path

from providers.connection import Connection
from providers.er import Patience
from providers.er.errors import ApiError
from providers.settings import SettingsError
from stacks import command_line, config
from stacks.coverage.look import look
from stacks.coverage.page import page
from stacks.coverage.table import table
from stacks.discovery import discover
from stacks.errors import StackError

SECONDS = 120.0  # for all look-ups together
PAGES = Path(".local", "coverage")


def main(stack: str) -> None:
    """Print the table of the stack and write its page; ends with 1 where the stack file has mistakes."""
    stack_file = f"stacks/Pulumi.{stack}.yaml"
    values = command_line.values()
    try:
        stack_config = config.parse(values.plain, is_secret=values.is_secret)
        connection = Connection(values.plain.get, os.environ, directory=Path.cwd())
        client = connection.client.within(Patience(SECONDS, report=command_line.report))
        found = discover(client, stack_config, stack=stack, seen_before={})
        coverage = look(client, found, stack=stack, now=datetime.now(timezone.utc))
    except StackError as error:
        sys.exit(error.sentences(stack_file))
    except (SettingsError, ApiError) as error:
        sys.exit(f"error: {error}")
    print(table(coverage, in_colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    file = PAGES / f"{stack}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(coverage), encoding="utf-8")
    print(f"As a page: {file}")
    if found.problems:
        sys.exit(StackError(found.problems).sentences(stack_file))


if __name__ == "__main__":
    main(sys.argv[1])
