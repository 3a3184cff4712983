"""Who is calling, and for which project. Signing in happens at the first request, never earlier."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import requests

from providers.er.endpoints import find_other_region
from providers.er.exceptions import ApiError

TOKEN_HEADER = "X-Auth-Token"

Ask = Callable[[str, Mapping[str, str], Mapping[str, str]], Mapping[str, Any]]
"""Asks IAM: from the path, the query and further headers of a GET to its answer."""


def is_header_value(token: str) -> bool:
    """Whether the token can be sent: visible ASCII, as every real one is."""
    return re.fullmatch(r"[\x21-\x7e]+", token) is not None


@dataclass(frozen=True, kw_only=True)
class Project:
    """The project to act in, as far as it is named.

    Attributes:
        id: Its id.
        name: Its name.
        domain: `project_domain_id` or `project_domain_name`, whose name it is.
        region: The region in use.
        origin: Where it is named, for errors.
    """

    id: str | None = None
    name: str | None = None
    domain: Mapping[str, str] = field(default_factory=dict)
    region: str | None = None
    origin: str = ""

    @property
    def scope(self) -> dict[str, str]:
        """It as the scope of a sign-in, by keystoneauth1's names."""
        if self.id:
            return {"project_id": self.id}
        return {"project_name": self.name, **self.domain} if self.name else {}

    def refuse_another(self, id_: str, name: str | None) -> None:
        """Refuse to act in another project than the one named, or in one of another region.

        Raises:
            ApiError: IAM's answer is about another one.
        """
        if (self.id and id_ != self.id) or (self.name and name is not None and name != self.name):
            raise ApiError(f"IAM signs in to project {name!r}, id {id_}, which is not {self}: correct one of them")
        if name and (other := find_other_region(name, self.region)):
            raise ApiError(f"project {name!r} is in region {other}, not in {self.region}: correct one of them")

    def __str__(self) -> str:
        words = [f"{self.name!r}" if self.name else "", f"id {self.id}" if self.id else ""]
        origin = f" ({self.origin})" if self.origin else ""
        return "project " + ", ".join(word for word in words if word) + origin


def refuse_another_user(options: Mapping[str, Any], access: Any) -> None:
    """Refuse to act as another user than the one named: where there are name and id, the id alone is sent.

    Args:
        options: The user, by keystoneauth1's names.
        access: IAM's answer to the sign-in.

    Raises:
        ApiError: It is about another one.
    """
    for option in ("username", "user_id", "user_domain_name", "user_domain_id"):
        if option in options and options[option].casefold() != str(getattr(access, option)).casefold():
            raise ApiError(
                f"IAM signs in user {access.username!r}, id {access.user_id}, of domain {access.user_domain_name!r},"
                f" id {access.user_domain_id}, which is not {options[option]!r}: correct one of them"
            )


class Credentials(Protocol):
    """What the client needs to know of a way to sign in."""

    if_refused: str
    """What to do where a service refuses them for good, as the end of a sentence."""

    def find_project(self, ask: Ask) -> str:
        """The id of the project that calls go to.

        Raises:
            ApiError: Signing in failed, or there is no such project.
        """

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Add to a request what proves who is calling.

        Raises:
            ApiError: Signing in failed.
        """

    def renew(self, rejected: requests.PreparedRequest) -> bool:
        """Get new credentials after the service answered 401 to `rejected`; False if there are none to get."""
        return False

    def state(self) -> Mapping[str, str]:
        """The sign-in, by what identifies the account, for other processes; empty if there is none to hand on."""
        return {}

    def find_endpoint(self, service: str) -> str | None:
        """The service's address in IAM's catalog; None if these credentials know no catalog, or it lacks the service.

        Raises:
            ApiError: Signing in failed.
        """
        return None
