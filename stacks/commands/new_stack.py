"""Writes a commented stack file for routers without flow logs: `python -m stacks.commands.new_stack STACK ROUTER …`.

The comments list what the API has, so that the user only has to choose.
"""

from __future__ import annotations

import argparse
import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from providers.config import ConfigError, ProviderConfig
from providers.config_keys import qualified
from providers.er import Client
from providers.er.exceptions import ApiError
from providers.er.limits import DEFAULT_TTL_IN_DAYS
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.routers import Router
from providers.er.sanitizing import display_name
from providers.stderr import say_and_exit
from stacks.checks import backend
from stacks.commands import command_line
from stacks.planning.inventory import Inventory
from stacks.planning.log_groups import add_declared, desire_log_groups
from stacks.planning.lookup import join_names, unique_names
from stacks.planning.selection import cannot_be_logged
from stacks.stackfile.loader import DEFAULTS_FILE, load_defaults
from stacks.stackfile.location import stack_file
from stacks.stackfile.model import Defaults, RouterDefaults
from stacks.stackfile.writer import INDENT, WIDTH, check_stack_name, scalar, to_router_key, write

NEW_GROUP, NEW_STREAM = "network", "er-flow-logs"
"""The log group and log stream to create in a project without any."""


def format_stack_file(
    client: Client, stack: str, names: Sequence[str], place: Mapping[str, str], shared: Defaults
) -> str:
    """The stack file.

    Args:
        client: The API.
        stack: The stack's name.
        names: Its routers, by id or name.
        place: The settings that say where the stack is, by key without the namespace.
        shared: The defaults of all stacks.

    Raises:
        ValueError: A router does not exist, or there are log groups without the log stream; the text is one sentence.
        ApiError: The API refused or did not answer.
    """
    existing = list(client.routers.list())
    routers = command_line.find_named("router", names, existing)
    streams = _find_log_streams(client, existing, shared)
    group, stream = (
        _find_place_for_logs(streams, shared.router)
        if streams
        else (shared.router.log_group or NEW_GROUP, shared.router.log_stream or NEW_STREAM)
    )
    where = [
        f"{key}: {scalar(value)}"
        for key, value in (("log_group", group), ("log_stream", stream))
        if getattr(shared.router, key) is None
    ]
    called = unique_names(existing)
    lines = [
        *_comment(f"Stack {stack}. Review this file, then run: STACK={stack} make preview", indent=0),
        "config:",
        *(f"{INDENT}{qualified(key)}: {scalar(value)}" for key, value in place.items()),
        *([] if streams else _declare(group, stream)),
        f"{INDENT}{qualified('routers')}:",
    ]
    for key, router in _with_keys(routers):
        lines += [
            f"{INDENT * 2}{scalar(key)}:",
            *_comment(_attachments(client, router), indent=3),
            f"{INDENT * 3}router: {scalar(called[router.id])}",
            *_comment(_streams(streams), indent=3),
            *(f"{INDENT * 3}{setting}" for setting in where),
            *_comment("Or a list of names; or a selector: types, tags, names, include, exclude.", indent=3),
            f"{INDENT * 3}attachments: all",
        ]
    return "\n".join(lines) + "\n"


def _with_keys(routers: Iterable[Router]) -> Iterator[tuple[str, Router]]:
    """Each router with its key in the stack file."""
    keys: list[str] = []
    for router in routers:
        key = to_router_key(router.name) or "router"
        keys.append(key if key not in keys else f"{key}-{len(keys) + 1}")
        yield keys[-1], router


def _find_log_streams(client: Client, routers: list[Router], shared: Defaults) -> dict[LogGroup, Sequence[LogStream]]:
    """The log streams that exist, or that every stack declares, by group."""
    groups = client.log_groups.list()
    streams = {group.id: client.log_streams.list(group.id) for group in groups}
    existing = Inventory(routers=routers, groups=groups, streams=streams)
    inventory = add_declared(existing, desire_log_groups(shared.log_groups, existing))
    return {group: inventory.streams[group.id] for group in inventory.groups}


