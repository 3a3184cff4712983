"""Works out the log groups and log streams to declare, from the stack file and what exists. It fetches nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from stacks.planning.inventory import Inventory
from stacks.stackfile.model import LogGroupConfig, LogStoreConfig

R = TypeVar("R", LogGroup, LogStream)

_PROVISIONAL = "new:"  # no id of the service has a colon


@dataclass(frozen=True, kw_only=True)
class DesiredLogStore:
    """A log group or log stream to declare.

    Attributes:
        logical_name: `GROUP` or `GROUP/STREAM`, by name: its name in the stack.
        key: Its key in the stack file.
        name: Its name.
        config: Its settings.
        existing: The one of this name that exists, whoever created it.
        streams: Of a group, the streams to declare.
    """

    logical_name: str
    key: str
    name: str
    config: LogStoreConfig
    existing: LogGroup | LogStream | None
    streams: Sequence[DesiredLogStore] = ()

    @property
    def id(self) -> str:
        """Its id; a provisional one if it does not exist, so that flow logs can refer to it."""
        return self.existing.id if self.existing else f"{_PROVISIONAL}{self.logical_name}"


def desire_log_groups(log_groups: Mapping[str, LogGroupConfig], inventory: Inventory) -> list[DesiredLogStore]:
    """The log groups that a stack file declares, with their streams."""
    groups = {group.name: group for group in inventory.groups}
    return [_desire_group(name, group, groups.get(name), inventory) for name, group in log_groups.items()]


def _desire_group(
    name: str, config: LogGroupConfig, existing: LogGroup | None, inventory: Inventory
) -> DesiredLogStore:
    streams = {stream.name: stream for stream in inventory.streams.get(existing.id, ())} if existing else {}
    return DesiredLogStore(
        logical_name=name,
        key=f"log_groups.{name}",
        name=name,
        config=config,
        existing=existing,
        streams=[
            DesiredLogStore(
                logical_name=f"{name}/{stream}",
                key=f"log_groups.{name}.streams.{stream}",
                name=stream,
                config=config.settings_of(settings),
                existing=streams.get(stream),
            )
            for stream, settings in config.streams.items()
        ],
    )


def find_new_streams(groups: Sequence[DesiredLogStore]) -> set[str]:
    """The provisional ids of the log streams that do not exist yet."""
    return {stream.id for group in groups for stream in group.streams if not stream.existing}


def add_declared(inventory: Inventory, groups: Sequence[DesiredLogStore]) -> Inventory:
    """The inventory as it is to be: with the declared groups and streams, and their settings."""
    streams = {group.id: _updated(inventory.streams.get(group.id, ()), group.streams, LogStream) for group in groups}
    return replace(
        inventory,
        groups=_updated(inventory.groups, groups, LogGroup),
        streams={**inventory.streams, **streams},
    )


def _updated(present: Sequence[R], declared: Sequence[DesiredLogStore], kind: type[R]) -> list[R]:
    by_id = {record.id: record for record in present}
    for desired in declared:
        by_id[desired.id] = kind(id=desired.id, name=desired.name, ttl_in_days=desired.config.ttl_in_days)
    return list(by_id.values())
