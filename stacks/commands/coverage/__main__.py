"""Which attachments are logged now: `python -m stacks.coverage [--json]`; `--help` lists the options.

Prints a table, and writes a page for a browser. With `--delivery`, only attachments whose records arrive are logged.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from providers.stderr import say
from stacks.commands import command_line, screen
from stacks.commands.coverage.model import Coverage
from stacks.commands.coverage.report import format_json
from stacks.commands.coverage.survey import survey_stack
from stacks.commands.coverage.table import format_brief, format_table
from stacks.commands.delivery.survey import add_delivery

PAGES = Path(".local", "coverage")


def main(arguments: Sequence[str]) -> int:
    """Print the coverage of the stack, and write its page; the result is `Coverage.exit_code`."""
    options = _parse(arguments)
    stack, values = command_line.fetch_values(options.stack)
    with command_line.errors_as_sentences(stack):
        client = command_line.create_client(values)
        coverage = survey_stack(client, values, stack=stack, cli_name=options.stack)
        if options.delivery:
            coverage = add_delivery(client, coverage, now=datetime.now(timezone.utc))
        _print(coverage, options)
    if coverage.mistakes:
        say(command_line.as_errors(coverage.mistakes))
    return coverage.exit_code


def _print(coverage: Coverage, options: argparse.Namespace) -> None:
    if options.json or options.brief:
        print(format_json(coverage) if options.json else format_brief(coverage))
        return
    print(format_table(coverage, in_colour=screen.is_colourful(), columns=screen.terminal_columns()))
    from stacks.commands.coverage.page import render_page  # the page's library takes long to import

    file = PAGES / f"{coverage.stack}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render_page(coverage), encoding="utf-8")
    print(f"As a page: {file}")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stacks.coverage", description="Which attachments are logged.")
    parser.add_argument("--stack", default="", help="the stack; the selected one by default")
    parser.add_argument("--delivery", action="store_true", help="ask log streams whether records arrive")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON; no page")
    form.add_argument("--brief", action="store_true", help="print only what is not logged, and the counts; no page")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
