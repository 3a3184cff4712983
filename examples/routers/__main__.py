"""Flow logs on the attachments of two routers, in a program that has other things to do as well."""

import pulumi

from stacks.program import declare_flow_logs

routers = declare_flow_logs(
    {
        "routers": {
            "core": {"router": "er-core", "log_group": "network", "log_stream": "er-flow-logs"},
            "edge": {
                "router": "er-edge",
                "log_group": "network",
                "log_stream": "er-flow-logs-archive",
                "attachments": {"types": ["vpc"]},
            },
        },
        "max_deletes": 2,
    }
)

# The rest of the program can refer to them, by router and attachment id.
pulumi.export("flow_logs", {key: {id_: one.id for id_, one in it.flow_logs.items()} for key, it in routers.items()})
