"""The dynamic provider of LogStream.

States name this module and `LogStreamProvider`: renaming either breaks every state that has a log stream.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from providers.er import Client
from providers.er.exceptions import NotFoundError
from providers.er.flow_logs import FlowLog
from providers.er.log_streams import LogStream
from providers.er.log_tank import LogStores
from providers.inputs import AN_ID, InputSchema
from providers.log_store_provider import IN_PLACE, RULES, LogStoreProvider
from providers.resource import Props


class LogStreamProvider(LogStoreProvider[LogStream]):
    """Creates, changes and deletes log streams."""

    kind = "log stream"
    schema = InputSchema(
        resource="LogStream",
        rules={**RULES, "log_group_id": AN_ID},
        in_place=IN_PLACE,
        identity=("log_group_id", "name"),
        defaults={"tags": {}, "delete_with_data": False},
        optional=("ttl_in_days",),
    )
    import_form = "LOG_GROUP_ID/LOG_STREAM_ID"

    def _stores(self, client: Client, props: Props) -> LogStores[LogStream]:
        return client.log_streams.in_group(props["log_group_id"])

    def _find_obstacle(self, client: Client, id_: str, _props: Props) -> str | None:
        # The service would delete it all the same, and the flow logs would deliver nowhere without a sign of it.
        names = ", ".join(repr(flow_log.name) for flow_log in _find_writers(client, id_))
        return f"flow logs still write to it: {names}; delete them first" if names else None


def _find_writers(client: Client, log_stream_id: str) -> Iterator[FlowLog]:
    """The flow logs of the project's routers that write to this stream."""
    for router in client.routers.list():
        if router.is_shared:  # Its owner's flow logs write to log streams of the owner.
            continue
        for listed in client.flow_logs.list(router.id):
            if listed.target.log_stream_id == log_stream_id:
                with contextlib.suppress(NotFoundError):  # The list lags behind.
                    shown = client.flow_logs.get(router.id, listed.id)
                    if shown.state != "deleted":
                        yield shown
