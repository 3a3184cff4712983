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

# The rest of the program can refer to them, by the router's key and their names in the stack.
pulumi.export("flow_logs", {key: {name: one.id for name, one in it.flow_logs.items()} for key, it in routers.items()})
