"""What a flow log has recorded lately: `python -m stacks.records ROUTER/ATTACHMENT --since 1h [--json]`.

Prints the records of the attachment, the newest last, from every log stream that it is logged to.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from itertools import islice

from providers.er import Client, Record
from providers.er.exceptions import ApiError, NotFoundError
from providers.er.flow_logs import FlowLog
from providers.er.records import parse_records
from providers.er.sanitizing import display_name
from providers.stderr import say, say_and_exit
from stacks.commands import command_line, screen
from stacks.commands.destinations import find_names, logs_to

LIMIT = 1000  # records of each log stream, unless another number is given
DAY = timedelta(days=1)
HEADINGS = ("TIME", "DIR", "FROM", "TO", "PROTO", "PKTS", "BYTES")
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6", 132: "sctp"}
"""The usual ones (IANA: assigned internet protocol numbers); any other is shown as its number."""


def main(arguments: Sequence[str]) -> int:
    """Print the records; 0, or 1 if the attachment has no flow log or its records cannot be read."""
    options = _parse(arguments)
    stack, values = command_line.fetch_values(options.stack)
    with command_line.errors_as_sentences(stack):
        client = command_line.create_client(values)
        try:
            names, flow_logs = find_flow_logs(client, options.attachment)
        except ValueError as error:
            say_and_exit(f"error: {error}")
        are_read = [_print_records(client, flow_log, names, options) for flow_log in flow_logs]
    return int(not all(are_read))


def _print_records(client: Client, flow_log: FlowLog, names: tuple[str, str], options: argparse.Namespace) -> bool:
    """Print what one flow log has recorded; whether its log stream still exists."""
    router, attachment = names
    destination = find_logs_to(client, flow_log)
    now = datetime.now(timezone.utc)
    try:
        records = read(client, flow_log, since=now - options.since, until=now, limit=options.limit)
    except NotFoundError as error:
        say(f"error: log stream {destination} of {router}/{attachment} has been deleted: {error}")
        return False
    if options.json:
        for record in records:
            print(json.dumps({"router": router, "attachment": attachment, "logs_to": destination, **plain(record)}))
    else:
        plural = "" if len(records) == 1 else "s"
        print(f"{len(records)} record{plural} of {router}/{attachment} in {destination}, in UTC:", file=sys.stderr)
        print(format_table(records, with_date=options.since > DAY))
    if len(records) == options.limit:
        print(f"There may be older ones: --limit is {options.limit}.", file=sys.stderr)
    return True


def find_flow_logs(client: Client, text: str) -> tuple[tuple[str, str], list[FlowLog]]:
    """The names of the router and the attachment in `ROUTER/ATTACHMENT`, and the attachment's flow logs.

    Raises:
        ValueError: There is no such router or attachment, or it has no flow log; the text is one sentence.
        ApiError: The API refused or did not answer.
    """
    router_text, _, attachment_text = text.partition("/")
    (router,) = command_line.find_named("router", [router_text], list(client.routers.list()))
    attachments = list(client.attachments.list(router.id))
    (attachment,) = command_line.find_named("attachment", [attachment_text], attachments)
    found = list(client.flow_logs.list(router.id, resource_ids=[attachment.id]))
    names = display_name(router.display_name), display_name(attachment.display_name)
    if not found:
        raise ValueError(f"attachment {names[1]!r} has no flow log: see `make coverage`")
    return names, found


def find_logs_to(client: Client, flow_log: FlowLog) -> str:
    """`GROUP/STREAM`, with names as far as they can be listed."""
    try:
        groups = client.log_groups.list()
    except ApiError:
        groups = []
    return logs_to(flow_log, find_names(client, [flow_log], groups=groups, streams={}))


def read(client: Client, flow_log: FlowLog, *, since: datetime, until: datetime, limit: int) -> list[Record]:
    """The newest records of a flow log, the newest last; lines of others in its log stream are left out.

    Raises:
        NotFoundError: Its log stream does not exist.
        ApiError: The API refused or did not answer.
    """
    target = flow_log.target
    lines = client.records.lines(
        target.log_group_id, target.log_stream_id, since=since, until=until, keyword=target.resource_id
    )
    return list(islice(parse_records(lines), limit))[::-1]


def plain(record: Record) -> dict[str, object]:
    """The record with values for JSON: addresses and times as text."""
    times = {"start": record.start.isoformat(), "end": record.end.isoformat()}
    return {**asdict(record), "srcaddr": str(record.srcaddr), "dstaddr": str(record.dstaddr), **times}


def format_table(records: Sequence[Record], *, with_date: bool) -> str:
    """A line for each record; without dates, and with usual addresses of IPv4, of 80 characters.

    The time is the end of the interval; the direction is seen from the attachment.
    """
    return "\n".join(screen.align([HEADINGS, *(_row(record, with_date) for record in records)]))


def _row(record: Record, with_date: bool) -> Sequence[str]:
    return (
        record.end.strftime("%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S"),
        {"ingress": "in", "egress": "out"}[record.direct],
        _end_point(record.srcaddr, record.srcport),
        _end_point(record.dstaddr, record.dstport),
        PROTOCOLS.get(record.protocol, str(record.protocol)),
        str(record.packets),
        str(record.bytes),
    )


def _end_point(address: object, port: int) -> str:
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stacks.records", description="Records of an attachment.")
    parser.add_argument("attachment", metavar="ROUTER/ATTACHMENT", type=_parse_attachment, help="names or ids")
    parser.add_argument("--since", type=command_line.parse_span, default=timedelta(hours=1), metavar="1h")
    parser.add_argument(
        "--limit", type=_parse_limit, metavar="NUMBER", default=LIMIT, help=f"how many at most ({LIMIT})"
    )
    parser.add_argument("--stack", default="", help="the stack; the selected one by default")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each record")
    return parser.parse_args(arguments)


def _parse_attachment(text: str) -> str:
    router, _, attachment = text.partition("/")
    if not (router and attachment):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form ROUTER/ATTACHMENT")
    return text


def _parse_limit(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
