"""Signing in to IAM with a plugin of keystoneauth1, for oneself or through an agency."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from typing import Any

import requests

from providers.er.auth.credentials import TOKEN_HEADER, Ask, Credentials, Project, is_header_value, refuse_another_user
from providers.er.auth.plugins import PASSWORD, PluginError, load_plugin, own_user
from providers.er.exceptions import ApiError, TemporaryError, UnauthorizedError
from providers.er.limits import ID_PATTERN
from providers.er.sanitizing import redact, sanitize
from providers.er.session import ServiceSession, connection_error

_OTHER_FORM = (LookupError, TypeError, ValueError, AttributeError, OSError, RecursionError)
"""What keystoneauth1 raises, too, over answers that have another form than Keystone's."""


class KeystoneCredentials(Credentials):
    """An account of IAM, exchanged for a project's token.

    The token is valid for 24 h (API reference: obtaining a user token) and is renewed when the service refuses it.
    Where IAM refuses the password, `renew_password` is asked once for a newer one; refused again, it is not sent a
    second time: IAM locks users out. However many threads wait for a token, one of them signs in.
    """

    if_refused = "sign in again"

    def __init__(
        self,
        *,
        auth_url: str,
        kind: str,
        options: Mapping[str, Any],
        account: str,
        project: Project,
        to_check: str = "user name, password, domain",
        agency: Mapping[str, str] | None = None,
        interface: str = "public",
        verify: bool | str = True,
        renew_password: Callable[[], str | None] | None = None,
        ask_for_state: Callable[[str], str | None] = lambda _account: None,
    ) -> None:
        """Remember who signs in.

        Args:
            auth_url: IAM's address, with its version.
            kind: A plugin of keystoneauth1.
            options: Its options, but for the project.
            account: The account in words, for errors.
            project: The project to act in.
            to_check: Where the options came from, for errors.
            agency: `agency_name`, and `agency_domain_name` or `agency_domain_id`, to act in another account.
            interface: Which addresses of the catalog to use.
            verify: Whether to verify certificates, or the file with the CAs to trust.
            renew_password: Asked for a newer password.
            ask_for_state: Asked once for the `state` of a process that has signed in already, by what identifies the
                account.
        """
        self._auth_url, self._kind, self._options = auth_url, kind, dict(options)
        self._account, self._project, self._agency, self._to_check = account, project, agency or {}, to_check
        self._interface, self._verify, self._renew_password = interface, verify, renew_password
        self._state: Mapping[str, str] = {}
        self._ask_for_state: Callable[[str], str | None] | None = ask_for_state
        self._lock = threading.Lock()
        self._sign_ins = 0
        self._failure: ApiError | None = None
        self._access: Any = None

    def find_project(self, ask: Ask) -> str:
        """The project that the token is for."""
        return str(self._signed_in().project_id)

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Add the current token, signing in first if there is none."""
        request.headers[TOKEN_HEADER] = self._signed_in().auth_token

    def renew(self, rejected: requests.PreparedRequest) -> bool:
        """Forget the token that was refused, unless another thread has already got a new one."""
        with self._lock:
            if self._access and self._access.auth_token == rejected.headers.get(TOKEN_HEADER):
                self._access = None
        return True

    def state(self) -> Mapping[str, str]:
        """The sign-in, as keystoneauth1 stores it, by its id of the account and the project."""
        return self._state

    def find_endpoint(self, service: str) -> str | None:
        """The first address of the service in the catalog that came with the token."""
        catalog = self._signed_in().service_catalog
        try:
            urls = catalog.get_urls(service_type=service, interface=self._interface, region_name=self._project.region)
            return str(urls[0]) if urls else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ApiError(f"IAM at {self._auth_url} has a catalog of another form: check that address") from error

    def _signed_in(self) -> Any:
        seen = self._sign_ins
        with self._lock:
            if self._access is not None:
                return self._access
            # What failed while this thread waited for its turn fails for it too; a refusal is final.
            if self._failure and (self._sign_ins != seen or isinstance(self._failure, UnauthorizedError)):
                raise copy.copy(self._failure)  # whoever catches it may add to it
            self._sign_ins += 1
            try:
                self._access = self._sign_in()
            except ApiError as error:
                error.may_have_applied = False  # nothing was sent but to IAM
                self._failure = error
                raise
            self._failure = None
            return self._access

    def _sign_in(self) -> Any:
        """A token, with what IAM says of it."""
        from keystoneauth1 import exceptions
        from keystoneauth1.session import Session

        session = Session(session=ServiceSession(), redirect=False, verify=self._verify)
        try:
            plugin = self._plugin()
            self._resume(plugin)
            access = plugin.get_access(session)
            token, project_id, project_name = access.auth_token, access.project_id, access.project_name
            if not self._agency:
                refuse_another_user(own_user(self._kind, self._options), access)
        except exceptions.Unauthorized as error:
            newer, self._renew_password = self._renew_password and self._renew_password(), None
            if newer and newer != self._options["password"]:
                self._options["password"] = newer
                return self._sign_in()
            also = "; a user with MFA also needs a passcode (OS_PASSCODE)" if self._kind == PASSWORD else ""
            raise UnauthorizedError(
                f"IAM refused {self._account}: check {self._to_check} and {self._project}{also}", status=401
            ) from error
        except exceptions.HttpError as error:
            kind = TemporaryError if error.http_status in (429, 502, 503, 504) else ApiError
            # Before it is shortened: half a password is too much as well.
            text = str(error.message).partition(" (HTTP ")[0]
            for secret in ("password", "passcode", "token", "client_secret", "application_credential_secret"):
                text = redact(self._options.get(secret), text)
            verb = "failed" if error.http_status >= 500 else "refused"
            raise kind(
                f"IAM at {self._auth_url} {verb} to sign in {self._account}: {sanitize(text)}",
                status=error.http_status,
                request_id=sanitize(str(error.request_id)) if error.request_id else None,
            ) from error
        except exceptions.ConnectionError as error:
            cause = error.__cause__ or error.__context__ or error
            raise connection_error(f"IAM at {self._auth_url}", cause) from error
        except PluginError as error:
            raise ApiError(str(error)) from error
        except (exceptions.ClientException, *_OTHER_FORM) as error:
            raise ApiError(f"IAM at {self._auth_url} did not answer as IAM does: check that address") from error
        if not (isinstance(token, str) and is_header_value(token) and _is_id(project_id)):
            raise ApiError(
                f"IAM at {self._auth_url} gave {self._account} no token for a project: check {self._project}"
            )
        self._project.refuse_another(project_id, project_name if isinstance(project_name, str) else None)
        if account := plugin.get_cache_id():
            self._state = {account: plugin.get_auth_state()}
        return access

    def _resume(self, plugin: Any) -> None:
        """Continue with the sign-in of another process; the plugin does without it if it has expired."""
        ask, self._ask_for_state = self._ask_for_state, None
        if ask and (account := plugin.get_cache_id()) and (state := ask(account)):
            plugin.set_auth_state(state)

    def _plugin(self) -> Any:
        if not self._agency:
            return load_plugin(self._kind, self._auth_url, self._options, self._project.scope)
        from providers.er.auth.agency import act_through_agency

        return act_through_agency(self._auth_url, self._kind, self._options, self._agency, self._project.scope)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and ID_PATTERN.fullmatch(value) is not None
