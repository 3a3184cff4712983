"""The calls of the identity service (IAM v3, which is Keystone's API): sign-in, tokens, projects, domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from uuid import NAMESPACE_OID, uuid5

from werkzeug.wrappers import Response

from emulator import rules
from emulator.clock import format_for_token
from emulator.errors import IamError, invalid
from emulator.gateway import PROJECT_HEADER, Gateway
from emulator.http import Call, Query, Route, Service, json_body, json_response
from emulator.identity import Domain, Identity, Named, Project, Token, User
from emulator.policies import READER, WRITER
from emulator.store import Store

TOKENS = "/v3/auth/tokens"
SUBJECT_TOKEN_HEADER = "X-Subject-Token"
NO_CATALOG = "nocatalog"
ROLE_NAMES = {WRITER: "te_admin", READER: "readonly"}  # tenant administrator and tenant guest, as IAM calls them

_CATALOG = {
    ("er", "er"): "",
    ("lts", "lts"): "",
    ("identity", "iam"): "/v3",
    # OTC's Terraform provider makes the addresses of ER and LTS from this one. (Source: gophertelekomcloud,
    # openstack/client.go, initCommonServiceClient.)
    ("volumev2", "evs"): "/v2/{project_id}",
}
"""Type and name of each service in the catalog, and the path of its address."""


def routes(store: Store, gateway: Gateway) -> list[Route]:
    api = _IamApi(store.identity, gateway)
    calls = [
        ("GET", "/", api.list_versions),
        ("GET", "/v3", api.show_version),
        ("POST", TOKENS, api.create_token),
        ("GET", TOKENS, api.show_token),
        ("DELETE", TOKENS, api.delete_token),
        ("GET", "/v3/projects", api.list_projects),
        ("GET", "/v3/auth/projects", api.list_projects),
        ("GET", "/v3/projects/{project_id}", api.show_project),
        ("GET", "/v3/auth/domains", api.list_domains),
        ("GET", "/v3/auth/catalog", api.show_catalog),
        ("GET", "/v3/users", api.list_users),
    ]
    return [Route(Service.IAM, method, path, handler) for method, path, handler in calls]


class _IamApi:
    def __init__(self, identity: Identity, gateway: Gateway) -> None:
        self._identity = identity
        self._gateway = gateway

    def list_versions(self, call: Call) -> Response:
        """Clients whose address has no version start here."""
        Query(call)
        return json_response(HTTPStatus.MULTIPLE_CHOICES, {"versions": {"values": [_version(call)]}})

    def show_version(self, call: Call) -> Response:
        """Clients that discover an API start here."""
        Query(call)
        return json_response(HTTPStatus.OK, {"version": _version(call)})

    def create_token(self, call: Call) -> Response:
        query = Query(call, NO_CATALOG)
        body = rules.require_object(json_body(call), "the body", ("auth",))
        auth = rules.require_object(body.get("auth"), "auth", ("identity", "scope"))
        identity = rules.require_object(
            auth.get("identity"), "auth.identity", ("methods", "password", "totp", "token", "assume_role")
        )
        scope = _scope(auth)
        methods = identity.get("methods")
        if methods in (["password"], ["password", "totp"], ["totp", "password"]):
            user = _user_of(identity, "password")
            passcode = rules.require_text(_user_of(identity, "totp"), "passcode") if "totp" in identity else None
            bearer, token = self._identity.sign_in(
                _named(user, "auth.identity.password.user"), rules.require_text(user, "password"), scope, passcode
            )
        elif methods == ["token"]:
            old = rules.require_object(identity.get("token"), "auth.identity.token", ("id",))
            bearer, token = self._identity.exchange(rules.require_text(old, "id"), scope)
        elif methods == ["assume_role"]:
            fields = ("domain_name", "domain_id", "agency_name", "xrole_name")
            role = rules.require_object(identity.get("assume_role"), "auth.identity.assume_role", fields)
            agency = rules.require_text(role, "agency_name" if "agency_name" in role else "xrole_name")
            caller = self._gateway.identify(call.request).domain
            domain = {name.removeprefix("domain_"): value for name, value in role.items() if name.startswith("domain_")}
            bearer, token = self._identity.assume_role(
                caller, _domain(domain, "auth.identity.assume_role"), agency, scope
            )
        else:
            raise invalid(
                'auth.identity.methods must be ["password"], ["password", "totp"], ["token"] or ["assume_role"].'
            )
        return _token_response(HTTPStatus.CREATED, call, query, bearer, token)

    def show_token(self, call: Call) -> Response:
        query = Query(call, NO_CATALOG)
        bearer, token = self._subject(call)
        return _token_response(HTTPStatus.OK, call, query, bearer, token)

    def delete_token(self, call: Call) -> Response:
        Query(call)
        bearer, _ = self._subject(call)
        self._identity.revoke(bearer)
        return Response(status=HTTPStatus.NO_CONTENT)

    def _subject(self, call: Call) -> tuple[str, Token]:
        """The token that a call is about."""
        self._gateway.identify(call.request)
        bearer = call.request.headers.get(SUBJECT_TOKEN_HEADER)
        if bearer is None:
            raise IamError(HTTPStatus.BAD_REQUEST, f"The header {SUBJECT_TOKEN_HEADER} is missing.")
        token = self._identity.token(bearer)
        if token is None:
            raise IamError(HTTPStatus.NOT_FOUND, "The token does not exist or has expired.")
        return bearer, token

    def list_projects(self, call: Call) -> Response:
        domain = self._gateway.identify(call.request).domain
        projects = [_project_body(call, project) for project in self._identity.projects(domain=domain)]
        filters = ("domain_id", "name", "parent_id", "enabled", "is_domain")
        return _list_response(call, "projects", projects, filters)

    def show_project(self, call: Call) -> Response:
        Query(call)
        domain = self._gateway.identify(call.request).domain
        for project in self._identity.projects(domain=domain):
            if project.id == call.path["project_id"]:
                return json_response(HTTPStatus.OK, {"project": _project_body(call, project)})
        raise IamError(HTTPStatus.NOT_FOUND, f"Could not find project {call.path['project_id']}.")

    def list_domains(self, call: Call) -> Response:
        domain = self._gateway.identify(call.request).domain
        body = {**_domain_body(domain), "enabled": True, "links": _links(call, f"domains/{domain.id}")}
        return _list_response(call, "domains", [body], ("name",))

    def list_users(self, call: Call) -> Response:
        """The users of the caller's account."""
        domain = self._gateway.identify(call.request).domain
        users: list[dict[str, object]] = [
            {
                "id": user.id,
                "name": user.name,
                "domain_id": user.domain.id,
                "enabled": True,
                "description": "",
                "password_expires_at": None,
                "links": _links(call, f"users/{user.id}"),
            }
            for user in self._identity.users()
            if user.domain == domain
        ]
        return _list_response(call, "users", users, ("domain_id", "enabled", "name"), "password_expires_at")

    def show_catalog(self, call: Call) -> Response:
        """The catalog of the token's project; for a signed request, of the project that it names or of the first."""
        Query(call)
        caller = self._gateway.identify(call.request)
        named = call.request.headers.get(PROJECT_HEADER)
        projects = [
            project for project in self._identity.projects(domain=caller.domain) if project.id in caller.project_ids
        ]
        project = next((one for one in projects if one.id == named), projects[0] if projects else None)
        return json_response(HTTPStatus.OK, {"catalog": _catalog(call, project), "links": _links(call, "auth/catalog")})


