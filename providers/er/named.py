"""What the records of routers, attachments, log groups and log streams have in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Named:
    """Something with an id and a name, which may be empty or shared."""

    id: str
    name: str

    @property
    def is_shared(self) -> bool:
        """Whether it is another project's, which shares it with ours."""
        return False

    @property
    def display_name(self) -> str:
        """The name, or the id where there is none."""
        return self.name or self.id
