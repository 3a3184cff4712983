"""`python -m emulator.world --db FILE ...`: show what the emulator's database holds, and change it without the API.

It works on the file, whether or not an emulator serves it at the moment.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from emulator import clock, documents, flow_logs, policies, rules
from emulator.behaviour import ATTACHMENT_DELETED, Behaviour
from emulator.errors import ApiError, EmulatorError
from emulator.store import Store

LEFT_OUT_FIRST = ("ID", "TAGS", "ROUTER", "STATE")
"""The columns that a narrow terminal can do without."""

Command = Callable[[Store, argparse.Namespace], int | None]
"""What it returns is the exit code; None is 0."""


class Change(NamedTuple):
    """A command that calls the method of the store of its name with its arguments; the last one may have choices."""

    name: str
    summary: str
    arguments: str
    message: str
    choices: Sequence[str] | None = None


CHANGES = (
    Change(
        "set-router-state", "change a router's state", "router state", "router {router} is {state}", rules.ROUTER_STATES
    ),
    Change("share-router", "share a router", "router project", "router {router} is shared with project {project}"),
    Change(
        "set-attachment-state",
        "change an attachment's state",
        "attachment state",
        "attachment {attachment} is {state}",
        rules.ATTACHMENT_STATES,
    ),
    Change("rename-attachment", "rename an attachment", "attachment name", "attachment {attachment} is now {name}"),
    Change("add-log-group", "add a log group", "name", "added log group {name}: {result}"),
    Change("add-log-stream", "add a log stream", "group name", "added log stream {name} to {group}: {result}"),
    Change("remove-log-group", "delete a log group with its streams", "group", "log group {group} is deleted"),
    Change("remove-log-stream", "delete a log stream", "group stream", "log stream {stream} of {group} is deleted"),
    Change("stop-delivery", "have a flow log write nothing more", "flow_log", "flow log {flow_log} is mute"),
    Change("set-role", "give a user a role, at once", "user role", "user {user} has the role {role}", policies.ROLES),
    Change("rename-flow-log", "rename a flow log", "flow_log name", "flow log {flow_log} is now {name}"),
    Change(
        "describe-flow-log", "describe a flow log", "flow_log description", "flow log {flow_log} has a new description"
    ),
    Change("enable-flow-log", "enable a flow log at once", "flow_log", "flow log {flow_log} is enabled"),
    Change("disable-flow-log", "disable a flow log at once", "flow_log", "flow log {flow_log} is disabled"),
    Change("delete-flow-log", "delete a flow log at once", "flow_log", "flow log {flow_log} is deleted"),
    Change(
        "set-flow-log-state",
        "change a flow log's state, and keep it there",
        "flow_log state",
        "flow log {flow_log} is {state}",
        flow_logs.STATES,
    ),
)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        if not options.db.is_file():
            raise EmulatorError(
                f"There is no emulator database {options.db}: start an emulator on it first (python -m emulator --db)."
            )
        store = Store(options.db, behaviour=Behaviour(attachment_deleted=options.attachment_deleted))
        try:
            return command(store, options) or 0
        finally:
            store.close()
    except (EmulatorError, ApiError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emulator.world",
        description="Show what the emulator's database holds, and change it without the API; takes names and ids.",
    )
    parser.add_argument("--db", type=Path, required=True, help="the emulator's SQLite file")
    parser.set_defaults(attachment_deleted=Behaviour().attachment_deleted)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Command, summary: str, *positionals: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        for positional in positionals:
            added.add_argument(positional)
        added.set_defaults(command=command)
        return added

    add("list", _list, "show routers with their attachments, log groups with their streams, quotas")
    add("flow-logs", _flow_logs, "show all flow logs")

    gaps = add("gaps", _gaps, "show when attachments had no flow log that was available and enabled")
    gaps.description = (
        "Show when attachments had no flow log that was available and enabled; the exit code is 1 if there was such a "
        "time. T is a time in UTC such as 2026-11-23T10:00:00Z, or a duration back from now such as 90s, 10m or 2h."
    )
    gaps.add_argument(
        "--since", metavar="T", help="start of the period (default: when the first flow log became available)"
    )
    gaps.add_argument("--until", metavar="T", help="end of the period (default: now)")
    gaps.add_argument(
        "attachment",
        metavar="ATTACHMENT",
        nargs="*",
        help="by name or id (default: all that exist now, of any type)",
    )

    router = add("add-router", _add_router, "add a router", "name")
    router.add_argument("--state", choices=rules.ROUTER_STATES, default=rules.AVAILABLE)
    attachment = add("add-attachment", _add_attachment, "add an attachment to a router", "router", "name")
    attachment.add_argument("--type", choices=rules.ATTACHMENT_TYPES, default=rules.ATTACHMENT_TYPES[0])
    attachment.add_argument("--state", choices=rules.ATTACHMENT_STATES, default=rules.AVAILABLE)
    attachment.add_argument("--tag", metavar="KEY=VALUE", type=_parse_tag, action="append", default=[])
    attachment.add_argument("--quiet", action="store_true", help="no traffic passes through it")
    attachment = add("remove-attachment", _remove_attachment, "delete an attachment", "attachment")
    attachment.add_argument(
        "--attachment-deleted",
        choices=ATTACHMENT_DELETED,
        default=Behaviour().attachment_deleted,
        help="what happens to its flow logs (default: %(default)s)",
    )
    attachment = add("tag-attachment", _tag_attachment, "replace the tags of an attachment", "attachment")
    attachment.add_argument("tag", metavar="KEY=VALUE", type=_parse_tag, nargs="*")
    ttl = add("set-ttl", _set_ttl, "change how long a log group keeps records", "group")
    ttl.add_argument("days", type=int)
    pace = add("set-delivery", _set_delivery, "change how often flow logs write records, in the past as well")
    pace.add_argument("interval", type=float, help="seconds between the records of a flow log")
    pace.add_argument("delay", type=float, nargs="?", default=0.0, help="seconds until a record is found (default: 0)")
    late = add("delay-delivery", _delay_delivery, "have the records of a flow log found late", "flow_log")
    late.add_argument("seconds", type=float)
    quota = add("set-quota", _set_quota, "set the quota of flow logs; -1 for no limit")
    quota.add_argument("limit", type=int)
    user = add("set-policy", _set_policy, "give a user a custom policy, at once", "user")
    user.add_argument("policy", metavar="FILE.json", type=Path, help="an IAM policy of version 1.1")
    for change in CHANGES:
        *first, last = change.arguments.split()
        added = add(change.name, partial(_apply, change), change.summary, *first)
        added.add_argument(last, choices=change.choices)
    return parser


def _list(store: Store, _: argparse.Namespace) -> None:
    attachments = store.network.all_attachments()
    logged = [flow_log.resource_id for flow_log in store.flow_logs.live()]
    for router in store.network.all_routers():
        print(f"router {router.name}  {router.id}  {router.state}")
        _print_table(
            ("ATTACHMENT", "TYPE", "STATE", "FLOW LOGS", "TAGS", "ID"),
            [
                (
                    attachment.name,
                    attachment.resource_type,
                    attachment.state,
                    str(logged.count(attachment.id)),
                    _format_tags(attachment.tags),
                    attachment.id,
                )
                for attachment in attachments
                if attachment.er_id == router.id
            ],
        )
        print()
    for group in store.log_tank.groups():
        print(f"log group {group.name}  {group.id}")
        streams = store.log_tank.streams(group.project_id, group.id)
        _print_table(("STREAM", "ID"), [(stream.name, stream.id) for stream in streams])
        print()
    for project in store.identity.projects():
        quota = store.quotas.of(project.id)
        limit = "no limit" if quota.limit == rules.UNLIMITED else f"of {quota.limit}"
        print(f"quota {quota.key} in project {project.name}: {quota.used} used, {limit}")


def _flow_logs(store: Store, _: argparse.Namespace) -> None:
    attachments = {attachment.id: attachment.name for attachment in store.network.all_attachments()}
    routers = {router.id: router.name for router in store.network.all_routers()}
    rows = [
        (
            flow_log.name,
            flow_log.state,
            "yes" if flow_log.enabled else "no",
            routers[flow_log.er_id],
            attachments.get(flow_log.resource_id, f"(gone) {flow_log.resource_id}"),
            flow_log.id,
        )
        for flow_log in store.flow_logs.live()
    ]
    _print_table(("FLOW LOG", "STATE", "ENABLED", "ROUTER", "ATTACHMENT", "ID"), rows)


def _gaps(store: Store, options: argparse.Namespace) -> int:
    now = clock.now()
    found = store.gaps(
        since=None if options.since is None else clock.parse(options.since, now),
        until=now if options.until is None else clock.parse(options.until, now),
        attachments=options.attachment or None,
    )
    if not found:
        print("no gaps")
        return 0
    attachments = store.network.all_attachments()
    counts = Counter(attachment.name for attachment in attachments)
    names = {attachment.id: attachment.name for attachment in attachments if counts[attachment.name] == 1}
    rows = [
        (
            names.get(gap.attachment_id, gap.attachment_id),
            clock.format_exact(gap.begin),
            clock.format_exact(gap.end),
            f"{gap.seconds:.6f}",
        )
        for gap in found
    ]
    _print_table(("ATTACHMENT", "FROM", "TO", "SECONDS"), rows)
    return 1


def _apply(change: Change, store: Store, options: argparse.Namespace) -> None:
    values = {name: getattr(options, name) for name in change.arguments.split()}
    result = getattr(store, change.name.replace("-", "_"))(*values.values())
    print(change.message.format(**values, result=result))


def _add_router(store: Store, options: argparse.Namespace) -> None:
    print(f"added router {options.name}: {store.add_router(options.name, state=options.state)}")


def _add_attachment(store: Store, options: argparse.Namespace) -> None:
    added = store.add_attachment(
        options.router,
        options.name,
        resource_type=options.type,
        state=options.state,
        tags=dict(options.tag),
        quiet=options.quiet,
    )
    print(f"added attachment {options.name} to {options.router}: {added}")


def _remove_attachment(store: Store, options: argparse.Namespace) -> None:
    affected = store.remove_attachment(options.attachment)
    print(f"removed attachment {options.attachment}")
    for flow_log in affected:
        end = "removed" if options.attachment_deleted == "remove" else "left as it is"
        print(f"its flow log {flow_log.name} ({flow_log.id}) was {end}")


def _tag_attachment(store: Store, options: argparse.Namespace) -> None:
    store.tag_attachment(options.attachment, dict(options.tag))
    print(f"attachment {options.attachment} has the tags: {_format_tags(dict(options.tag)) or 'none'}")


def _set_ttl(store: Store, options: argparse.Namespace) -> None:
    store.set_ttl(options.group, options.days)
    print(f"log group {options.group} keeps records for {options.days} days")


def _set_delivery(store: Store, options: argparse.Namespace) -> None:
    store.set_delivery(options.interval, options.delay)
    print(f"flow logs write every {options.interval:g} s, found {options.delay:g} s later")


def _delay_delivery(store: Store, options: argparse.Namespace) -> None:
    store.delay_delivery(options.flow_log, options.seconds)
    print(f"the records of flow log {options.flow_log} are found {options.seconds:g} s late")


def _set_quota(store: Store, options: argparse.Namespace) -> None:
    store.set_quota(options.limit)
    print("the quota has no limit" if options.limit == rules.UNLIMITED else f"the quota is {options.limit}")


def _set_policy(store: Store, options: argparse.Namespace) -> None:
    store.set_policy(options.user, documents.load_json(options.policy, "policy"))
    print(f"user {options.user} has the policy {options.policy}")


def _parse_tag(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not (key and separator):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE")
    return key, value


def _format_tags(tags: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in tags.items())


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, without some columns where the terminal has no room for them."""
    columns = dict(zip(headings, zip(headings, *rows, strict=True), strict=True))
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    left_out = []
    for heading in LEFT_OUT_FIRST:
        if sum(2 + max(map(len, column)) for column in columns.values()) > room and columns.pop(heading, ()):
            left_out.append(heading)
    widths = [max(map(len, column)) for column in columns.values()]
    for row in zip(*columns.values(), strict=True):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if left_out:
        print(f"  Without {', '.join(left_out)}: the terminal is too narrow.")


if __name__ == "__main__":
    sys.exit(main())
