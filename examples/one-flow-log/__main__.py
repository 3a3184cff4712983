"""One flow log, by the ids of its router, attachment, log group and log stream; here those of the emulator's demo."""

import pulumi
import pulumi_random

from providers.flow_log import FlowLog, FlowLogArgs

# With this key, the next run finds what an interrupted create has created. No other stack may have the same key.
key = pulumi_random.RandomUuid("shop-key")

shop = FlowLog(
    "shop",
    FlowLogArgs(
        er_id="1d0a6c5e-52f7-4b0e-9c38-7e4f1a2b9d60",
        resource_id="5b8e1c94-0a6d-4f27-8d13-c2e97f40a1b6",
        log_group_id="0e7b4d92-a6c5-4f31-8d0e-b9f2c7a1e563",
        log_stream_id="61c9f0a8-e3d7-4b25-9a84-f5d0c6b7e192",
        name="shop",
        description="Traffic of the shop's VPC",
        idempotency_key=key.result,
    ),
    pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="5m")),
)

pulumi.export("flow_log", shop.id)
pulumi.export("state", shop.state)
