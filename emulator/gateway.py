"""The API gateway: who makes a call, by token or signature, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.wrappers import Request

from emulator import signatures
from emulator.errors import BAD_CREDENTIALS, BAD_CREDENTIALS_MESSAGE, NO_PERMISSION, ApiError
from emulator.http import Call, Route
from emulator.identity import Domain, Identity
from emulator.policies import Policy

AUTH_TOKEN_HEADER = "X-Auth-Token"
AUTHORIZATION_HEADER = "Authorization"
PROJECT_HEADER = "X-Project-Id"


@dataclass(frozen=True)
class Caller:
    """What the sender of a call may do, and on which projects. An access key is valid for every project."""

    policy: Policy
    domain: Domain
    project_ids: frozenset[str]


class Gateway:
    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def identify(self, request: Request) -> Caller:
        """Who sent a request; refused without a token that is valid now, or a valid signature."""
        bearer = request.headers.get(AUTH_TOKEN_HEADER)
        authorization = request.headers.get(AUTHORIZATION_HEADER)
        if bearer is None and authorization is not None:
            key = signatures.verify(request, authorization, self._identity.access_key, self._identity.clock())
            return Caller(
                key.user.policy,
                key.user.domain,
                frozenset(project.id for project in self._identity.projects(domain=key.user.domain)),
            )
        token = None if bearer is None else self._identity.token(bearer)
        if token is None:
            raise ApiError(BAD_CREDENTIALS, f"{BAD_CREDENTIALS_MESSAGE}: the token is missing or expired.")
        return Caller(token.user.policy, token.user.domain, frozenset([token.project.id] if token.project else []))

    def admit(self, route: Route, call: Call) -> None:
        """Refuse a call unless its caller may make such calls on the project in the path."""
        caller = self.identify(call.request)
        project_id = call.path["project_id"]
        if project_id not in caller.project_ids:
            raise ApiError(NO_PERMISSION, f"These credentials give no access to project {project_id}.")
        # It is part of how a signed request names its project; beside a token, which has one, it says nothing.
        signed = AUTH_TOKEN_HEADER not in call.request.headers
        if signed and call.request.headers.get(PROJECT_HEADER, project_id) != project_id:
            raise ApiError(NO_PERMISSION, f"{PROJECT_HEADER} names a different project from the path, {project_id}.")
        if not caller.policy.allows(route.action):
            raise ApiError(NO_PERMISSION, f"Policy doesn't allow {route.action} to be performed.")
