"""The calls of the identity service (IAM v3, which is Keystone's API): sign-in, tokens, projects, domains."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from uuid import NAMESPACE_OID, uuid5

from werkzeug.wrappers import Response

from emulator import rules
from emulator.clock import format_for_token
from emulator.errors import IamError, invalid
from emulator.gateway import Gateway
from emulator.http import Call, Query, Route, Service, json_body, json_response
from emulator.identity import Domain, Identity, Named, Token, User
from emulator.policies import READER, WRITER
from emulator.store import Store

TOKENS = "/v3/auth/tokens"
SUBJECT_TOKEN_HEADER = "X-Subject-Token"
NO_CATALOG = "nocatalog"
ROLE_NAMES = {WRITER: "te_admin", READER: "readonly"}  # tenant administrator and tenant guest, as IAM calls them

_CATALOG = {"er": "", "lts": "", "iam": "/v3"}
"""The path of each service in the catalog."""


def routes(store: Store, gateway: Gateway) -> list[Route]:
    api = _IamApi(store.identity, gateway)
    calls = [
        ("GET", "/v3", api.show_version),
        ("POST", TOKENS, api.create_token),
        ("GET", TOKENS, api.show_token),
        ("GET", "/v3/projects", api.list_projects),
        ("GET", "/v3/auth/domains", api.list_domains),
    ]
    return [Route(Service.IAM, method, path, handler) for method, path, handler in calls]


class _IamApi:
    def __init__(self, identity: Identity, gateway: Gateway) -> None:
        self._identity = identity
        self._gateway = gateway

    def show_version(self, call: Call) -> Response:
        """Clients that discover an API start here."""
        Query(call)
        links = [{"rel": "self", "href": call.request.base_url}]
        return json_response(
            HTTPStatus.OK, {"version": {"id": "v3.14", "status": "stable", "links": links, "media-types": []}}
        )

    def create_token(self, call: Call) -> Response:
        query = Query(call, NO_CATALOG)
        body = rules.require_object(json_body(call), "the body", ("auth",))
        auth = rules.require_object(body.get("auth"), "auth", ("identity", "scope"))
        identity = rules.require_object(auth.get("identity"), "auth.identity", ("methods", "password", "token"))
        scope = rules.require_object(auth.get("scope"), "auth.scope", ("project",))
        project = rules.require_object(scope.get("project"), "auth.scope.project", ("id", "name", "domain"))
        requested = _named(project, "auth.scope.project")
        if identity.get("methods") == ["password"]:
            password = rules.require_object(identity.get("password"), "auth.identity.password", ("user",))
            user = rules.require_object(
                password.get("user"), "auth.identity.password.user", ("id", "name", "domain", "password")
            )
            bearer, token = self._identity.sign_in(
                _named(user, "auth.identity.password.user"), rules.require_text(user, "password"), requested
            )
        elif identity.get("methods") == ["token"]:
            old = rules.require_object(identity.get("token"), "auth.identity.token", ("id",))
            bearer, token = self._identity.exchange(rules.require_text(old, "id"), requested)
        else:
            raise invalid('auth.identity.methods must be ["password"] or ["token"].')
        return _token_response(HTTPStatus.CREATED, call, query, bearer, token)

    def show_token(self, call: Call) -> Response:
        query = Query(call, NO_CATALOG)
        self._gateway.identify(call.request)
        bearer = call.request.headers.get(SUBJECT_TOKEN_HEADER)
        if bearer is None:
            raise IamError(HTTPStatus.BAD_REQUEST, f"The header {SUBJECT_TOKEN_HEADER} is missing.")
        token = self._identity.token(bearer)
        if token is None:
            raise IamError(HTTPStatus.NOT_FOUND, "The token does not exist or has expired.")
        return _token_response(HTTPStatus.OK, call, query, bearer, token)

    def list_projects(self, call: Call) -> Response:
        name = Query(call, "name").get("name")
        self._gateway.identify(call.request)
        projects = [
            {"id": project.id, "name": project.name, "enabled": True, "domain_id": project.domain.id}
            for project in self._identity.projects(name)
        ]
        return json_response(HTTPStatus.OK, {"projects": projects})

    def list_domains(self, call: Call) -> Response:
        Query(call)
        self._gateway.identify(call.request)
        return json_response(HTTPStatus.OK, {"domains": [_domain_body(domain) for domain in self._identity.domains()]})


def _named(fields: Mapping[str, object], where: str) -> Named:
    if "id" in fields:
        return Named(id=rules.require_text(fields, "id"))
    if "name" not in fields or "domain" not in fields:
        raise invalid(f"{where} must have an id, or a name and a domain.")
    domain = rules.require_object(fields["domain"], f"{where}.domain", ("id", "name"))
    owner = (
        Named(id=rules.require_text(domain, "id")) if "id" in domain else Named(name=rules.require_text(domain, "name"))
    )
    return Named(name=rules.require_text(fields, "name"), domain=owner)


def _token_response(status: HTTPStatus, call: Call, query: Query, bearer: str, token: Token) -> Response:
    project, user = token.project, token.user
    body: dict[str, object] = {
        "methods": ["password"],
        "user": {"id": user.id, "name": user.name, "domain": _domain_body(user.domain)},
        "project": {"id": project.id, "name": project.name, "domain": _domain_body(project.domain)},
        "roles": [{"id": "0", "name": _role_name(user)}],
        "issued_at": format_for_token(token.issued_at),
        "expires_at": format_for_token(token.expires_at),
    }
    if query.get(NO_CATALOG) is None:
        body["catalog"] = _catalog(call.request.host_url.rstrip("/"), region=project.name)
    return json_response(status, {"token": body}, {SUBJECT_TOKEN_HEADER: bearer})


def _role_name(user: User) -> str:
    """IAM lists a custom policy among the roles, under a name with the domain's id in it."""
    return f"custom_{user.domain.id}_0" if user.role is None else ROLE_NAMES[user.role]


def _catalog(address: str, *, region: str) -> list[dict[str, object]]:
    """Every service has the address to which the request for the token was sent."""
    return [
        {
            "id": _catalog_id(service),
            "type": service,
            "name": service,
            "endpoints": [
                {
                    "id": _catalog_id(f"{service} in {region}"),
                    "interface": "public",
                    "region": region,
                    "region_id": region,
                    "url": f"{address}{path}",
                }
            ],
        }
        for service, path in _CATALOG.items()
    ]


def _catalog_id(of: str) -> str:
    """The same id in every answer, as in a catalog that is stored."""
    return uuid5(NAMESPACE_OID, of).hex


def _domain_body(domain: Domain) -> dict[str, str]:
    return {"id": domain.id, "name": domain.name}
