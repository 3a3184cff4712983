"""The notes that a run puts into the events of a preview."""

from __future__ import annotations

import pytest

from providers.preview_notes import EVENTS_VARIABLE, PreviewNotes, SkippedAttachment, are_wanted, read_notes

SKIPPED = SkippedAttachment(router="er-core", attachment="vpc-shop", reason="is being deleted")


def test_notes_of_several_messages_are_read_as_one_without_unknown_ones() -> None:
    first = PreviewNotes(names={"1": "er-core"}, reasons={"vpc-shop-1": "the attachment is gone"}, skipped=[SKIPPED])
    second = PreviewNotes(
        names={"2": "vpc-größe"}, logs_to={"vpc-shop-2": "network/new"}, skipped=[SKIPPED], warnings=["it is frozen"]
    )

    others = [
        "waiting for routers\n",
        PreviewNotes().message.replace("skipped", "left_out"),
        PreviewNotes().message[:-1],
    ]
    assert read_notes([first.message, *others, second.message + "\n"]) == PreviewNotes(
        names={"1": "er-core", "2": "vpc-größe"},
        logs_to={"vpc-shop-2": "network/new"},
        reasons={"vpc-shop-1": "the attachment is gone"},
        skipped=(SKIPPED,),
        warnings=("it is frozen",),
    )


def test_notes_have_nothing_that_pulumi_takes_for_a_colour() -> None:
    notes = PreviewNotes(reasons={"vpc-a-1": "it is not <{%a", "vpc-b-2": "it is not b%}>"})
    assert "<{%" not in notes.message
    assert read_notes([notes.message]).reasons == notes.reasons


@pytest.mark.parametrize(("value", "wanted"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_notes_are_wanted_only_where_the_preview_is_printed_as_events(value: str, wanted: bool) -> None:
    assert are_wanted({EVENTS_VARIABLE: value}) is wanted
    assert not are_wanted({})
