"""The calls of the identity service (IAM v3, which is Keystone's API): signing in, and looking up who one is."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from werkzeug.wrappers import Response

from emulator import rules
from emulator.errors import IamError, invalid
from emulator.identity import Domain, Identity, Named, Token
from emulator.instants import in_tokens
from emulator.store import Store
from emulator.wire import Call, Query, Route, Service, json_body, json_response

TOKENS = "/v3/auth/tokens"
AUTH_TOKEN_HEADER = "X-Auth-Token"
SUBJECT_TOKEN_HEADER = "X-Subject-Token"


def routes(store: Store) -> list[Route]:
    api = _IamApi(store.identity)
    calls = [
        ("GET", "/v3", api.show_version),
        ("POST", TOKENS, api.create_token),
        ("GET", TOKENS, api.show_token),
        ("GET", "/v3/projects", api.list_projects),
        ("GET", "/v3/auth/domains", api.list_domains),
    ]
    return [Route(Service.IAM, method, path, handler) for method, path, handler in calls]


class _IamApi:
    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def show_version(self, call: Call) -> Response:
        """Where clients that discover an API look first."""
        Query(call)
        links = [{"rel": "self", "href": call.request.base_url}]
        return json_response(
            HTTPStatus.OK, {"version": {"id": "v3.14", "status": "stable", "links": links, "media-types": []}}
        )

    def create_token(self, call: Call) -> Response:
        Query(call, "nocatalog")  # the catalog is empty with it and without
        body = rules.object_with(json_body(call), "the body", ("auth",))
        auth = rules.object_with(body.get("auth"), "auth", ("identity", "scope"))
        identity = rules.object_with(auth.get("identity"), "auth.identity", ("methods", "password"))
        if identity.get("methods") != ["password"]:
            raise invalid('auth.identity.methods must be ["password"].')
        password = rules.object_with(identity.get("password"), "auth.identity.password", ("user",))
        user = rules.object_with(
            password.get("user"), "auth.identity.password.user", ("id", "name", "domain", "password")
        )
        scope = rules.object_with(auth.get("scope"), "auth.scope", ("project",))
        project = rules.object_with(scope.get("project"), "auth.scope.project", ("id", "name", "domain"))
        bearer, token = self._identity.sign_in(
            _named(user, "auth.identity.password.user"),
            rules.text(user, "password"),
            _named(project, "auth.scope.project"),
        )
        return _token_response(HTTPStatus.CREATED, bearer, token)

    def show_token(self, call: Call) -> Response:
        Query(call, "nocatalog")
        self._require_token(call)
        bearer = call.request.headers.get(SUBJECT_TOKEN_HEADER)
        if bearer is None:
            raise IamError(HTTPStatus.BAD_REQUEST, f"The header {SUBJECT_TOKEN_HEADER} is missing.")
        return _token_response(HTTPStatus.OK, bearer, self._identity.token(bearer))

    def list_projects(self, call: Call) -> Response:
        name = Query(call, "name").one("name")
        self._require_token(call)
        projects = [
            {"id": project.id, "name": project.name, "enabled": True, "domain_id": project.domain.id}
            for project in self._identity.projects(name)
        ]
        return json_response(HTTPStatus.OK, {"projects": projects})

    def list_domains(self, call: Call) -> Response:
        Query(call)
        self._require_token(call)
        return json_response(HTTPStatus.OK, {"domains": [_domain_body(domain) for domain in self._identity.domains()]})

    def _require_token(self, call: Call) -> None:
        self._identity.project_of(call.request.headers.get(AUTH_TOKEN_HEADER))


def _named(fields: Mapping[str, object], where: str) -> Named:
    if "id" in fields:
        return Named(id=rules.text(fields, "id"))
    if "name" not in fields or "domain" not in fields:
        raise invalid(f"{where} must have an id, or a name and a domain.")
    domain = rules.object_with(fields["domain"], f"{where}.domain", ("id", "name"))
    owner = Named(id=rules.text(domain, "id")) if "id" in domain else Named(name=rules.text(domain, "name"))
    return Named(name=rules.text(fields, "name"), domain=owner)


def _token_response(status: HTTPStatus, bearer: str, token: Token) -> Response:
    project, user = token.project, token.user
    body = {
        "methods": ["password"],
        "user": {"id": user.id, "name": user.name, "domain": _domain_body(user.domain)},
        "project": {"id": project.id, "name": project.name, "domain": _domain_body(project.domain)},
        "roles": [{"id": "0", "name": "te_admin"}],
        "catalog": [],
        "issued_at": in_tokens(token.issued_at),
        "expires_at": in_tokens(token.expires_at),
    }
    return json_response(status, {"token": body}, {SUBJECT_TOKEN_HEADER: bearer})


def _domain_body(domain: Domain) -> dict[str, str]:
    return {"id": domain.id, "name": domain.name}
