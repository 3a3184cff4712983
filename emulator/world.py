"""`python -m emulator.world --db FILE ...`: look at the emulator's world, and change it behind the API's back.

Works on the file, whether or not an emulator serves it at the moment.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from emulator import clock, flow_logs, policies, rules
from emulator.behaviour import ATTACHMENT_DELETED, Behaviour
from emulator.errors import EmulatorError
from emulator.store import Store

Command = Callable[[Store, argparse.Namespace], int | None]
"""What it returns is the exit code; None is 0."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        if not options.db.is_file():
            raise EmulatorError(
                f"There is no emulator database {options.db}: start an emulator on it first (python -m emulator --db)."
            )
        store = Store(options.db, switches=Behaviour(attachment_deleted=options.attachment_deleted))
        try:
            return command(store, options) or 0
        finally:
            store.close()
    except EmulatorError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emulator.world",
        description="Look at the emulator's world, and change it behind the API's back. Names or ids are accepted.",
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
    add("flow-logs", _flow_logs, "show every flow log there is")

    gaps = add("gaps", _gaps, "show when attachments had no flow log that was available and enabled")
    gaps.description = (
        "Show when attachments had no flow log that was available and enabled; the exit code is 1 if there was such a "
        "time. T is a time in UTC such as 2026-11-23T10:00:00Z, or a duration back from now such as 90s, 10m or 2h."
    )
    gaps.add_argument(
        "--since", metavar="T", help="where to begin (default: when the first flow log of this world became available)"
    )
    gaps.add_argument("--until", metavar="T", help="where to end (default: now)")
    gaps.add_argument(
        "attachment",
        metavar="ATTACHMENT",
        nargs="*",
        help="of which (default: all that exist now, whatever their type)",
    )

    router = add("add-router", _add_router, "add a router", "name")
    router.add_argument("--state", choices=rules.ROUTER_STATES, default=rules.AVAILABLE)
    router = add("set-router-state", _set_router_state, "put a router into a state", "router")
    router.add_argument("state", choices=rules.ROUTER_STATES)

    attachment = add("add-attachment", _add_attachment, "attach something to a router", "router", "name")
    attachment.add_argument("--type", choices=rules.ATTACHMENT_TYPES, default=rules.ATTACHMENT_TYPES[0])
    attachment.add_argument("--state", choices=rules.ATTACHMENT_STATES, default=rules.AVAILABLE)
    attachment.add_argument("--tag", metavar="KEY=VALUE", type=_tag, action="append", default=[])
    attachment = add("remove-attachment", _remove_attachment, "delete an attachment", "attachment")
    attachment.add_argument(
        "--attachment-deleted",
        choices=ATTACHMENT_DELETED,
        default=Behaviour().attachment_deleted,
        help="what becomes of its flow logs (default: %(default)s)",
    )
    attachment = add("set-attachment-state", _set_attachment_state, "put an attachment into a state", "attachment")
    attachment.add_argument("state", choices=rules.ATTACHMENT_STATES)
    add("rename-attachment", _rename_attachment, "rename an attachment", "attachment", "name")
    attachment = add("tag-attachment", _tag_attachment, "replace the tags of an attachment", "attachment")
    attachment.add_argument("tag", metavar="KEY=VALUE", type=_tag, nargs="*")

    add("add-log-group", _add_log_group, "add a log group", "name")
    add("add-log-stream", _add_log_stream, "add a stream to a log group", "group", "name")
    quota = add("set-quota", _set_quota, "set how many flow logs there may be; -1 for no limit")
    quota.add_argument("limit", type=int)

    user = add("set-role", _set_role, "let a user do what a role may, at once", "user")
    user.add_argument("role", choices=policies.ROLES)
    user = add("set-policy", _set_policy, "let a user do what a custom policy says, at once", "user")
    user.add_argument("policy", metavar="FILE.json", type=Path, help="an IAM policy of version 1.1")

    add("rename-flow-log", _rename_flow_log, "rename a flow log", "flow_log", "name")
    add("describe-flow-log", _describe_flow_log, "describe a flow log anew", "flow_log", "description")
    add("enable-flow-log", _enable_flow_log, "enable a flow log at once", "flow_log")
    add("disable-flow-log", _disable_flow_log, "disable a flow log at once", "flow_log")
    add("delete-flow-log", _delete_flow_log, "delete a flow log at once", "flow_log")
    flow_log = add("set-flow-log-state", _set_flow_log_state, "put a flow log into a state to stay in", "flow_log")
    flow_log.add_argument("state", choices=flow_logs.STATES)
    return parser


def _list(store: Store, _: argparse.Namespace) -> None:
    attachments = store.network.all_attachments()
    logged = [one.resource_id for one in store.flow_logs.live()]
    for router in store.network.all_routers():
        print(f"router {router.name}  {router.id}  {router.state}")
        _table(
            ("ATTACHMENT", "TYPE", "STATE", "FLOW LOGS", "TAGS", "ID"),
            [
                (one.name, one.resource_type, one.state, str(logged.count(one.id)), _tags(one.tags), one.id)
                for one in attachments
                if one.er_id == router.id
            ],
        )
        print()
    for group in store.log_tank.groups():
        print(f"log group {group.name}  {group.id}")
        streams = store.log_tank.streams(group.project_id, group.id)
        _table(("STREAM", "ID"), [(stream.name, stream.id) for stream in streams])
        print()
    for project in store.identity.projects():
        quota = store.quotas.of(project.id)
        limit = "no limit" if quota.limit == rules.UNLIMITED else f"of {quota.limit}"
        print(f"quota {quota.key} in project {project.name}: {quota.used} used, {limit}")


