"""Which attachments are logged now: `pulumi config --json --show-secrets | python -m stacks.commands.coverage STACK`.

Prints a table, and writes a page for a browser.
"""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path

from providers.config import ConfigError
from providers.er.exceptions import ApiError
from stacks.commands import command_line
from stacks.commands.coverage.page import render_page
from stacks.commands.coverage.survey import survey
from stacks.commands.coverage.table import format_table
from stacks.errors import StackError
from stacks.planning.inventory import take_inventory
from stacks.planning.plan import make_plan
from stacks.stackfile.loader import DefaultsError, load_defaults, parse_stack_file
from stacks.stackfile.location import short_name, stack_file
from stacks.state.last_run import OutputsError, read_last_run

PAGES = Path(".local", "coverage")


def main(stack: str) -> None:
    """Print the table of the stack and write its page; ends with 1 if the stack file has mistakes."""
    stack = short_name(stack)
    values = command_line.read_values(stack)
    try:
        stack_config = parse_stack_file(values.plain, is_secret=values.is_secret, defaults=load_defaults())
        client = command_line.create_client(values)
        inventory = take_inventory(client, stack_config, {})
        plan = make_plan(stack_config, inventory, stack=stack, last_run=None, managed={})
        if any(selection.gone for router in plan.routers for selection in router.selections.values()):
            # A name in the stack file that does not exist may have been renamed: the last run knew it.
            last = read_last_run(command_line.fetch_outputs(stack))
            plan = make_plan(stack_config, inventory, stack=stack, last_run=last or None, managed={})
        coverage = survey(client, plan, stack=stack, now=datetime.now(timezone.utc))
    except StackError as error:
        sys.exit(error.sentences(stack_file(stack)))
    except (ConfigError, ApiError, DefaultsError, OutputsError) as error:
        sys.exit(f"error: {error}")
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(format_table(coverage, in_colour=bool(columns) and not os.environ.get("NO_COLOR"), columns=columns))
    file = PAGES / f"{stack}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render_page(coverage), encoding="utf-8")
    print(f"As a page: {file}")
    if coverage.mistakes:
        sys.exit("\n".join(coverage.mistakes))


if __name__ == "__main__":
    main(sys.argv[1])
