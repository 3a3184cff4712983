"""The HTTP session under every call, to the services and to IAM alike, and what its failures mean."""

from __future__ import annotations

import re
import ssl
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from providers.er.endpoints import is_loopback, origin
from providers.er.exceptions import ApiError, TemporaryError
from providers.er.sanitizing import sanitize

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds between two chunks of an answer
ANSWER_TIMEOUT = 60.0  # seconds for a whole answer
ANSWER_LIMIT = 8 * 1024 * 1024  # bytes; a full page of 2,000 flow logs is about a tenth of it
CHUNK_SIZE = 64 * 1024  # bytes
_CORRECT_BUNDLE = "correct OS_CACERT or REQUESTS_CA_BUNDLE"
POOL_SIZE = 64  # connections kept open, and calls at once


class ServiceSession(requests.Session):
    """Pooled connections that send credentials to the service only.

    Time-outs are always set. CA bundle and proxies come from the environment, but no proxy is used for loopback
    addresses. Passwords of a netrc file are not sent, and cookies are not kept.
    """

    def __init__(self, *, verify: bool | str = True) -> None:
        """Open no connection yet.

        Args:
            verify: Whether to verify certificates, or the file with the CAs to trust instead of the environment's.
        """
        super().__init__()
        self._verify = verify
        self.auth = _add_nothing
        self.headers["Accept"] = "application/json"
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(pool_maxsize=POOL_SIZE))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: requests would read the whole body of a redirect, only to know its target."""

    def merge_environment_settings(self, url: Any, *arguments: Any, **named: Any) -> Any:
        """The settings of requests, without proxies for a loopback address.

        Raises:
            InvalidProxyURL: A proxy has no host, for which requests itself would raise TypeError.
        """
        settings = super().merge_environment_settings(url, *arguments, **named)
        if any(re.search("(//|@)$", str(proxy)) for proxy in settings["proxies"].values()):
            raise requests.exceptions.InvalidProxyURL("no host")
        if self._verify is not True:
            settings["verify"] = self._verify
        return {**settings, "proxies": {}} if is_loopback(str(url)) else settings

    def send(
        self, request: requests.PreparedRequest, *, time_limit: float = ANSWER_TIMEOUT, **settings: Any
    ) -> requests.Response:
        """Send with the time-outs of this module, and never to where a redirect points; the answer, read.

        Args:
            request: What to send.
            time_limit: Seconds that reading the answer may take.
            settings: As requests has them.

        Raises:
            RequestException: It could not be sent, or there is no whole answer.
            TemporaryError: The answer takes too long or is too large.
            ApiError: The file with the CAs to trust does not exist.
        """
        bounded = {"timeout": (CONNECT_TIMEOUT, READ_TIMEOUT), "allow_redirects": False, "stream": True}
        try:
            response = super().send(request, **{**settings, **bounded})
        except OSError as error:
            if isinstance(error, requests.exceptions.RequestException):
                raise
            # Of all files, requests opens only this one.
            bundle = sanitize(str(settings.get("verify")))
            raise ApiError(f"the file with the CAs to trust, {bundle}, does not exist: {_CORRECT_BUNDLE}") from error
        try:
            _read(response, seconds=min(time_limit, ANSWER_TIMEOUT))
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ConnectionError(error, request=request) from error
        return response


def _read(response: requests.Response, *, seconds: float) -> None:
    """Read the answer, which may come slowly, or be endless."""
    with response:
        deadline = time.monotonic() + seconds
        content = bytearray()
        # read1 returns what has come; iter_content would wait for a whole piece.
        while chunk := response.raw.read1(CHUNK_SIZE, decode_content=True):
            content += chunk
            if len(content) > ANSWER_LIMIT:
                content.clear()  # the error holds this frame
                raise TemporaryError(f"{origin(response.url)} answered with more than {ANSWER_LIMIT} bytes")
            if time.monotonic() > deadline:
                raise TemporaryError(f"{origin(response.url)} took more than {seconds:.0f} s to send its answer")
        response._content = bytes(content)


def _add_nothing(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An auth that adds nothing: with an auth set, requests does not read ~/.netrc."""
    return request


def connection_error(service: str, error: BaseException) -> ApiError:
    """What to raise for a call that got no answer."""
    cause = _innermost(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ApiError(
            f"cannot trust the certificate of {service}: {cause.verify_message} (for a private CA set OS_CACERT)"
        )
    if isinstance(cause, ssl.SSLError) and cause.reason == "NO_CERTIFICATE_OR_CRL_FOUND":
        return ApiError(f"the file with the CAs to trust has no certificate: {_CORRECT_BUNDLE}")
    if isinstance(error, requests.exceptions.InvalidURL):  # maybe that of a proxy, with a password in it
        return ApiError(f"cannot reach {service}: its address, or that of the proxy, is not valid")
    if isinstance(error, requests.exceptions.InvalidSchema) and "SOCKS" in str(error):
        return ApiError(
            f"cannot reach {service} through a SOCKS proxy: name an HTTP proxy in HTTPS_PROXY, or install PySocks"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        service = f"{service} through the proxy (HTTPS_PROXY)"
    reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return TemporaryError(
        f"cannot reach {service}: {sanitize(reason) or type(cause).__name__}", was_sent=not _has_no_connection(error)
    )


def _has_no_connection(error: BaseException) -> bool:
    """Whether there was no connection to send the call over."""
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
            # urllib3 keeps the system's error as the cause only.
            inner = error.__cause__ if isinstance(error.__cause__, OSError) else None
        if inner is None:
            return error
        error = inner
