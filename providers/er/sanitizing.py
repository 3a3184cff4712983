"""Failures of the network, and foreign text, put into words."""

from __future__ import annotations

import json
import ssl

import requests
import urllib3

from providers.er.exceptions import ApiError, TemporaryError


def connection_error(origin: str, error: BaseException) -> ApiError:
    """What to raise for a call that got no answer."""
    cause = _innermost(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ApiError(
            f"cannot trust the certificate of {origin}: {cause.verify_message}"
            " (for a private CA set REQUESTS_CA_BUNDLE)"
        )
    if isinstance(error, requests.exceptions.InvalidURL):  # a proxy's is one, too, and may have a password in it
        return ApiError(f"cannot reach {origin}: its address, or that of the proxy, is no address")
    reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return TemporaryError(
        f"cannot reach {origin}: {sanitize(reason) or type(cause).__name__}", was_sent=not _has_no_connection(error)
    )


def _has_no_connection(error: BaseException) -> bool:
    """Whether there was not even a connection to send the call over."""
    if isinstance(error, (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError)):
        return True
    wrapped = error.args[0] if error.args else None
    return isinstance(getattr(wrapped, "reason", None), urllib3.exceptions.NewConnectionError)


def _innermost(error: BaseException) -> BaseException:
    """The first cause, without the exceptions that requests and urllib3 wrap around it."""
    while True:
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((part for part in reversed(error.args) if isinstance(part, BaseException)), None)
        if inner is None:
            # urllib3 keeps what the system said as the cause only.
            inner = error.__cause__ if isinstance(error.__cause__, OSError) else None
        if inner is None:
            return error
        error = inner


def redact(secret: str | None, text: str) -> str:
    """Foreign text less a secret that it repeats, as it is or as it was sent in JSON."""
    for spelling in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]} if secret else ():
        text = text.replace(spelling, "…")
    return text


def sanitize(text: str, longest: int = 500) -> str:
    """Foreign text on one line, bounded, without control characters: it ends up on terminals.

    Nor has it what Pulumi takes for colours: over one that it does not know, its CLI panics.
    """
    # Of a long text only its beginning is looked at.
    begin = text[: 2 * longest]
    clean = "".join(character if character.isprintable() else " " for character in begin)
    clean = " ".join(clean.replace("<{%", "<{ %").split())
    return clean if len(clean) <= longest and begin == text else clean[:longest] + "…"
