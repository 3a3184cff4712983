"""What must be set before anything is sent: where, on what, and who acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from providers.config import ConfigError, ProviderConfig
from providers.er import Client
from providers.er.endpoints import REGIONS, EndpointError, checked

NAMED = {
    "LIVE_ROUTER": "the router, by id or name",
    "LIVE_ATTACHMENT": "one of its attachments, by id or name",
    "LIVE_LOG_GROUP": "the log group, by id or name",
    "LIVE_LOG_STREAM": "one of its log streams, to which the attachment does not log yet, by id or name",
}
USER = {
    "OS_USERNAME": "the IAM user; or OS_TOKEN, OS_ACCESS_KEY or OS_CLOUD, see README.md",
    "OS_PASSWORD": "the user's password",
    "OS_USER_DOMAIN_NAME": "the user's domain, such as OTC-EU-DE-…",
}
ENDPOINT = "LIVE_ENDPOINT"  # optional: one address for all services


class OptInError(Exception):
    """A variable is missing or invalid; the text is one sentence. Nothing has been sent."""


@dataclass(frozen=True)
class OptIn:
    """The settings of a walk.

    Attributes:
        named: The values of the variables of `NAMED`.
        client: A client of the real API.
        project: The project's name, if it is known without a request.
    """

    named: Mapping[str, str]
    client: Client
    project: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> OptIn:
        """Read the environment.

        Raises:
            OptInError: A variable is missing or invalid.
        """
        values = {name: value.strip() for name, value in environment.items()}
        if missing := [f"{name} ({what})" for name, what in _missing(lambda name: bool(values.get(name)))]:
            listed = " and ".join([", ".join(missing[:-1]), missing[-1]] if missing[1:] else missing)
            raise OptInError(f"this walks one flow log through its life on a real account; set {listed}")
        endpoint = values.get(ENDPOINT)
        settings = ProviderConfig({"endpoint": endpoint}.get, environment)
        try:
            if endpoint:
                checked(endpoint)
            client = settings.client()
        except EndpointError as error:
            raise OptInError(f"{ENDPOINT}: {error}") from error
        except ConfigError as error:
            raise OptInError(str(error)) from error
        project = settings.project().name or settings.region()[0] or "live"
        return cls({name: values[name] for name in NAMED}, client, project)


def _missing(has: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """The variables that must be set and are not, and what each is."""
    yield from ((name, what) for name, what in NAMED.items() if not has(name))
    if has("OS_CLOUD"):
        return  # What that cloud lacks is checked with the settings.
    if not (has("OS_REGION_NAME") or has(ENDPOINT)):
        yield "OS_REGION_NAME", f"{' or '.join(REGIONS)}; or {ENDPOINT}, one address for all services"
    if has("OS_TOKEN"):
        required = {"OS_PROJECT_ID": "the id of the token's project"}
    elif has("OS_ACCESS_KEY") and not has("OS_USERNAME"):
        required = {"OS_SECRET_KEY": "the secret of the access key"}
    else:
        required = dict(USER)
        if has("OS_DOMAIN_NAME"):
            del required["OS_USER_DOMAIN_NAME"]
    if has(ENDPOINT) and not (has("OS_TOKEN") or has("OS_REGION_NAME") or has("OS_PROJECT_ID")):
        required["OS_PROJECT_NAME"] = "the project, by name; or OS_PROJECT_ID"
    yield from ((name, what) for name, what in required.items() if not has(name))
