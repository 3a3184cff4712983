"""Where the services are."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from providers.er.sanitizing import sanitize

_DOMAIN = "otc.t-systems.com"
_IAM_HOSTS = {
    "eu-de": f"iam.eu-de.{_DOMAIN}",
    "eu-nl": f"iam.eu-nl.{_DOMAIN}",
    "eu-ch2": f"iam-pub.eu-ch2.sc.{_DOMAIN}",
}
REGIONS = tuple(_IAM_HOSTS)


class EndpointError(ValueError):
    """An endpoint or region that cannot be used; the text is one sentence."""


@dataclass(frozen=True)
class Endpoints:
    """Base addresses of the three services, without a trailing slash. `iam` ends in its version, `/v3`.

    Those of `er` and `lts` may be empty: then the catalog that comes with IAM's token has them.
    """

    er: str = ""
    iam: str = ""
    lts: str = ""

    @classmethod
    def of_region(cls, region: str) -> Endpoints:
        """The public endpoints of a region (API reference: endpoints).

        Raises:
            EndpointError: There is no such region.
        """
        if region not in REGIONS:
            raise EndpointError(f"{region!r} is not a region; regions are {', '.join(REGIONS)}")
        iam = _IAM_HOSTS[region]
        rest = iam.partition(".")[2]
        return cls(er=f"https://er.{rest}", iam=f"https://{iam}/v3", lts=f"https://lts.{rest}")

    @classmethod
    def at(cls, url: str) -> Endpoints:
        """All three services at one address, as in the emulator.

        Raises:
            EndpointError: The address is not a usable URL.
        """
        base = checked(url)
        return cls(er=base, iam=f"{base}/v3", lts=base)

    def overridden(self, **urls: str) -> Endpoints:
        """These endpoints with some replaced: `er=`, `iam=`, `lts=`.

        Raises:
            EndpointError: An address is not a usable URL.
        """
        return replace(self, **{service: service_url(service, url) for service, url in urls.items()})


# Scheme, host, port and path only: no user, query, fragment or white space.
_URL = re.compile(
    r"(?i:https?)://([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(:\d+)?(/[A-Za-z0-9._~/-]*)?"
)


def service_url(service: str, url: str) -> str:
    """The base address of `er`, `iam` or `lts`, out of one with or without scheme, version or trailing slash.

    Raises:
        EndpointError: As for `checked`.
    """
    base = re.sub(r"/v\d+(\.\d+)?(/.*)?$", "", checked(url if "://" in url else f"https://{url}"))
    return f"{base}/v3" if service == "iam" else base


def checked(url: str) -> str:
    """The address without a trailing slash, if credentials may be sent to it.

    Raises:
        EndpointError: It is not an http(s) URL of a host, or plain http to another machine.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not _URL.fullmatch(url):
        raise EndpointError(f"{_shown(url)} is not an address such as https://er.{REGIONS[0]}.{_DOMAIN}")
    if parts.scheme == "http" and not is_loopback(url):
        raise EndpointError(f"{_shown(url)} would send credentials unencrypted: use https (http is for loopback only)")
    return url.rstrip("/")


def origin(url: str | None) -> str:
    """Scheme, host and port of an address."""
    return "/".join((url or "").split("/")[:3])


def _shown(url: str) -> str:
    """The address as far as it may be shown: the part before an @ may be a password."""
    shown = f"…@{url.rpartition('@')[2]}" if "@" in url else url
    return repr(sanitize(shown, 100))


def region_of(text: str) -> str | None:
    """The region of a project, by whose id its name begins (IAM: projects), or of an address of this cloud, if any."""
    host = re.split("[/:]", text.partition("://")[2] or text)[0].lower().rstrip(".")
    for region, iam in _IAM_HOSTS.items():
        if re.match(rf"{region}(_|$)", text) or host.endswith(f".{iam.partition('.')[2]}"):
            return region
    return None


def find_other_region(text: str, region: str | None) -> str | None:
    """The region of a project's name or of an address, if it is another one than `region`."""
    found = region_of(text)
    return found if region and found != region else None


def is_loopback(url: str) -> bool:
    """Whether the address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
