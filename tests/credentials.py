"""Credentials of a user with a password, as most tests need them."""

from __future__ import annotations

from collections.abc import Callable

from providers.er.auth.credentials import Project
from providers.er.auth.keystone import KeystoneCredentials
from providers.er.auth.plugins import PASSWORD


def password_credentials(
    *,
    auth_url: str,
    username: str,
    password: str,
    domain_name: str,
    project_name: str | None = None,
    project_id: str | None = None,
    renew_password: Callable[[], str | None] | None = None,
    ask_for_state: Callable[[str], str | None] = lambda _account: None,
) -> KeystoneCredentials:
    """Those of a user for a project of the user's own domain."""
    return KeystoneCredentials(
        auth_url=auth_url,
        kind=PASSWORD,
        options={"username": username, "password": password, "user_domain_name": domain_name},
        account=f"user {username!r} of domain {domain_name!r}",
        project=Project(id=project_id, name=project_name, domain={"project_domain_name": domain_name}),
        renew_password=renew_password,
        ask_for_state=ask_for_state,
    )
