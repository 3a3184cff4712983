"""Enterprise Routers (API reference: enterprise routers)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from providers.er.calls import Calls
from providers.er.named import Named
from providers.er.sanitizing import display_name
from providers.er.validation import Json, identifier, optional


@dataclass(frozen=True, kw_only=True)
class Router(Named):
    """An Enterprise Router."""

    state: str

    @classmethod
    def from_json(cls, data: Json) -> Router:
        """The record of an answer.

        Raises:
            TemporaryError: The answer does not have the form of the reference.
        """
        return cls(
            id=identifier(data, "id"), name=display_name(optional(data, "name", "")), state=optional(data, "state", "")
        )


class Routers:
    """The calls on routers."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self) -> Iterator[Router]:
        """All routers of the project."""
        return self._calls.er_pages("er:instances:list", "instances", "instances", Router.from_json)
