"""FlowLog's operations: those of any resource, and what keeps the record of an attachment without a gap."""

from __future__ import annotations

import contextlib
from typing import Any

from google.protobuf.json_format import MessageToDict

from providers import journal
from providers.flow_log_provider import FlowLogProvider
from providers.host.messages import from_struct
from providers.host.resource import ResourceHandler
from providers.resource import IncompleteResourceError, ResourceError
from providers.urn import Urn


class FlowLogHandler(ResourceHandler[FlowLogProvider]):
    """Records creates before they are sent, and refuses what would end the record of an attachment."""

    def Create(self, request: Any) -> Any:  # noqa: N802 - the protocol's name, as for the others
        run = self._session.run
        try:
            stack, inputs = Urn.parse(request.urn).stack, MessageToDict(request.properties)
            with journal.recorded(stack, request.urn, inputs, may_exist=IncompleteResourceError):
                return super().Create(request)
        except Exception as error:
            run.record_failed(request.urn, from_struct(request.properties))
            if isinstance(error, IncompleteResourceError):
                run.record_created(request.urn, error.id)
            raise

    def Update(self, request: Any) -> Any:  # noqa: N802
        olds, news, run = from_struct(request.olds), from_struct(request.news), self._session.run
        if olds.get("enabled") and not news["enabled"] and run.has_failure(news):
            raise ResourceError(
                f"flow log {news['name']!r} ({request.id}) was not disabled, because another flow log of its"
                " attachment failed in this run; the next run continues from there"
            )
        try:
            return super().Update(request)
        except Exception:
            run.record_failed(request.urn, news)
            raise

    def Delete(self, request: Any) -> Any:  # noqa: N802
        properties = from_struct(request.properties)
        if self._session.run.is_needed(request.urn, properties):
            raise ResourceError(
                f"flow log {properties.get('name')!r} ({request.id}) was not deleted, because another flow log of its"
                " attachment could not be created in this run; the next run continues from there"
            )
        response = super().Delete(request)
        identity = {key: properties.get(key) for key in self.provider.schema.identity}
        with contextlib.suppress(OSError):  # It is deleted; what stays recorded is found to be gone later.
            journal.forget(Urn.parse(request.urn).stack, request.urn, identity)
        return response
