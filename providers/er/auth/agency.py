"""Acting in another account, which has made an agency for one's own (IAM: obtaining an agency token)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keystoneauth1.identity import v3
from keystoneauth1.token_endpoint import Token

from providers.er.auth.credentials import TOKEN_HEADER, refuse_another_user
from providers.er.auth.plugins import TOKEN, load_plugin, own_user


class _AssumeRole(v3.AuthMethod):
    """IAM's own method: one's token in the header, the agency in the body."""

    def __init__(self, own: Any, user: Mapping[str, Any], agency: Mapping[str, str]) -> None:
        super().__init__()
        self._own, self._user = own, user
        self._agency = {key.replace("agency_domain", "domain"): value for key, value in agency.items()}

    def get_auth_data(self, session: Any, auth: Any, headers: dict[str, str], request_kwargs: Any) -> Any:
        """The part of the request's body that is this method's."""
        headers[TOKEN_HEADER] = self._own.get_token(session)
        if self._user:
            refuse_another_user(self._user, self._own.get_access(session))
        return "assume_role", self._agency

    def get_cache_id_elements(self) -> dict[str, str | None]:
        """What identifies the account, as keystoneauth1 asks for it; unknown if that of one's own is."""
        if not (own := self._own.get_cache_id()):
            raise NotImplementedError
        return {"assume_role_own": own, **{f"assume_role_{key}": value for key, value in self._agency.items()}}


def act_through_agency(
    auth_url: str, kind: str, options: Mapping[str, Any], agency: Mapping[str, str], scope: Mapping[str, Any]
) -> Any:
    """What signs in to the account that made the agency, for a project of that account.

    Args:
        auth_url: IAM's address, with its version.
        kind: The plugin of keystoneauth1 that signs in to one's own account.
        options: Its options.
        agency: `agency_name`, and `agency_domain_name` or `agency_domain_id`.
        scope: The project of the other account.
    """
    if kind == TOKEN:
        own: Any = Token(auth_url, options["token"])
    else:
        domain = [name for name in ("domain_id", "domain_name") if f"user_{name}" in options][:1]
        own = load_plugin(kind, auth_url, options, {name: options[f"user_{name}"] for name in domain})
    return v3.Auth(auth_url, [_AssumeRole(own, own_user(kind, options), agency)], **scope)