def _declare(group: str, stream: str) -> list[str]:
    comment = (
        "The project has no log group, so `make up` creates this one. If it is removed from this file, it stays in the"
        " cloud with its records, unless it has `delete: true`."
    )
    return [
        f"{INDENT}{qualified('log_groups')}:",
        f"{INDENT * 2}{scalar(group)}:",
        *_comment(comment, indent=3),
        f"{INDENT * 3}ttl_in_days: {DEFAULT_TTL_IN_DAYS}",
        f"{INDENT * 3}streams:",
        f"{INDENT * 4}{scalar(stream)}: {{}}",
    ]


def _find_place_for_logs(streams: Mapping[LogGroup, Sequence[LogStream]], shared: RouterDefaults) -> tuple[str, str]:
    """The first log group and log stream that the defaults allow."""
    groups = unique_names(list(streams))
    for group, inside in sorted(streams.items(), key=lambda item: item[0].name):
        names = unique_names(inside)
        if shared.log_group not in (None, group.id, group.name) or not inside:
            continue
        if shared.log_stream is not None and shared.log_stream not in {*names, *names.values()}:
            continue
        return groups[group.id], min(names.values())
    stream = "/".join(name or "…" for name in (shared.log_group, shared.log_stream))
    raise ValueError(f"the project has no log stream {stream}: create it, or change {DEFAULTS_FILE}")


def _attachments(client: Client, router: Router) -> str:
    attachments = list(client.attachments.list(router.id))
    flow_logs = list(client.flow_logs.list(router.id))
    reasons = [(attachment.display_name, cannot_be_logged(attachment)) for attachment in attachments]
    loggable = sorted(name for name, reason in reasons if not reason)
    sentences = [f"{len(loggable)} attachments can be logged: {join_names(loggable) or 'none'}."]
    sentences += [f"{name} {reason}." for name, reason in reasons if reason]
    if flow_logs:
        sentences.append(
            f"The router already has flow logs ({len(flow_logs)}): unless they belong to another stack, `make adopt`"
            " writes a file that imports them."
        )
    return " ".join(sentences)


def _streams(streams: Mapping[LogGroup, Sequence[LogStream]]) -> str:
    found = [f"{group.name}/{stream.name}" for group, inside in streams.items() for stream in inside]
    return f"Log streams of the project: {join_names(sorted(map(display_name, found))) or 'none yet'}."


def _comment(text: str, *, indent: int) -> list[str]:
    return [f"{INDENT * indent}# {line}" for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False)]


def main() -> None:
    """Write the stack file."""
    parser = argparse.ArgumentParser(prog="make new-stack", description="Write a stack file for routers.")
    parser.add_argument("stack", help="NAME")
    parser.add_argument("routers", nargs="*", help="ids or names: ROUTER")
    parser.add_argument("--endpoint", help="`emulator`, or one address for all services")
    options = parser.parse_intermixed_args()
    if not (options.stack and options.routers):
        say_and_exit("error: set NAME and ROUTER, for example: make new-stack NAME=lab ROUTER='er-core er-edge'")
    file = stack_file(options.stack)
    try:
        check_stack_name(options.stack)
        if file.exists():
            raise ValueError("it already exists: name another stack")
        values = {"endpoint": options.endpoint} if options.endpoint else {}
        current = backend.find_current_backend(Path("Pulumi.yaml").read_text(encoding="utf-8"), os.environ)
        place = {**values, **command_line.find_place(ProviderConfig(values.get, os.environ), values)}
        if current:
            place["state"] = backend.mask_secrets(current.partition("?")[0])  # without its options for reaching it
        client = command_line.create_client(command_line.Values(values, {}))
        text = format_stack_file(client, options.stack, options.routers, place, load_defaults())
        write(file, text)
    except (ConfigError, ApiError, OSError, ValueError) as error:
        say_and_exit(f"error: {file} was not written: {error}")
    print(f"{file} was written. {command_line.next_step(options.stack, text)}")


if __name__ == "__main__":
    main()
