"""Whether the records of flow logs arrive: `python -m stacks.delivery [--json]`; `--help` lists the options.

Ends with 1 if something that should deliver does not, and with 2 if that could not be found out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from providers.er import Client, Deadline
from providers.er.exceptions import DeadlineExceededError
from providers.er.retry import exponential_backoff
from providers.stderr import say
from stacks.commands import cli, command_line, screen
from stacks.commands.coverage.model import Coverage
from stacks.commands.coverage.survey import survey_stack
from stacks.commands.delivery.model import Delivery, State, format_age
from stacks.commands.delivery.report import format_json, format_markdown
from stacks.commands.delivery.survey import SPAN, Question, measure
from stacks.commands.delivery.table import format_table
from stacks.planning.lookup import join_names

POLL = exponential_backoff(first=1, factor=1.5, cap=30, jitter=0)


def main(arguments: Sequence[str]) -> int:
    """Print what each flow log has delivered; 1 if something that should deliver does not, 2 if that is unknown."""
    options = parse(arguments)
    stack, values = command_line.fetch_values(options.stack)
    late: list[Delivery] = []
    with command_line.errors_as_sentences(stack):
        client = command_line.create_client(values)
        coverage = survey_stack(client, values, stack=stack, cli_name=options.stack)
        question = Question(now=datetime.now(timezone.utc), span=options.span, overdue_after=options.overdue_after)
        found = measure(client, coverage.entries, question)
        if options.wait:
            found, late = wait_for_first_records(client, found, question, bound=options.wait)
        print(_format(options, coverage, found))
    if coverage.mistakes:
        say(command_line.as_errors(coverage.mistakes))
    if late:
        say(
            f"error: after {format_age(options.wait)}, no record has come from {join_names(_attachments(late))}: wait"
            " longer, or see docs/guides/delivery.md"
        )
    failing = {delivery.state for delivery in found if delivery.is_failing}
    if late or failing - {State.UNKNOWN}:
        return 1
    return cli.UNKNOWN if failing or coverage.mistakes else 0


def _format(options: argparse.Namespace, coverage: Coverage, found: Sequence[Delivery]) -> str:
    routers = [router for router in coverage.routers for _ in router.entries]
    deliveries = list(zip(routers, found, strict=True))
    if options.json:
        return format_json(coverage, deliveries, span=options.span)
    if options.markdown:
        return format_markdown(coverage, deliveries, span=options.span)
    return format_table(
        deliveries,
        span=options.span,
        caveat=coverage.caveat,
        in_colour=screen.is_colourful(),
        columns=screen.terminal_columns(),
    )


def wait_for_first_records(
    client: Client, found: Sequence[Delivery], question: Question, *, bound: timedelta
) -> tuple[list[Delivery], list[Delivery]]:
    """Wait until no flow log is quiet any more.

    Args:
        client: The API.
        found: What is known of all flow logs.
        question: What to find out.
        bound: How long to wait at most.

    Returns:
        What is known then, and those of it that are still quiet.

    Raises:
        OperationCancelledError: The user pressed Ctrl-C.
    """
    newest, tries = list(found), 0
    deadline = Deadline(bound.total_seconds(), client.deadline.cancelled, client.deadline.report)
    while quiet := [index for index, delivery in enumerate(newest) if _is_awaited(delivery)]:
        tries += 1
        what = f"the first records of {join_names(_attachments(newest[index] for index in quiet), longest=3)}"
        try:
            deadline.sleep(POLL(tries), waiting_for=what)
        except DeadlineExceededError:
            break
        again = replace(question, now=datetime.now(timezone.utc))
        answers = measure(client, [newest[index].entry for index in quiet], again)
        for index, delivery in zip(quiet, answers, strict=True):
            newest[index] = delivery
    return newest, [newest[index] for index in quiet]


def _is_awaited(delivery: Delivery) -> bool:
    return delivery.is_expected and delivery.state is State.QUIET


def _attachments(deliveries: Iterable[Delivery]) -> list[str]:
    return [delivery.entry.attachment for delivery in deliveries]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; ends the process with a sentence if one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m stacks.delivery", description="Whether flow logs deliver records.")
    duration, span = command_line.parse_duration, command_line.parse_span
    parser.add_argument("--stack", default="", help="the stack; the selected one by default")
    parser.add_argument("--span", type=span, default=SPAN, metavar="1h", help="count the records of this time")
    parser.add_argument(
        "--overdue-after",
        type=duration,
        metavar="30m",
        help="how long a flow log may have no record (default: two aggregation intervals and 10 minutes)",
    )
    parser.add_argument("--wait", type=duration, metavar="30m", help="wait so long for first records")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print what does not deliver, for an issue")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