def _flow_logs(store: Store, _: argparse.Namespace) -> None:
    attachments = {one.id: one.name for one in store.network.all_attachments()}
    routers = {one.id: one.name for one in store.network.all_routers()}
    rows = [
        (
            one.name,
            one.state,
            "yes" if one.enabled else "no",
            routers[one.er_id],
            attachments.get(one.resource_id, f"(gone) {one.resource_id}"),
            one.id,
        )
        for one in store.flow_logs.live()
    ]
    _table(("FLOW LOG", "STATE", "ENABLED", "ROUTER", "ATTACHMENT", "ID"), rows)


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
    existing = store.network.all_attachments()
    bearers = Counter(one.name for one in existing)
    names = {one.id: one.name for one in existing if bearers[one.name] == 1}
    rows = [
        (
            names.get(gap.attachment_id, gap.attachment_id),
            clock.exact(gap.begin),
            clock.exact(gap.end),
            f"{gap.seconds:.6f}",
        )
        for gap in found
    ]
    _table(("ATTACHMENT", "FROM", "TO", "SECONDS"), rows)
    return 1


def _add_router(store: Store, options: argparse.Namespace) -> None:
    print(f"added router {options.name}: {store.add_router(options.name, state=options.state)}")


def _set_router_state(store: Store, options: argparse.Namespace) -> None:
    store.set_router_state(options.router, options.state)
    print(f"router {options.router} is {options.state}")


def _add_attachment(store: Store, options: argparse.Namespace) -> None:
    added = store.add_attachment(
        options.router,
        options.name,
        resource_type=options.type,
        state=options.state,
        tags=dict(options.tag),
    )
    print(f"added attachment {options.name} to {options.router}: {added}")


def _remove_attachment(store: Store, options: argparse.Namespace) -> None:
    affected = store.remove_attachment(options.attachment)
    print(f"removed attachment {options.attachment}")
    for one in affected:
        print(f"its flow log {one.name} ({one.id}) was {'removed' if _removes(store) else 'left as it is'}")


def _removes(store: Store) -> bool:
    return store.switches.attachment_deleted == "remove"


def _set_attachment_state(store: Store, options: argparse.Namespace) -> None:
    store.set_attachment_state(options.attachment, options.state)
    print(f"attachment {options.attachment} is {options.state}")


def _rename_attachment(store: Store, options: argparse.Namespace) -> None:
    store.rename_attachment(options.attachment, options.name)
    print(f"attachment {options.attachment} is now {options.name}")


def _tag_attachment(store: Store, options: argparse.Namespace) -> None:
    store.tag_attachment(options.attachment, dict(options.tag))
    print(f"attachment {options.attachment} has the tags: {_tags(dict(options.tag)) or 'none'}")


def _add_log_group(store: Store, options: argparse.Namespace) -> None:
    print(f"added log group {options.name}: {store.add_log_group(options.name)}")


def _add_log_stream(store: Store, options: argparse.Namespace) -> None:
    added = store.add_log_stream(options.group, options.name)
    print(f"added log stream {options.name} to {options.group}: {added}")


def _set_quota(store: Store, options: argparse.Namespace) -> None:
    store.set_quota(options.limit)
    print("the quota is lifted" if options.limit == rules.UNLIMITED else f"the quota is {options.limit}")


def _set_role(store: Store, options: argparse.Namespace) -> None:
    store.set_role(options.user, options.role)
    print(f"user {options.user} is a {options.role}")


def _set_policy(store: Store, options: argparse.Namespace) -> None:
    store.set_policy(options.user, policies.load(options.policy))
    print(f"user {options.user} may do what {options.policy} says")


def _rename_flow_log(store: Store, options: argparse.Namespace) -> None:
    store.rename_flow_log(options.flow_log, options.name)
    print(f"flow log {options.flow_log} is now {options.name}")


def _describe_flow_log(store: Store, options: argparse.Namespace) -> None:
    store.describe_flow_log(options.flow_log, options.description)
    print(f"flow log {options.flow_log} has a new description")


def _enable_flow_log(store: Store, options: argparse.Namespace) -> None:
    store.enable_flow_log(options.flow_log)
    print(f"flow log {options.flow_log} is enabled")


def _disable_flow_log(store: Store, options: argparse.Namespace) -> None:
    store.disable_flow_log(options.flow_log)
    print(f"flow log {options.flow_log} is disabled")


def _delete_flow_log(store: Store, options: argparse.Namespace) -> None:
    store.delete_flow_log(options.flow_log)
    print(f"flow log {options.flow_log} is gone")


def _set_flow_log_state(store: Store, options: argparse.Namespace) -> None:
    store.set_flow_log_state(options.flow_log, options.state)
    print(f"flow log {options.flow_log} is {options.state}")


def _tag(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not (key and separator):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _tags(tags: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in tags.items())


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    for row in (headings, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
