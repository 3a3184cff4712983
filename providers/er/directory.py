"""What has to be known before a call: the id of its project, and where the services are if no endpoint is given."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from providers.er.deadline import Deadline
from providers.er.endpoints import EndpointError, Endpoints, checked, origin
from providers.er.exceptions import ApiError
from providers.er.retry import Retry
from providers.er.transport import Transport


class Directory:
    """Looks up each of these once, however many operations need it."""

    def __init__(self, transport: Transport, retry: Retry, endpoints: Endpoints) -> None:
        self._transport = transport
        self._retry = retry
        self._endpoints = endpoints
        self._lock = threading.Lock()
        self._project_id: str | None = None
        self._addresses = {name: url for name, url in (("er", endpoints.er), ("lts", endpoints.lts)) if url}

    def project_id(self, *, deadline: Deadline) -> str:
        """The id of the project that the credentials are for.

        Raises:
            ApiError: Signing in failed, or there is no such project.
        """
        if self._project_id is None:
            try:
                self._project_id = self._retry.repeat(lambda: self._find_project(deadline), deadline=deadline)
            except ApiError as error:
                error.may_have_applied = False  # The call that needs the id has not begun.
                raise
        return self._project_id

    def address(self, service: str, *, deadline: Deadline) -> str:
        """The address of the service `er` or `lts`, without a path.

        Raises:
            ApiError: No usable address is known.
        """
        if service not in self._addresses:
            found = self._retry.repeat(lambda: self._transport.credentials.find_endpoint(service), deadline=deadline)
            if not found:
                raise ApiError(f"IAM's catalog has no address for service {service!r}: set its endpoint")
            try:
                self._addresses[service] = checked(origin(found))
            except EndpointError as error:
                raise ApiError(f"IAM's catalog has no usable address for service {service!r}: {error}") from error
        return self._addresses[service]

    def _find_project(self, deadline: Deadline) -> str:
        def ask(path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
            url = f"{self._endpoints.iam}/{path}"
            return self._transport.prepare("GET", url, dict, deadline=deadline, params=query, headers=headers)()

        with self._lock:
            return self._project_id or self._transport.credentials.find_project(ask)
