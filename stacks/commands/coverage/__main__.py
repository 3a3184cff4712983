"""Which attachments are logged now: `pulumi config --json --show-secrets | python -m stacks.commands.coverage STACK`.

Prints a table, and writes a page for a browser.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from pathlib import Path

from providers.config import ConfigError
from providers.er.exceptions import ApiError
from stacks.commands import command_line
from stacks.commands.coverage.page import render_page
from stacks.commands.coverage.survey import survey
from stacks.commands.coverage.table import format_table
from stacks.errors import StackError, stack_file
from stacks.planning.inventory import look
from stacks.planning.plan import resolve
from stacks.stackfile import model
from stacks.stackfile.location import short_name
from stacks.state.last_run import OutputsError, last_run

PAGES = Path(".local", "coverage")


def main(stack: str) -> None:
    """Print the table of the stack and write its page; ends with 1 if the stack file has mistakes."""
    stack = short_name(stack)
    values = command_line.read_values(stack)
    try:
        stack_config = model.parse(values.plain, is_secret=values.is_secret, shared=model.shared())
        client = command_line.create_client(values)
        inventory = look(client, stack_config, {})
        plan = resolve(stack_config, inventory, stack=stack, last=None, managed={})
        if any(router.selection.gone for router in plan.routers):
            # A name in the stack file that does not exist may have been renamed: the last run knew it.
            last = last_run(command_line.fetch_outputs(stack))
            plan = resolve(stack_config, inventory, stack=stack, last=last or None, managed={})
        coverage = survey(client, plan, stack=stack, now=datetime.now(timezone.utc))
    except StackError as error:
        sys.exit(error.sentences(stack_file(stack)))
    except (ConfigError, ApiError, model.DefaultsError, OutputsError) as error:
        sys.exit(f"error: {error}")
    print(format_table(coverage, in_colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    file = PAGES / f"{stack}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render_page(coverage), encoding="utf-8")
    print(f"As a page: {file}")
    if coverage.mistakes:
        sys.exit("\n".join(coverage.mistakes))


if __name__ == "__main__":
    main(sys.argv[1])
