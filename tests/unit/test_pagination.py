"""Reading lists page by page, from services that keep the rules and from others."""

from collections.abc import Mapping
from typing import Any

import pytest

from providers.er.exceptions import TemporaryError
from providers.er.pagination import PAGE_SIZE, pages


class Service:
    """Answers by marker, and fails after `limit` requests: the reader would never end."""

    def __init__(self, answers: Mapping[str, Mapping[str, Any]], limit: int = 20) -> None:
        self.answers = answers
        self.requests: list[dict[str, Any]] = []
        self.limit = limit

    def __call__(self, parameters: dict[str, Any]) -> Mapping[str, Any]:
        self.requests.append(parameters)
        assert len(self.requests) <= self.limit, "the list never ends"
        return self.answers[parameters.get("marker", "")]


def page(*ids: str, marker: Any = None, total: Any = None) -> dict[str, Any]:
    return {
        "things": [{"id": id_} for id_ in ids],
        "page_info": {"current_count": len(ids), **({} if marker is None else {"next_marker": marker})},
        **({} if total is None else {"total_count": total}),
    }


def ids(service: Any, page_size: int = 2) -> list[str]:
    return [
        record["id"] for record in pages(lambda page, parse: parse(service(page)), "things", dict, page_size=page_size)
    ]


def test_first_request_is_for_the_largest_page_without_a_marker() -> None:
    service = Service({"": page("a")})
    assert [record["id"] for record in pages(lambda page, parse: parse(service(page)), "things", dict)] == ["a"]
    assert service.requests == [{"limit": PAGE_SIZE}]


def test_markers_are_followed() -> None:
    service = Service({"": page("a", "b", marker="m1"), "m1": page("c", "d", marker="m2"), "m2": page("e")})
    assert ids(service) == ["a", "b", "c", "d", "e"]
    assert service.requests == [{"limit": 2}, {"limit": 2, "marker": "m1"}, {"limit": 2, "marker": "m2"}]


TWO = [{"id": "a"}, {"id": "b"}]
LISTS: dict[str, tuple[dict[str, dict[str, Any]], list[str]]] = {
    "full page without a next marker": ({"": page("a", "b")}, ["a", "b"]),
    "full page with an empty marker": ({"": page("a", "b", marker="")}, ["a", "b"]),
    "no page info": ({"": {"things": TWO}}, ["a", "b"]),
    "no page info but null": ({"": {"things": TWO, "page_info": None}}, ["a", "b"]),
    "marker that is null": ({"": {"things": TWO, "page_info": {"next_marker": None}}}, ["a", "b"]),
    "short page, whatever its marker": ({"": page("a", marker="1")}, ["a"]),
    "total that is never reached": ({"": page("a", marker="1", total=9), "1": page(marker="2", total=9)}, ["a"]),
    "short page, but a larger total": (
        {"": page("a", marker="m", total=3), "m": page("b", "c", total=3)},
        ["a", "b", "c"],
    ),
    "repeated records": (
        {"": page("a", "b", marker="m"), "m": page("b", "c", marker="n"), "n": page("a")},
        ["a", "b", "c"],
    ),
    "empty page": ({"": page(marker="1", total=5)}, []),
    "repeated marker": ({"": page("a", "b", marker="m"), "m": page("c", "d", marker="m")}, ["a", "b", "c", "d"]),
    "circle of markers": (
        {"": page("a", "b", marker="1"), "1": page("c", "d", marker="2"), "2": page("a", "e", marker="1")},
        ["a", "b", "c", "d", "e"],
    ),
}


@pytest.mark.parametrize(("answers", "expected"), LISTS.values(), ids=LISTS)
def test_list_has_each_record_once_and_ends(answers: dict[str, dict[str, Any]], expected: list[str]) -> None:
    service = Service(answers)
    assert ids(service) == expected
    assert len(service.requests) == len(answers)


def test_ever_new_markers_of_the_same_page_end_the_list() -> None:
    answers = (page("a", "b", marker=str(number)) for number in range(20))
    assert ids(lambda _parameters: next(answers)) == ["a", "b"]


def test_next_page_is_requested_only_when_it_is_read() -> None:
    service = Service({"": page("a", "b", marker="m"), "m": page("c")})
    reader = pages(lambda page, parse: parse(service(page)), "things", dict, page_size=2)
    assert service.requests == []
    next(reader)
    next(reader)
    assert len(service.requests) == 1


WITHOUT_ID: list[dict[str, Any]] = [{"things": [{}]}, {"things": ["a"]}]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        *((answer, "the API's answer has nothing where 'things' should be list") for answer in ({}, {"things": None})),
        ({"things": {}}, "the API's answer has dict where 'things' should be list"),
        *((answer, "the API's answer has nothing where 'id' should be str") for answer in WITHOUT_ID),
        (
            {"things": [{"id": 5}]},
            "the API's answer has no valid id in 'id': ids are 1 to 64 letters, digits, '_' and '-'",
        ),
        ({"things": [], "page_info": []}, "the API's answer has list where 'page_info' should be dict"),
        (
            {"things": [], "page_info": {"next_marker": []}},
            "the API's answer has list where 'next_marker' should be str",
        ),
        ({"things": [], "total_count": "1"}, "the API's answer has str where 'total_count' should be int"),
    ],
)
def test_answer_that_is_not_a_list_is_refused(answer: dict[str, Any], message: str) -> None:
    with pytest.raises(TemporaryError) as caught:
        ids(lambda _parameters: answer)
    assert str(caught.value) == message
