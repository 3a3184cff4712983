"""What the dynamic providers of LogGroup and LogStream have in common.

What they create has a name that the service keeps unique. A create marks it with a tag that follows from the
idempotency key, so a create repeated after a crash finds what the first one created, on whatever machine: no journal
is needed. What has the name without this tag is another's, and is refused with the line that imports it.

Logs are data: a delete only forgets the resource, unless `delete_with_data` is true.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic

from pulumi.dynamic import CreateResult, ReadResult, UpdateResult

from providers.er import Client, Deadline
from providers.er.exceptions import ApiError, NotFoundError, QuotaExceededError
from providers.er.limits import (
    ID_PATTERN,
    LOG_NAME_CHARACTERS,
    LOG_NAME_PATTERN,
    MAX_TTL_IN_DAYS,
    TAG_CHARACTERS,
    TAG_KEY_EXCEPTIONS,
    TAG_KEY_PATTERN,
    TAG_VALUE_PATTERN,
)
from providers.er.log_tank import LogStores, NameTakenError, R
from providers.inputs import BOOLEAN, IDEMPOTENCY_KEY, Rule, is_unknown, matches
from providers.resource import Props, ResourceDiff, ResourceError, ServiceProvider

IN_PLACE = ("ttl_in_days", "tags", "delete_with_data")
OUTPUTS_ONLY = ("project_id",)


def _is_ttl(value: Any) -> bool:
    # All numbers of a program arrive as floats.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value in range(1, MAX_TTL_IN_DAYS + 1)


def _are_tags(value: Any) -> bool:
    is_key, is_value = matches(TAG_KEY_PATTERN), matches(TAG_VALUE_PATTERN)
    return isinstance(value, Mapping) and all(
        is_key(key) and (is_unknown(text) or is_value(text)) for key, text in value.items()
    )


RULES: dict[str, Rule] = {
    "name": (matches(LOG_NAME_PATTERN), LOG_NAME_CHARACTERS),
    "ttl_in_days": (_is_ttl, f"a whole number from 1 to {MAX_TTL_IN_DAYS}"),
    "tags": (
        _are_tags,
        f"a mapping of texts, of {TAG_CHARACTERS} (values: '/' too), {TAG_KEY_EXCEPTIONS}",
    ),
    "delete_with_data": BOOLEAN,
}


class LogStoreProvider(ServiceProvider, Generic[R]):
    """Turns what the engine asks for into calls of the Log Tank Service."""

    record: ClassVar[type[Any]]
    """LogGroup or LogStream of the API client."""

    import_form: ClassVar[str]
    """The form of an import id."""

    @abstractmethod
    def _stores(self, client: Client, props: Props) -> LogStores[R]:
        """The calls on what is in the same place as the resource with these properties.

        Raises:
            ApiError: An id is not valid.
        """

    @abstractmethod
    def _find_obstacle(self, client: Client, id_: str, props: Props) -> str | None:
        """Why the resource must not be deleted now, as the end of a sentence; None if it may.

        Raises:
            NotFoundError: There is none of this id.
            ApiError: The service did not answer.
        """

    def describe_duplicate(self, first: str, second: str) -> str:
        """The message for two resources of a program, given by their logical names, that have the same name."""
        return (
            f"the program declares a {self.kind} of this name twice, as {first!r} and as {second!r}: the service allows"
            " one, so declare it once"
        )

    def diff(self, _id: str, olds: Props, news: Props, _deadline: Deadline | None = None) -> ResourceDiff:
        """Compare with the state."""
        changed = self.schema.changed(olds, news)
        return ResourceDiff(changed, changed.intersection(self.schema.replacing), self.schema)

    def create(self, props: Props, deadline: Deadline | None = None) -> CreateResult:
        """Create it, or find what an earlier create with the same idempotency key has created.

        Raises:
            ResourceError: It could not be created.
        """
        client = self._client(deadline)
        try:
            project_id = client.project_id()
            stores = self._stores(client, props)
            created = stores.create_once(self._desired("", props), key=props.get(IDEMPOTENCY_KEY))
        except NameTakenError as error:
            id_ = self._import_id(error.holder.id, props)
            raise ResourceError(
                f"{self.kind} {props['name']!r} was not created: {error}; choose another name, or import it with"
                f" import_={id_!r} in the resource options",
                holder_id=error.holder.id,
            ) from error
        except ApiError as error:
            outcome = "may have been created" if error.may_have_applied else "was not created"
            hint = "; run `pulumi up` again to find out" if error.may_have_applied else ""
            if isinstance(error, QuotaExceededError):
                hint = "; delete what is not used any more, or request a higher quota with a service ticket"
            raise ResourceError(f"{self.kind} {props['name']!r} {outcome}: {error}{hint}") from error
        return CreateResult(created.id, {**props, "project_id": project_id})

    def read(self, id_: str, props: Props, deadline: Deadline | None = None) -> ReadResult:
        """Read it; the id is empty if there is none. For an import, the id has the form of `import_form`.

        Raises:
            ResourceError: It is not known whether there is one.
        """
        is_import = "name" not in props
        if is_import:
            id_, props = self._parse_import_id(id_)
        client = self._client(deadline, props=props)
        try:
            project_id = client.project_id()
            found = self._stores(client, props).get(id_)
        except NotFoundError:
            return ReadResult("", {}, {})
        except ApiError as error:
            raise ResourceError(f"{self.kind} {id_} could not be read: {error}") from error
        # Without a retention of its own, a stream shows that of its group, which may change.
        is_managed = is_import or props.get("ttl_in_days") is not None
        ttl = {"ttl_in_days": found.ttl_in_days} if is_managed and found.ttl_in_days else {}
        outputs = {**props, **ttl, "name": found.name, "tags": dict(found.tags), "project_id": project_id}
        return self._read_result(id_, outputs)

    def update(self, id_: str, olds: Props, news: Props, deadline: Deadline | None = None) -> UpdateResult:
        """Change retention and tags.

        Raises:
            ResourceError: They could not be changed.
        """
        client = self._client(deadline, props=olds)
        try:
            project_id = client.project_id()
            stores = self._stores(client, news)
            desired = self._desired(id_, news)
            if key := news.get(IDEMPOTENCY_KEY):
                desired = replace(desired, creation_token=stores.creation_token(key, desired.name))
            stores.update(desired)
        except NotFoundError as error:
            raise ResourceError(
                f"{self.kind} {news['name']!r} ({id_}) was deleted outside of Pulumi: run `pulumi up --refresh` to"
                " create it again"
            ) from error
        except ApiError as error:
            raise ResourceError(f"{self.kind} {news['name']!r} could not be changed: {error}") from error
        return UpdateResult({**news, "project_id": project_id})

    def reason_to_keep(self, _id: str, props: Props) -> str | None:
        """Why a delete keeps it in the cloud; None if `delete_with_data` is true."""
        if props.get("delete_with_data"):
            return None
        return f"{self.kind} {props.get('name')!r} stays in the cloud, with its records"

    def delete(self, id_: str, props: Props, deadline: Deadline | None = None) -> None:
        """Delete it with its records if `delete_with_data` is true; it may be gone already.

        Raises:
            ResourceError: It could not be deleted, or must not be.
        """
        if self.reason_to_keep(id_, props):
            return
        client = self._client(deadline, props=props)
        try:
            obstacle = self._find_obstacle(client, id_, props)
            if not obstacle:
                self._stores(client, props).delete(id_)
        except NotFoundError:
            return
        except ApiError as error:
            raise ResourceError(f"{self.kind} {props['name']!r} ({id_}) could not be deleted: {error}") from error
        if obstacle:
            raise ResourceError(f"{self.kind} {props['name']!r} ({id_}) was not deleted: {obstacle}")

    def _desired(self, id_: str, props: Props) -> R:
        """What the properties describe."""
        ttl = props.get("ttl_in_days")
        record: R = self.record(
            id=id_, name=props["name"], ttl_in_days=None if ttl is None else int(ttl), tags=props["tags"]
        )
        return record

    def _import_id(self, id_: str, props: Props) -> str:
        """The id with which to import the one of this id, in the same place as the resource with these properties."""
        return "/".join([*(props[key] for key in self.schema.identity if key != "name"), id_])

    def _parse_import_id(self, text: str) -> tuple[str, Props]:
        """The id in an import id, and the properties that say where it is."""
        places = [key for key in self.schema.identity if key != "name"]
        *parts, id_ = text.split("/")
        if len(parts) != len(places) or not all(ID_PATTERN.fullmatch(part) for part in (*parts, id_)):
            raise ResourceError(f"{text!r} is not a valid import id of a {self.kind}: use {self.import_form}")
        return id_, {**dict(zip(places, parts, strict=True)), "delete_with_data": False}
