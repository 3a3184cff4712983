"""Attachments of a router (API reference: attachments)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from providers.er.calls import Calls
from providers.er.exceptions import TemporaryError
from providers.er.named import Named
from providers.er.sanitizing import display_name
from providers.er.validation import Json, identifier, optional, path_segment, required

FROZEN = "freezed"
"""The state of an attachment or a router in which the service creates nothing for it."""


@dataclass(frozen=True, kw_only=True)
class Attachment(Named):
    """What is connected to a router.

    `resource_type` is vpc, vpn, vgw, cfw or one of which the reference does not speak, such as peering; `resource_id`
    names the VPC or such. `state` may be empty.
    """

    state: str
    resource_type: str
    resource_id: str
    tags: dict[str, str]

    @classmethod
    def from_json(cls, data: Json) -> Attachment:
        """The record of an answer.

        Raises:
            TemporaryError: The answer does not have the form of the reference.
        """
        tags: list[Json] = optional(data, "tags", [])
        return cls(
            id=identifier(data, "id"),
            name=display_name(optional(data, "name", "")),
            state=display_name(optional(data, "state", "")),
            resource_type=display_name(required(data, "resource_type", str)),
            resource_id=optional(data, "resource_id", ""),
            tags={required(tag, "key", str): optional(tag, "value", "") for tag in tags},
        )


class Attachments:
    """The calls on attachments."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, er_id: str) -> Iterator[Attachment]:
        """All attachments of a router, in any state.

        Raises:
            NotFoundError: There is no such router.
        """
        return self._calls.er_pages("er:attachments:list", self._path(er_id), "attachments", Attachment.from_json)

    def get(self, er_id: str, attachment_id: str) -> Attachment:
        """Show an attachment.

        Raises:
            NotFoundError: There is none of this id on this router, or no such router: `code` shows which.
        """

        def parse(answer: Json) -> Attachment:
            found = Attachment.from_json(required(answer, "attachment", dict))
            if found.id != attachment_id:
                raise TemporaryError(f"the API answered with attachment {found.id} instead of {attachment_id}")
            return found

        return self._calls.er("er:attachments:get", "GET", self._path(er_id, path_segment(attachment_id)), parse)

    def _path(self, er_id: str, path: str = "") -> str:
        return f"{path_segment(er_id)}/attachments{'/' + path if path else ''}"
