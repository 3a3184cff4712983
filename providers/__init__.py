"""FlowLog as a Pulumi resource: its provider, the host that runs it, and the Enterprise Router client below them.

Importing this package imports nothing else, so that `providers.er` stays free of Pulumi.
"""
