"""Where flow logs write to, by name: `GROUP/STREAM`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from providers.er import Client
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLog
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.sanitizing import display_name


def find_names(
    client: Client,
    flow_logs: Iterable[FlowLog],
    *,
    groups: Iterable[LogGroup],
    streams: Mapping[str, Sequence[LogStream]],
) -> dict[str, str]:
    """The names of log groups and streams, by id, as far as they can be listed.

    Args:
        client: The API; it lists the streams of the flow logs' groups that are not known yet.
        flow_logs: The flow logs.
        groups: All log groups.
        streams: The streams that are known, by the group's id.
    """
    names = {group.id: group.name for group in groups}
    known = dict(streams)
    for group_id in {flow_log.target.log_group_id for flow_log in flow_logs} & names.keys() - known.keys():
        with contextlib.suppress(ApiError):
            known[group_id] = client.log_streams.list(group_id)
    return names | {stream.id: stream.name for group in known.values() for stream in group}


def logs_to(flow_log: FlowLog, names: Mapping[str, str]) -> str:
    """`GROUP/STREAM`; an id stands for a name that is not known."""
    ids = flow_log.target.log_group_id, flow_log.target.log_stream_id
    return display_name("/".join(names.get(id_, id_) for id_ in ids))