def _user_of(identity: Mapping[str, object], method: str) -> Mapping[str, object]:
    where = f"auth.identity.{method}"
    fields = ("id", "name", "domain", "password" if method == "password" else "passcode")
    user = rules.require_object(identity.get(method), where, ("user",)).get("user")
    return rules.require_object(user, f"{where}.user", fields)


def _scope(auth: Mapping[str, object]) -> Named | None:
    """The project that a token is asked for; None where it is for a domain, or nothing is said."""
    scope = rules.require_object(auth.get("scope") or {}, "auth.scope", ("project", "domain"))
    if "domain" in scope:
        _domain(rules.require_object(scope["domain"], "auth.scope.domain", ("id", "name")), "auth.scope.domain")
        return None
    if "project" not in scope:
        return None
    where = "auth.scope.project"
    project = rules.require_object(scope["project"], where, ("id", "name", "domain"))
    # The user's own domain is meant where none is named.
    return Named(name=rules.require_text(project, "name")) if set(project) == {"name"} else _named(project, where)


def _named(fields: Mapping[str, object], where: str) -> Named:
    if "id" in fields:
        return Named(id=rules.require_text(fields, "id"))
    if "name" not in fields or "domain" not in fields:
        raise invalid(f"{where} must have an id, or a name and a domain.")
    domain = rules.require_object(fields["domain"], f"{where}.domain", ("id", "name"))
    return Named(name=rules.require_text(fields, "name"), domain=_domain(domain, f"{where}.domain"))


