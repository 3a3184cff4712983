"""Requests signed with an access key (API reference: AK/SK-based authentication; API Request Signing Guide).

OTC's own Go library signs in an older form, which the service takes too: `Credential` is the access key with a scope,
as in AK/20261130/region/service/sdk_request, and the signing key is derived from the secret and the scope. (Source:
gophertelekomcloud, signer_helper.go.)
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import datetime, timezone
from functools import reduce
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from werkzeug.wrappers import Request

from emulator.clock import Instant, seconds
from emulator.errors import BAD_CREDENTIALS, BAD_CREDENTIALS_MESSAGE, GatewayError
from emulator.identity import AccessKey

ALGORITHM = "SDK-HMAC-SHA256"
LEEWAY = 15 * 60.0  # seconds between the date of a request and the clock
DATE = "x-sdk-date"
REQUIRED_HEADERS = (DATE,)
SECURITY_TOKEN = "x-security-token"
CONTENT_HASH = "x-sdk-content-sha256"

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} (?:Access=([^\s,/]+)|Credential=([^\s,/]+)/([^\s,]+/sdk_request)), *"
    "SignedHeaders=([^\\s,]+), *Signature=([0-9a-f]{64})"
)
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_WSGI_ENCODING = "latin-1"  # of the request line and headers


class _Signature(NamedTuple):
    """The parts of the header Authorization."""

    access_key: str
    scope: str
    """Empty in the usual form."""
    signed_headers: list[str]
    value: str

    @classmethod
    def parse(cls, header: str) -> _Signature:
        found = _AUTHORIZATION.fullmatch(header)
        if found is None:
            raise _refused(
                f"the header Authorization is not of the form {ALGORITHM} Access=..., SignedHeaders=..., Signature=..."
            )
        access_key, scoped_access_key, scope, signed_headers, value = found.groups("")
        names = signed_headers.split(";")
        if names != sorted({name.lower() for name in names}):
            raise _refused("SignedHeaders must be in lower case and in order, each once")
        for required in REQUIRED_HEADERS:
            if required not in names:
                raise _refused(f"the header {required} must be signed")
        return cls(access_key or scoped_access_key, scope, names, value)


def verify(
    request: Request, authorization: str, find_key: Callable[[str], AccessKey | None], now: Instant
) -> AccessKey:
    """The access key that a request is signed with; refused if the signature is not valid."""
    signature = _Signature.parse(authorization)
    for name in signature.signed_headers:
        if name not in request.headers:
            raise _refused(f"the header {name} is signed but was not sent")
    key = find_key(signature.access_key)
    if key is None:
        raise _refused(f"the access key {signature.access_key} does not exist")
    date = request.headers[DATE]
    if abs(_instant(date) - now) > seconds(LEEWAY):
        raise _refused(f"{DATE} is more than {LEEWAY / 60:g} minutes from now")
    if key.security_token is not None:
        # Signed or not: both Terraform providers add it to a request that they have signed.
        if SECURITY_TOKEN not in request.headers:
            raise _refused(f"with a temporary access key, the header {SECURITY_TOKEN} must be sent")
        if not _are_equal(request.headers[SECURITY_TOKEN].strip(), key.security_token):
            raise _refused(f"{SECURITY_TOKEN} is not that of the access key {signature.access_key}")
    if key.expires_at is not None and key.expires_at <= now:
        raise _refused(f"the access key {signature.access_key} has expired")
    canonical = canonical_request(request, signature.signed_headers)
    expected = sign(key.secret_key, date.strip(), canonical, signature.scope)
    if not _are_equal(signature.value, expected):
        raise _refused("the signature does not match this request and the secret of this access key")
    return key


def sign(secret_key: str, date: str, canonical: bytes, scope: str) -> str:
    lines = [ALGORITHM, date, *([scope] if scope else []), hashlib.sha256(canonical).hexdigest()]
    key = secret_key.encode()
    if scope:
        key = reduce(_hmac, scope.split("/"), b"SDK" + key)
    return _hmac(key, "\n".join(lines)).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def canonical_request(request: Request, signed_headers: list[str]) -> bytes:
    """The canonical form of a request, however a client or proxy has spelled it."""
    headers = {name: request.headers[name].strip() for name in signed_headers}
    content_hash = headers.get(CONTENT_HASH) or hashlib.sha256(request.get_data()).hexdigest()
    lines = [
        request.method,
        _canonical_path(request.environ["PATH_INFO"]),
        _canonical_query(request.environ["QUERY_STRING"]),
        *(f"{name}:{value}" for name, value in headers.items()),
        "",
        ";".join(signed_headers),
        content_hash,
    ]
    return "\n".join(lines).encode(_WSGI_ENCODING)


def _canonical_path(path: str) -> str:
    """Each segment encoded again (the server has decoded it), and a slash at the end."""
    return "/".join(map(_encode, path.removesuffix("/").split("/"))) + "/"


def _canonical_query(query: str) -> str:
    # Sorted before they are encoded, as the vendor's own signers do it.
    pairs = sorted(parse_qsl(query, keep_blank_values=True, encoding=_WSGI_ENCODING))
    return "&".join(f"{_encode(name)}={_encode(value)}" for name, value in pairs)


def _encode(text: str) -> str:
    """Everything but letters, digits and - . _ ~ as %XX."""
    return quote(text, safe="", encoding=_WSGI_ENCODING)


def _instant(date: str) -> Instant:
    date = date.strip()
    try:
        if not _DATE.fullmatch(date):
            raise ValueError(date)
        moment = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise _refused(f"{DATE} is not a date of the form YYYYMMDDTHHMMSSZ") from None
    return seconds(moment.timestamp())


def _are_equal(given: str, expected: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _refused(problem: str) -> GatewayError:
    return GatewayError(BAD_CREDENTIALS, f"{BAD_CREDENTIALS_MESSAGE}: {problem}.")
