"""The calls, as a WSGI application."""

from __future__ import annotations

import gzip
import hashlib
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from tests.pulumi_service.store import ApiError, Row, Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

USER = "ann"
PROJECT = "/api/stacks/<org>/<project>"
STACK = f"{PROJECT}/<name>"
UPDATE = f"{STACK}/<any(update, preview, refresh, destroy):kind>/<update>"
CURRENT_JOURNAL = 1
NONCE_BYTES = 12


@dataclass(frozen=True)
class Call:
    """One request: what its path names, and its body."""

    request: Request
    path: Mapping[str, str]
    stack: Row | None
    update: Row | None

    @property
    def text(self) -> str:
        data = self.request.get_data()
        return (gzip.decompress(data) if self.request.headers.get("Content-Encoding") == "gzip" else data).decode()

    @property
    def body(self) -> Any:
        return json.loads(self.text)


Handler = Callable[[Call], object]


class Application:
    """Answers each call in a transaction of its own."""

    def __init__(self, store: Store, token: str) -> None:
        self._store = store
        self._token = token
        calls: list[tuple[str, str, Handler]] = [
            ("GET", "/api/capabilities", self._capabilities),
            ("GET", "/api/user", self._user),
            ("GET", "/api/user/organizations/default", lambda _: {"GitHubLogin": USER}),
            ("GET", "/api/user/stacks", self._list_stacks),
            ("GET", PROJECT, self._find_project),
            ("POST", PROJECT, self._create_stack),
            ("GET", STACK, self._get_stack),
            ("DELETE", STACK, self._delete_stack),
            ("POST", f"{STACK}/rename", self._rename_stack),
            ("PATCH", f"{STACK}/tags", self._set_tags),
            ("GET", f"{STACK}/export", lambda call: store.deployment(_of(call.stack))),
            ("POST", f"{STACK}/import", self._import),
            ("POST", f"{STACK}/encrypt", self._encrypt),
            ("POST", f"{STACK}/decrypt", self._decrypt),
            ("POST", f"{STACK}/batch-encrypt", self._encrypt_batch),
            ("POST", f"{STACK}/batch-decrypt", self._decrypt_batch),
            ("POST", f"{STACK}/decrypt/log-decryption", lambda _: None),
            ("POST", f"{STACK}/decrypt/log-batch-decryption", lambda _: None),
            ("GET", f"{STACK}/updates", self._history),
            ("GET", f"{STACK}/updates/latest", self._latest_update),
            ("POST", UPDATE.rpartition("/")[0], self._create_update),
            ("GET", UPDATE, self._get_update),
            ("POST", UPDATE, self._start_update),
            ("POST", f"{UPDATE}/cancel", lambda call: store.cancel(_of(call.update))),
            ("POST", f"{UPDATE}/renew_lease", self._renew_lease),
            ("POST", f"{UPDATE}/complete", self._complete),
            ("POST", f"{UPDATE}/events/batch", self._discard_events),
            ("PATCH", f"{UPDATE}/journalentries", self._write_journal),
            ("PATCH", f"{UPDATE}/checkpoint", self._write_checkpoint),
            ("PATCH", f"{UPDATE}/checkpointverbatim", self._write_verbatim),
            ("PATCH", f"{UPDATE}/checkpointdelta", self._write_delta),
        ]
        self._urls = Map([Rule(path, methods=[method], endpoint=handler) for method, path, handler in calls])

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, answer = HTTPStatus.OK, self._answer(environ)
        except ApiError as error:
            status, answer = error.status, {"code": int(error.status), "message": str(error)}
        except HTTPException as error:
            status = HTTPStatus(error.code or HTTPStatus.NOT_FOUND)
            answer = {"code": int(status), "message": f"{status.phrase}: no such call"}
        body = b"" if answer is None else json.dumps(answer).encode()
        return Response(body, status, content_type="application/json")(environ, start_response)

    def _answer(self, environ: WSGIEnvironment) -> object:
        handler, path = self._urls.bind_to_environ(environ).match()
        request = Request(environ)
        with self._store.transaction():
            stack = self._store.stack(path["org"], path["project"], path["name"]) if "name" in path else None
            update = self._store.update(path["update"]) if "update" in path else None
            self._admit(request.headers.get("Authorization", ""), update)
            return handler(Call(request, path, stack, update))

    def _admit(self, authorization: str, update: Row | None) -> None:
        kind, _, credential = authorization.partition(" ")
        if kind == "update-token":
            if not update or credential != update["token"]:
                raise ApiError(HTTPStatus.FORBIDDEN, "The update was cancelled, or its lease has expired.")
        elif (kind, credential) != ("token", self._token):
            raise ApiError(HTTPStatus.UNAUTHORIZED, "The access token is not valid.")

    # Users and stacks.

    def _capabilities(self, _: Call) -> object:
        found: list[dict[str, object]] = [{"capability": "batch-encrypt", "version": 1}]
        if (size := self._store.behaviour.delta_from) is not None:
            configuration = {"checkpointCutoffSizeBytes": size}
            found.append({"capability": "delta-checkpoint-uploads-v2", "version": 2, "configuration": configuration})
        return {"capabilities": found}

    def _user(self, _: Call) -> object:
        user = {"githubLogin": USER, "name": "Ann", "email": "ann@example.com", "avatarUrl": ""}
        return {"id": "1", **user, "organizations": [user], "identities": []}

    def _list_stacks(self, call: Call) -> object:
        return {"stacks": [_summary(stack) for stack in self._store.stacks(call.request.args.get("project"))]}

    def _find_project(self, call: Call) -> object:
        if not self._store.stacks(call.path["project"]):
            raise ApiError(HTTPStatus.NOT_FOUND, "no such project")
        return None

    def _create_stack(self, call: Call) -> object:
        body = call.body
        name, tags = body["stackName"], body.get("tags") or {}
        self._store.create_stack(call.path["org"], call.path["project"], name, tags, body.get("state"))
        return {}

    def _get_stack(self, call: Call) -> object:
        stack = _of(call.stack)
        return {
            **_summary(stack),
            "activeUpdate": self._store.active_update(stack),
            "tags": json.loads(stack["tags"]),
            "version": stack["version"],
        }

    def _delete_stack(self, call: Call) -> None:
        self._store.delete_stack(_of(call.stack), force=call.request.args.get("force") == "true")

    def _rename_stack(self, call: Call) -> None:
        stack, body = _of(call.stack), call.body
        self._store.rename_stack(stack, body["newName"] or stack["name"], body["newProject"] or stack["project"])

    def _set_tags(self, call: Call) -> None:
        self._store.set_tags(_of(call.stack), call.body)

    def _import(self, call: Call) -> object:
        return {"updateId": self._store.import_deployment(_of(call.stack), call.body)}

    # Secrets.

    def _encrypt(self, call: Call) -> object:
        return {"ciphertext": _encrypted(_of(call.stack), call.body["plaintext"])}

    def _decrypt(self, call: Call) -> object:
        return {"plaintext": _decrypted(_of(call.stack), call.body["ciphertext"])}

    def _encrypt_batch(self, call: Call) -> object:
        return {"ciphertexts": [_encrypted(_of(call.stack), text) for text in call.body["plaintexts"]]}

    def _decrypt_batch(self, call: Call) -> object:
        return {"plaintexts": {text: _decrypted(_of(call.stack), text) for text in call.body["ciphertexts"]}}

    # Updates.

    def _history(self, call: Call) -> object:
        return {"updates": [_info(update) for update in self._store.updates(_of(call.stack))]}

    def _latest_update(self, call: Call) -> object:
        updates = [update for update in self._store.updates(_of(call.stack)) if update["kind"] != "import"]
        if not updates:
            raise ApiError(HTTPStatus.NOT_FOUND, "the stack has never been updated")
        return {"info": _info(updates[0])}

    def _create_update(self, call: Call) -> object:
        return {"updateID": self._store.create_update(_of(call.stack), call.path["kind"], call.body)}

    def _get_update(self, call: Call) -> object:
        return {"status": _of(call.update)["status"], "events": []}

    def _start_update(self, call: Call) -> object:
        stack, body = _of(call.stack), call.body
        token = self._store.start_update(stack, _of(call.update))
        if (tags := body.get("tags")) is not None:
            self._store.set_tags(stack, tags)
        journal = min(CURRENT_JOURNAL, body.get("journalVersion", 0)) if self._store.behaviour.journal else 0
        return {"version": stack["version"] + 1, "token": token, "journalVersion": journal}

    def _renew_lease(self, call: Call) -> object:
        return {"token": self._store.renew(_of(call.update))}

    def _complete(self, call: Call) -> None:
        self._store.complete(_of(call.update), call.body["status"])

    def _discard_events(self, call: Call) -> None:
        """The events are for a web page, which this server does not have."""

    def _write_journal(self, call: Call) -> None:
        self._store.write_journal(_of(call.update), call.body["entries"])

    def _write_checkpoint(self, call: Call) -> None:
        body = call.body
        untyped = {key: body[key] for key in ("version", "features", "deployment") if key in body}
        self._store.write_checkpoint(_of(call.update), json.dumps(untyped))

    def _write_verbatim(self, call: Call) -> None:
        self._store.write_checkpoint(_of(call.update), _verbatim(call))

    def _write_delta(self, call: Call) -> None:
        body = call.body
        self._store.write_delta(_of(call.update), body["deploymentDelta"], body["checkpointHash"])


