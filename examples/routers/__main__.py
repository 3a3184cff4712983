"""Flow logs on the attachments of two routers, in a program that declares other things as well."""

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
pulumi.export(
    "flow_logs",
    {key: {name: flow_log.id for name, flow_log in component.flow_logs.items()} for key, component in routers.items()},
)
