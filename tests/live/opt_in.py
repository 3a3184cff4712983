"""What a person has to say before anything is sent: where, on what, and who is acting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from providers.config import ConfigError, ProviderConfig
from providers.er import Client, Endpoints
from providers.er.auth.credentials import Credentials
from providers.er.endpoints import REGIONS, EndpointError, checked

THINGS = {
    "LIVE_ROUTER": "the router, by id or name",
    "LIVE_ATTACHMENT": "one of its attachments, by id or name",
    "LIVE_LOG_GROUP": "the log group, by id or name",
    "LIVE_LOG_STREAM": "one of its log streams, to which the attachment does not log yet, by id or name",
}
ENDPOINT = "LIVE_ENDPOINT"  # optional: one address for all services

Has = Callable[[str], bool]


class OptInError(Exception):
    """Something is not set, or makes no sense; the text is one sentence. Nothing has been sent."""


@dataclass(frozen=True)
class OptIn:
    """What was said.

    Attributes:
        named: What stands in each variable of `THINGS`.
        endpoints: Where the services are.
        credentials: Who is acting.
        project: The project's name, as far as it is known without asking.
    """

    named: Mapping[str, str]
    endpoints: Endpoints
    credentials: Credentials
    project: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> OptIn:
        """What the environment says.

        Raises:
            OptInError: Not enough.
        """
        values = {name: value.strip() for name, value in environment.items()}
        if missing := [f"{name} ({what})" for name, what in _missing(lambda name: bool(values.get(name)))]:
            raise OptInError(f"this walks one flow log through its life on a real account; set {_all(missing)}")
        endpoint = values.get(ENDPOINT)
        settings = ProviderConfig({"endpoint": endpoint}.get, environment, lambda _key: None)
        try:
            if endpoint:
                checked(endpoint)
            endpoints = settings.endpoints()
            credentials = settings.credentials(endpoints)
        except EndpointError as error:
            raise OptInError(f"{ENDPOINT}: {error}") from error
        except ConfigError as error:
            raise OptInError(str(error)) from error
        project = settings.project()[1] or settings.region() or "live"
        return cls({name: values[name] for name in THINGS}, endpoints, credentials, project)

    def client(self) -> Client:
        """A client of the real API."""
        return Client(self.credentials, self.endpoints)


def _missing(has: Has) -> Iterator[tuple[str, str]]:
    """The variables that are not set and have to be, and what each is."""
    yield from ((name, what) for name, what in THINGS.items() if not has(name))
    if has("OS_CLOUD"):
        return  # What that cloud lacks is for the settings to say.
    if not (has("OS_REGION_NAME") or has(ENDPOINT)):
        yield "OS_REGION_NAME", f"{' or '.join(REGIONS)}; or {ENDPOINT}, one address for all services"
    if has("OS_TOKEN"):
        if not has("OS_PROJECT_ID"):
            yield "OS_PROJECT_ID", "the id of the token's project"
        return
    if has("OS_USERNAME") or not has("OS_ACCESS_KEY"):
        yield from _missing_of_a_user(has)
    elif not has("OS_SECRET_KEY"):
        yield "OS_SECRET_KEY", "the secret of the access key"
    if has(ENDPOINT) and not (has("OS_REGION_NAME") or has("OS_PROJECT_NAME") or has("OS_PROJECT_ID")):
        yield "OS_PROJECT_NAME", "the project, by name; or OS_PROJECT_ID"


def _missing_of_a_user(has: Has) -> Iterator[tuple[str, str]]:
    if not has("OS_USERNAME"):
        yield "OS_USERNAME", "the IAM user; or OS_TOKEN, OS_ACCESS_KEY or OS_CLOUD, see README.md"
    if not has("OS_PASSWORD"):
        yield "OS_PASSWORD", "the user's password"
    if not (has("OS_USER_DOMAIN_NAME") or has("OS_DOMAIN_NAME")):
        yield "OS_USER_DOMAIN_NAME", "the user's domain, such as OTC-EU-DE-…"


def _all(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