def _of(row: Row | None) -> Row:
    assert row is not None  # the route names it
    return row


def _verbatim(call: Call) -> str:
    """The checkpoint as it was sent, byte for byte: differences to it name places in it."""
    text = call.text
    start = text.index('"untypedDeployment":') + len('"untypedDeployment":')
    return text[start : json.JSONDecoder().raw_decode(text, start)[1]]


def _summary(stack: Row) -> dict[str, object]:
    names = {"orgName": stack["org"], "projectName": stack["project"], "stackName": stack["name"]}
    return {"id": str(stack["id"]), **names}


def _info(update: Row) -> dict[str, object]:
    program = json.loads(update["program"])
    metadata = program.get("metadata") or {}
    results = {"running": "in-progress", "not started": "not-started", "succeeded": "succeeded"}
    return {
        "kind": update["kind"],
        "startTime": update["started"],
        "endTime": update["ended"] or 0,
        "message": metadata.get("message", ""),
        "environment": metadata.get("environment") or {},
        "config": program.get("config") or {},
        "result": results.get(update["status"], "failed"),
        "version": update["version"] or 0,
    }


def _encrypted(stack: Row, plaintext: str) -> str:
    nonce, data = secrets.token_bytes(NONCE_BYTES), b64decode(plaintext)
    return b64encode(nonce + _mask(stack, nonce, data)).decode()


def _decrypted(stack: Row, ciphertext: str) -> str:
    data = b64decode(ciphertext)
    return b64encode(_mask(stack, data[:NONCE_BYTES], data[NONCE_BYTES:])).decode()


def _mask(stack: Row, nonce: bytes, data: bytes) -> bytes:
    """The data with a key stream added, or removed."""
    stream = hashlib.shake_256(stack["key"] + nonce).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))
