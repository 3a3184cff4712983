"""Which attachments are logged now: `python -m stacks.coverage [--json]`; `--help` lists the options.

For each stack it prints a table, and writes a page for a browser. With `--delivery`, only attachments whose records
arrive are logged.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from providers.stderr import say
from stacks.commands import cli, command_line, screen
from stacks.commands.coverage.model import Coverage
from stacks.commands.coverage.report import describe
from stacks.commands.coverage.survey import survey_stack
from stacks.commands.coverage.table import format_brief, format_table
from stacks.commands.delivery.survey import add_delivery

PAGES = Path(".local", "coverage")


def main(arguments: Sequence[str], *, is_one_of_several: bool = False) -> int:
    """Print the coverage of the stacks, and write their pages; the result is `Coverage.exit_code`, for all together.

    Args:
        arguments: The options.
        is_one_of_several: Whether a single stack is named as well, because the command was about several.
    """
    options = _parse(arguments)
    stacks = options.stack.split() or [""]
    is_one = len(stacks) == 1 and not is_one_of_several
    found, sign_ins = list[Coverage](), dict[str, str]()
    for stack in stacks:
        try:
            found.append(_survey(stack, sign_ins, with_delivery=options.delivery))
        except SystemExit:
            if is_one:
                raise
            say(f"error: the coverage of stack {stack} is unknown")
    with command_line.errors_as_sentences(stacks[0]):
        _print(found, options, is_one=is_one)
    for coverage in found:
        if coverage.mistakes:
            say(command_line.as_errors(coverage.mistakes))
    codes = {coverage.exit_code for coverage in found} | ({cli.UNKNOWN} if len(found) < len(stacks) else set())
    return next((code for code in (1, cli.UNKNOWN) if code in codes), 0)


def _survey(cli_name: str, sign_ins: dict[str, str], *, with_delivery: bool) -> Coverage:
    """The coverage of a stack; an account signs in once for all of them."""
    stack, values = command_line.fetch_values(cli_name)
    with command_line.errors_as_sentences(stack):
        client = command_line.create_client(values, sign_ins or None)
        coverage = survey_stack(client, values, stack=stack, cli_name=cli_name)
        if with_delivery:
            coverage = add_delivery(client, coverage, now=datetime.now(timezone.utc))
        sign_ins |= client.credentials.state()
    return coverage


def _print(found: Sequence[Coverage], options: argparse.Namespace, *, is_one: bool) -> None:
    if options.json:
        documents = [describe(coverage) for coverage in found]
        print(json.dumps(documents[0] if is_one else documents, indent=2))
        return
    for coverage in found:
        print("" if is_one else f"Stack {coverage.stack}:\n", end="")
        _print_one(coverage, is_brief=options.brief)
        print("" if is_one else "\n", end="")


def _print_one(coverage: Coverage, *, is_brief: bool) -> None:
    if is_brief:
        print(format_brief(coverage))
        return
    print(format_table(coverage, in_colour=screen.is_colourful(), columns=screen.terminal_columns()))
    from stacks.commands.coverage.page import render_page  # the page's library takes long to import

    file = PAGES / f"{coverage.stack}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render_page(coverage), encoding="utf-8")
    print(f"As a page: {file}")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stacks.coverage", description="Which attachments are logged.")
    stack_help = "the stack, or several with spaces between them; the selected one by default"
    parser.add_argument("--stack", default="", help=stack_help)
    parser.add_argument("--delivery", action="store_true", help="ask log streams whether records arrive")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON; no page")
    form.add_argument("--brief", action="store_true", help="print only what is not logged, and the counts; no page")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
