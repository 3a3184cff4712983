"""Enterprise Routers (API reference: enterprise routers)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from providers.er.calls import Calls
from providers.er.exceptions import ApiError, ForbiddenError, NotFoundError
from providers.er.named import Named
from providers.er.sanitizing import display_name
from providers.er.validation import Json, identifier, optional


@dataclass(frozen=True, kw_only=True)
class Router(Named):
    """An Enterprise Router. `state` may be empty; `shared_by` is the project that shares it, empty if it is ours."""

    state: str
    shared_by: str = ""

    @classmethod
    def from_json(cls, data: Json, *, our_project: str) -> Router:
        """The record of an answer to a call in `our_project`.

        Raises:
            TemporaryError: The answer does not have the form of the reference.
        """
        owner = display_name(optional(data, "project_id", ""))
        return cls(
            id=identifier(data, "id"),
            name=display_name(optional(data, "name", "")),
            state=optional(data, "state", ""),
            shared_by="" if owner == our_project else owner,
        )

    @property
    def is_shared(self) -> bool:
        """Whether it is another project's. Its users see neither its flow logs nor its tags."""
        return bool(self.shared_by)

    def hides(self, error: ApiError) -> bool:
        """Whether a call on this router failed with `error` because the router is another project's."""
        return self.is_shared and isinstance(error, ForbiddenError | NotFoundError)


class Routers:
    """The calls on routers."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self) -> Iterator[Router]:
        """All routers of the project, and those that others share with it."""
        our_project = self._calls.project_id()

        def read(record: Json) -> Router:
            return Router.from_json(record, our_project=our_project)

        return self._calls.er_pages("er:instances:list", "instances", "instances", read)
