"""What has to be known before a call: the id of its project, and where the services are if no endpoint is given."""

from __future__ import annotations

import threading
from typing import Any

from providers.er.deadline import Deadline
from providers.er.endpoints import EndpointError, Endpoints, checked, origin
from providers.er.exceptions import ApiError
from providers.er.retry import Retry
from providers.er.transport import Transport
from providers.er.validation import identifier, optional, required


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
        credentials, iam = self._transport.credentials, self._endpoints.iam
        if known := credentials.project_id():
            return known
        with self._lock:
            if self._project_id:
                return self._project_id
            name = credentials.project_name
            find = self._transport.prepare(
                "GET", f"{iam}/projects", lambda answer: _ids(answer, name), deadline=deadline, params={"name": name}
            )
            found = find()
        if len(found) != 1:
            number = "no project" if not found else "several projects"
            raise ApiError(f"IAM at {iam} has {number} {name!r} for these credentials: set the project's id")
        return found[0]


def _ids(answer: dict[str, Any], name: str | None) -> list[str]:
    return [
        identifier(project, "id")
        for project in required(answer, "projects", list)
        if required(project, "name", str) == name and optional(project, "enabled", True)
    ]
