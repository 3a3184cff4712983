"""A commented stack file for routers whose flow logs are yet to be made: `python -m stacks.commands.new_stack STACK ROUTER …`.

It asks the API what is there, so that what is left to do is to choose.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from providers.config import ConfigError, ProviderConfig
from providers.config_keys import qualified
from providers.er import Client
from providers.er.exceptions import ApiError
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.routers import Router
from providers.er.sanitizing import display_name
from stacks.checks import backend
from stacks.commands import command_line
from stacks.errors import Problem, stack_file
from stacks.planning.lookup import callable_names, find, listed
from stacks.planning.selection import cannot_be_logged
from stacks.stackfile import model
from stacks.stackfile.writer import INDENT, WIDTH, as_key, checked_name, scalar, write


class NewStackError(ValueError):
    """Nothing was written; the text is one sentence."""


def text(client: Client, stack: str, names: Sequence[str], place: Mapping[str, str], shared: model.Defaults) -> str:
    """The stack file.

    Args:
        client: The API.
        stack: The stack's name.
        names: Its routers, by id or name.
        place: Where the stack is, by key without the namespace.
        shared: What all stacks share.

    Raises:
        NewStackError: A router is not there, or there is nowhere to log to.
        ApiError: The API refused or did not answer.
    """
    there = list(client.routers.list())
    found = [find("ROUTER", "router", name, there) for name in names]
    if problems := [one.what for one in found if isinstance(one, Problem)]:
        raise NewStackError("; ".join(problems))
    streams = {group: client.log_streams.list(group.id) for group in client.log_groups.list()}
    where = _where(streams, shared.router)
    called = callable_names(there)
    lines = [
        *_comment(f"The stack {stack}. Look it over, then: STACK={stack} make preview", indent=0),
        "config:",
        *(f"{INDENT}{qualified(key)}: {scalar(value)}" for key, value in place.items()),
        f"{INDENT}{qualified('routers')}:",
    ]
    keys: list[str] = []
    for router in found:
        assert isinstance(router, Router)
        key = as_key(router.name) or "router"
        keys.append(key if key not in keys else f"{key}-{len(keys) + 1}")
        lines += [
            f"{INDENT * 2}{scalar(keys[-1])}:",
            *_comment(_attachments(client, router), indent=3),
            f"{INDENT * 3}router: {scalar(called[router.id])}",
            *_comment(_streams(streams), indent=3),
            *(f"{INDENT * 3}{key}: {scalar(value)}" for key, value in where.items()),
            *_comment("Or a list of names; or a selector: types, tags, names, include, exclude.", indent=3),
            f"{INDENT * 3}attachments: all",
        ]
    return "\n".join(lines) + "\n"


def _where(streams: Mapping[LogGroup, Sequence[LogStream]], shared: model.RouterDefaults) -> dict[str, str]:
    """The log group and stream to begin with, as far as not all stacks share them: the first ones that there are."""
    groups = callable_names(list(streams))
    for group, inside in sorted(streams.items(), key=lambda item: item[0].name):
        names = callable_names(inside)
        if shared.log_group not in (None, group.id, group.name) or not inside:
            continue
        if shared.log_stream is not None and shared.log_stream not in {*names, *names.values()}:
            continue
        return {
            **({} if shared.log_group else {"log_group": groups[group.id]}),
            **({} if shared.log_stream else {"log_stream": names[min(names, key=lambda id_: names[id_])]}),
        }
    wanted = "/".join(one or "…" for one in (shared.log_group, shared.log_stream))
    raise NewStackError(f"there is no log stream {wanted} in the project: create one, or change {model.DEFAULTS_FILE}")


def _attachments(client: Client, router: Router) -> str:
    attachments = list(client.attachments.list(router.id))
    flow_logs = list(client.flow_logs.list(router.id))
    loggable = sorted(display_name(one.name or one.id) for one in attachments if not cannot_be_logged(one))
    said = f"{len(loggable)} attachments can be logged: {listed(loggable) or 'none'}."
    for one in attachments:
        if reason := cannot_be_logged(one):
            said += f" {display_name(one.name or one.id)} {reason}."
    if flow_logs:
        said += (
            f" Flow logs that are there already: {len(flow_logs)}; if they are no other stack's, `make adopt` writes a"
            " file that takes them over."
        )
    return said


def _streams(streams: Mapping[LogGroup, Sequence[LogStream]]) -> str:
    found = [f"{group.name}/{stream.name}" for group, inside in streams.items() for stream in inside]
    return f"Where logs can go: {listed(sorted(map(display_name, found)))}."


def _comment(said: str, *, indent: int) -> list[str]:
    return [f"{INDENT * indent}# {line}" for line in textwrap.wrap(said, WIDTH, break_on_hyphens=False)]


def main() -> None:
    """Write the stack file."""
    parser = argparse.ArgumentParser(prog="make new-stack", description="Write a stack file for routers.")
    parser.add_argument("stack", help="NAME")
    parser.add_argument("routers", nargs="*", help="ids or names: ROUTER")
    parser.add_argument("--endpoint", help="`emulator`, or one address for all services")
    options = parser.parse_intermixed_args()
    if not (options.stack and options.routers):
        sys.exit("error: say NAME=… and ROUTER='name …', as in: make new-stack NAME=lab ROUTER=er-core")
    file = Path(stack_file(options.stack))
    try:
        checked_name(options.stack)
        if file.exists():
            raise NewStackError("it is there already: name another stack")
        values = {"endpoint": options.endpoint} if options.endpoint else {}
        settings = ProviderConfig(values.get, os.environ, lambda _key: None)
        current = backend.current(Path("Pulumi.yaml").read_text(encoding="utf-8"), os.environ)
        place = {
            **values,
            "region": settings.region() if not options.endpoint else None,
            "project": settings.project()[1] if not settings.uses_emulator else None,
            # Without its query, which says how to reach it.
            "state": backend.public(current.partition("?")[0]),
        }
        client = command_line.client(command_line.Values(values, {}))
        given = {key: value for key, value in place.items() if value}
        write(file, text(client, options.stack, options.routers, given, model.shared()))
    except (ConfigError, ApiError, OSError, ValueError) as error:
        sys.exit(f"error: {file} was not written: {error}")
    print(f"{file} is written. Look it over, then: STACK={options.stack} make preview")


if __name__ == "__main__":
    main()