def _domain(fields: Mapping[str, object], where: str) -> Named:
    if not fields:
        raise invalid(f"{where} must name a domain, by id or by name.")
    if "id" in fields:
        return Named(id=rules.require_text(fields, "id"))
    return Named(name=rules.require_text(fields, "name"))


def _token_response(status: HTTPStatus, call: Call, query: Query, bearer: str, token: Token) -> Response:
    project, user = token.project, token.user
    body: dict[str, object] = {
        "methods": ["password"],
        "user": {"id": user.id, "name": user.name, "domain": _domain_body(user.domain)},
        "roles": [{"id": "0", "name": _role_name(user)}],
        "issued_at": format_for_token(token.issued_at),
        "expires_at": format_for_token(token.expires_at),
    }
    if project:
        body["project"] = {"id": project.id, "name": project.name, "domain": _domain_body(project.domain)}
    else:
        body["domain"] = _domain_body(user.domain)
    if query.get(NO_CATALOG) is None:
        body["catalog"] = _catalog(call, project)
    return json_response(status, {"token": body}, {SUBJECT_TOKEN_HEADER: bearer})


def _role_name(user: User) -> str:
    """IAM lists a custom policy among the roles, under a name with the domain's id in it."""
    return f"custom_{user.domain.id}_0" if user.role is None else ROLE_NAMES[user.role]


def _catalog(call: Call, project: Project | None) -> list[dict[str, object]]:
    """Every service has the address to which the request for the token was sent. Without a project, those are left out
    whose address has one."""
    region = project.name.partition("_")[0] if project else "eu-de"
    address = call.request.host_url.rstrip("/")
    return [
        {
            "id": _catalog_id(name),
            "type": service,
            "name": name,
            "endpoints": [
                {
                    "id": _catalog_id(f"{name} in {region}"),
                    "interface": "public",
                    "region": region,
                    "region_id": region,
                    "url": address + path.format(project_id=project.id if project else ""),
                }
            ],
        }
        for (service, name), path in _CATALOG.items()
        if project or "{project_id}" not in path
    ]


def _catalog_id(of: str) -> str:
    """The same id in every answer, as in a catalog that is stored."""
    return uuid5(NAMESPACE_OID, of).hex


def _version(call: Call) -> dict[str, object]:
    links = [{"rel": "self", "href": f"{call.request.host_url}v3/"}]
    return {"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z", "links": links, "media-types": []}


def _list_response(
    call: Call, name: str, items: list[dict[str, object]], filters: Sequence[str], *others: str
) -> Response:
    """The items of which every filter in the query is true; all of them, or a page of a size."""
    query = Query(call, *filters, "page", "per_page", *others)
    wanted = {field: query.get(field) for field in filters}
    found = [item for item in items if all(value in (None, _text(item[field])) for field, value in wanted.items())]
    number, size = query.get("page") or "", query.get("per_page") or ""
    if number.isdecimal() and size.isdecimal():
        found = found[(int(number) - 1) * int(size) :][: int(size)]
    links = {"self": call.request.url, "previous": None, "next": None}
    return json_response(HTTPStatus.OK, {name: found, "links": links})


def _text(value: object) -> str:
    """A value as a query spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _links(call: Call, path: str) -> dict[str, str]:
    return {"self": f"{call.request.host_url}v3/{path}"}


def _project_body(call: Call, project: Project) -> dict[str, object]:
    return {
        "id": project.id,
        "name": project.name,
        "description": "",
        "enabled": True,
        "is_domain": False,
        "domain_id": project.domain.id,
        "parent_id": project.domain.id,
        "links": _links(call, f"projects/{project.id}"),
    }


def _domain_body(domain: Domain) -> dict[str, str]:
    return {"id": domain.id, "name": domain.name}
