"""Which attachments are logged now: `pulumi config --json --show-secrets | python -m stacks.commands.coverage STACK`.

Prints a table, and writes a page for a browser. With `--delivery`, only attachments whose records arrive are logged.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path

from stacks.commands import command_line
from stacks.commands.coverage.page import render_page
from stacks.commands.coverage.survey import survey_stack
from stacks.commands.coverage.table import format_table
from stacks.commands.delivery.survey import add_delivery
from stacks.stackfile.location import short_name

PAGES = Path(".local", "coverage")


def main() -> None:
    """Print the table of the stack and write its page; ends with 1 if the stack file has mistakes."""
    parser = argparse.ArgumentParser(prog="make coverage", description="Which attachments are logged.")
    parser.add_argument("stack")
    parser.add_argument("--delivery", action="store_true", help="ask log streams whether records arrive")
    options = parser.parse_args()
    stack = short_name(options.stack)
    values = command_line.read_values(stack)
    with command_line.errors_as_sentences(stack):
        client = command_line.create_client(values)
        coverage = survey_stack(client, values, stack=stack)
        if options.delivery:
            coverage = add_delivery(client, coverage, now=datetime.now(timezone.utc))
        print(format_table(coverage, in_colour=command_line.is_colourful(), columns=command_line.terminal_columns()))
    file = PAGES / f"{stack}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render_page(coverage), encoding="utf-8")
    print(f"As a page: {file}")
    if coverage.mistakes:
        sys.exit("\n".join(coverage.mistakes))


if __name__ == "__main__":
    main()
