"""A log group, a log stream in it, and a flow log that writes to it; the ids are those of the emulator's demo."""

import pulumi

from providers.flow_log import FlowLog, FlowLogArgs
from providers.log_group import LogGroup, LogGroupArgs
from providers.log_stream import LogStream, LogStreamArgs

# With this key, the next run finds what an interrupted create has created, or what a destroy has left in the cloud.
key = f"{pulumi.get_project()}/{pulumi.get_stack()}"

group = LogGroup("logs", LogGroupArgs(name="shop", ttl_in_days=90, tags={"team": "shop"}, idempotency_key=key))
stream = LogStream("flows", LogStreamArgs(log_group_id=group.id, name="flow-logs", idempotency_key=key))
shop = FlowLog(
    "shop",
    FlowLogArgs(
        er_id="1d0a6c5e-52f7-4b0e-9c38-7e4f1a2b9d60",
        resource_id="5b8e1c94-0a6d-4f27-8d13-c2e97f40a1b6",
        log_group_id=group.id,
        log_stream_id=stream.id,
        name="shop",
        idempotency_key=key,
    ),
)

pulumi.export("log_group", group.id)
