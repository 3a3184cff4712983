"""The dynamic provider of LogGroup.

States name this module and `LogGroupProvider`: renaming either breaks every state that has a log group.
"""

from __future__ import annotations

from providers.er import Client
from providers.er.limits import DEFAULT_TTL_IN_DAYS
from providers.er.log_groups import LogGroup
from providers.er.log_tank import LogStores
from providers.inputs import InputSchema
from providers.log_store_provider import IN_PLACE, RULES, LogStoreProvider
from providers.resource import Props


class LogGroupProvider(LogStoreProvider[LogGroup]):
    """Creates, changes and deletes log groups."""

    kind = "log group"
    schema = InputSchema(
        resource="LogGroup",
        rules=RULES,
        in_place=IN_PLACE,
        identity=("name",),
        defaults={"ttl_in_days": DEFAULT_TTL_IN_DAYS, "tags": {}, "delete_with_data": False},
    )
    import_form = "LOG_GROUP_ID"

    def _stores(self, client: Client, _props: Props) -> LogStores[LogGroup]:
        return client.log_groups

    def _find_obstacle(self, client: Client, id_: str, _props: Props) -> str | None:
        # With the group the service would delete its streams: those of others, and those that are to be kept.
        streams = client.log_streams.list(id_)
        names = ", ".join(repr(stream.name) for stream in streams)
        return f"it still has the log streams {names}; delete them first" if streams else None
