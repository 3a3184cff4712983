"""The models of a stack file, apart from where the API is and who acts (`providers.config`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from providers.er.limits import (
    DEFAULT_TTL_IN_DAYS,
    DESCRIPTION_MAX_LENGTH,
    LOG_NAME_PATTERN,
    MAX_TTL_IN_DAYS,
    NAME_PATTERN,
    TAG_KEY_PATTERN,
    TAG_VALUE_PATTERN,
)
from stacks.stackfile.template import TemplateError, check_template

Text = Annotated[str, Field(min_length=1, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Description = Annotated[str, Field(max_length=DESCRIPTION_MAX_LENGTH, strict=True)]
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN.pattern}$", strict=True)]


def _template(value: str) -> str:
    try:
        return check_template(value)
    except TemplateError as error:
        raise PydanticCustomError("template", "{sentence}", {"sentence": str(error)}) from None


def _not_a_flag(value: Any) -> Any:
    # To Python, and so to pydantic, true is the number 1.
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "")
    return value


Template = Annotated[Text, AfterValidator(_template)]
Count = Annotated[int, BeforeValidator(_not_a_flag), Field(ge=0)]


class _Model(BaseModel):
    # Deferred, or else each model is built by itself and then again as a part of the whole stack file.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


Days = Annotated[int, BeforeValidator(_not_a_flag), Field(ge=1, le=MAX_TTL_IN_DAYS)]


def _matching(pattern: re.Pattern[str], kind: str) -> AfterValidator:
    """Text of this pattern; `kind` becomes the type of the error."""

    def check(value: str) -> str:
        # Not pydantic's `pattern`, which knows no look-around.
        if not pattern.fullmatch(value):
            raise PydanticCustomError(kind, "")
        return value

    return AfterValidator(check)


LogName = Annotated[str, Field(strict=True), _matching(LOG_NAME_PATTERN, "log_name")]
TagKey = Annotated[str, Field(strict=True), _matching(TAG_KEY_PATTERN, "tag_key")]
TagValue = Annotated[str, Field(strict=True), _matching(TAG_VALUE_PATTERN, "tag_value")]


def none_is_empty(value: Any) -> Any:
    """A key of YAML without a value is a mapping without keys."""
    return {} if value is None else value


class LogStoreConfig(_Model):
    """The settings of a log group or log stream.

    Attributes:
        ttl_in_days: How long records are kept, 1..365 days.
        tags: Its tags.
        adopt: Whether an existing one, whoever created it, is imported and then changed to match.
        delete: Whether it is deleted, with its records, when it is no longer declared. Otherwise it stays in the cloud.
    """

    ttl_in_days: Days = DEFAULT_TTL_IN_DAYS
    tags: dict[TagKey, TagValue] = {}
    adopt: Flag = False
    delete: Flag = False


class LogStreamConfig(_Model):
    """A log stream; see `LogStoreConfig`. Except for the tags, what is None is as in its group."""

    ttl_in_days: Days | None = None
    tags: dict[TagKey, TagValue] = {}
    adopt: Flag | None = None
    delete: Flag | None = None


class LogGroupConfig(LogStoreConfig):
    """A log group, with its streams by name; see `LogStoreConfig`."""

    streams: dict[LogName, Annotated[LogStreamConfig, BeforeValidator(none_is_empty)]] = {}

    def settings_of(self, stream: LogStreamConfig) -> LogStoreConfig:
        """The settings of one of its streams, with what the stream inherits."""
        inherited = self.model_dump(exclude={"tags", "streams"})
        return LogStoreConfig(**{**inherited, **stream.model_dump(exclude_none=True)})

    @model_validator(mode="after")
    def _refuse_stream_that_stays(self) -> LogGroupConfig:
        kept = [name for name, stream in self.streams.items() if self.delete and stream.delete is False]
        if kept:
            sentence = (
                f"has delete: true, but {', '.join(kept)} has delete: false: a group cannot go while a stream stays"
            )
            raise PydanticCustomError("stream_stays", "{sentence}", {"sentence": sentence})
        return self


LogGroupConfigs = dict[LogName, Annotated[LogGroupConfig, BeforeValidator(none_is_empty)]]


class Selector(_Model):
    """Conditions on attachments, which must all hold; then `include` adds, and at the end `exclude` removes.

    Attributes:
        types: Any of vpc, vpn, vgw; others are tried.
        tags: Tags that the attachment must have, with these values.
        names: Globs such as `vpc-*`; one must match the attachment's name.
        include: Ids or names of attachments to log in any case.
        exclude: Ids or names of attachments not to log.
    """

    types: list[Text] | None = None
    tags: dict[str, str] = {}
    names: list[Text] | None = None
    include: list[Text] = []
    exclude: list[Text] = []


class Override(_Model):
    """The settings of one attachment. A `name` is used as it is, without the template."""

    name: Name | None = None
    description: Description | None = None
    log_stream: Text | None = None
    enabled: Flag | None = None


def _kind_of_selection(value: Any) -> str:
    return "list" if isinstance(value, list) else "selector" if isinstance(value, Mapping | Selector) else "all"


AttachmentSelection = Annotated[
    Annotated[Literal["all"], Tag("all")] | Annotated[list[Text], Tag("list")] | Annotated[Selector, Tag("selector")],
    Discriminator(_kind_of_selection),
]


class RouterConfig(_Model):
    """The flow logs of one router.

    Attributes:
        router: The router's id or name.
        log_group: The LTS log group's id or name.
        log_stream: The LTS log stream's id or name.
        streams: By id or name of other log streams of the group, which of the attachments log there and not to
            `log_stream`. What several select logs to each of them.
        name: Template of the flow logs' names; `stacks.stackfile.template` has the placeholders.
        description: 0..255 characters.
        enabled: Whether logs are written.
        attachments: `all`, a list of ids or names, or a selector.
        overrides: By an attachment's id or name.
        adopt: Whether an existing flow log, whoever created it, is imported and then changed to match.
        protect: Whether the flow logs are protected: no run deletes or replaces one until this is false again.
    """

    router: Text
    log_group: Text
    log_stream: Text
    streams: dict[Text, AttachmentSelection] = {}
    name: Template = "{router}-{attachment}"
    description: Description = ""
    enabled: Flag = True
    attachments: AttachmentSelection = "all"
    overrides: dict[Text, Override] = {}
    adopt: Flag = False
    protect: Flag = False


class Rules(_Model):
    """A team's rules for its stack file; a preview that breaks one fails.

    Attributes:
        every_router: Every router of the project is in the stack file.
        every_attachment: Every attachment that can be logged is selected.
        never_disabled: No flow log is declared with `enabled: false`.
        log_groups: The log groups that flow logs may write to, by id or name.
        names: Globs; each flow log's name must match one.
        min_retention_days: How long the records of each flow log are kept at least.
        required_tags: Tags that each declared log group and log stream must have, with any value.
    """

    every_router: Flag = False
    every_attachment: Flag = False
    never_disabled: Flag = False
    log_groups: list[Text] | None = None
    names: list[Text] | None = None
    min_retention_days: Days | None = None
    required_tags: list[Text] | None = None


class StackConfig(_Model):
    """A stack file.

    Attributes:
        routers: By the stack's own name for each.
        log_groups: The log groups of the stack, by name. Routers may refer to others, too.
        rules: The team's rules.
        max_deletes: How many attachments may lose their flow log in one run.
        state: The URL of the stack's state backend (see `stacks.checks.backend`).
    """

    routers: Annotated[dict[Name, RouterConfig], Field(min_length=1)]
    log_groups: LogGroupConfigs = {}
    rules: Rules = Rules()
    max_deletes: Count | None = None
    state: Text | None = None

    @property
    def log_store_names(self) -> set[str]:
        """The names of the declared log groups, and `GROUP/STREAM` of the declared log streams."""
        streams = (f"{name}/{stream}" for name, group in self.log_groups.items() for stream in group.streams)
        return {*self.log_groups, *streams}


class RouterDefaults(_Model):
    """Defaults of a router; see `RouterConfig`."""

    log_group: Text | None = None
    log_stream: Text | None = None
    name: Template | None = None
    description: Description | None = None
    enabled: Flag | None = None
    protect: Flag | None = None


class Defaults(_Model):
    """What all stacks share; each key of a stack file overrides the same key here."""

    router: RouterDefaults = RouterDefaults()
    log_groups: LogGroupConfigs = {}
    rules: Rules = Rules()
    max_deletes: Count | None = None
