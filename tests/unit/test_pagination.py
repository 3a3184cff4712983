"""Reading lists page by page, from services that keep the rules and from others."""

from collections.abc import Mapping
from itertools import count
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


@pytest.mark.parametrize("last", [None, ""])
def test_full_page_without_a_next_marker_is_the_last(last: Any) -> None:
    assert ids(Service({"": page("a", "b", marker=last)})) == ["a", "b"]


@pytest.mark.parametrize("info", [{}, {"page_info": None}, {"page_info": {"next_marker": None}}])
def test_answer_without_page_info_is_the_only_page(info: dict[str, Any]) -> None:
    assert ids(Service({"": {"things": [{"id": "a"}, {"id": "b"}], **info}})) == ["a", "b"]


def test_short_page_is_the_last_whatever_its_marker() -> None:
    service = Service({"": page("a", marker="1")})
    assert ids(service) == ["a"]


def test_short_page_is_not_the_last_if_the_total_is_larger() -> None:
    service = Service({"": page("a", marker="m", total=3), "m": page("b", "c", total=3)})
    assert ids(service) == ["a", "b", "c"]


def test_total_that_is_never_reached_ends_the_list() -> None:
    service = Service({"": page("a", marker="1", total=99), "1": page(marker="2", total=99)})
    assert ids(service) == ["a"]


def test_empty_list_is_one_request() -> None:
    service = Service({"": page(marker="1", total=5)})
    assert ids(service) == []
    assert len(service.requests) == 1


def test_repeated_marker_ends_the_list() -> None:
    service = Service({"": page("a", "b", marker="m"), "m": page("c", "d", marker="m")})
    assert ids(service) == ["a", "b", "c", "d"]


def test_circular_markers_end_the_list() -> None:
    service = Service(
        {"": page("a", "b", marker="1"), "1": page("c", "d", marker="2"), "2": page("a", "e", marker="1")}
    )
    assert ids(service) == ["a", "b", "c", "d", "e"]


def test_repeated_records_are_returned_once() -> None:
    service = Service({"": page("a", "b", marker="m"), "m": page("b", "c", marker="n"), "n": page("a")})
    assert ids(service) == ["a", "b", "c"]


def test_ever_new_markers_of_the_same_page_end_the_list() -> None:
    numbers = count(1)
    requests = count(1)

    def same_page(_parameters: dict[str, Any]) -> dict[str, Any]:
        assert next(requests) <= 20, "the list never ends"
        return page("a", "b", marker=str(next(numbers)))

    assert ids(same_page) == ["a", "b"]


def test_next_page_is_requested_only_when_it_is_read() -> None:
    service = Service({"": page("a", "b", marker="m"), "m": page("c")})
    reader = pages(lambda page, parse: parse(service(page)), "things", dict, page_size=2)
    assert service.requests == []
    next(reader)
    next(reader)
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "the API's answer has nothing where 'things' should be list"),
        ({"things": None}, "the API's answer has nothing where 'things' should be list"),
        ({"things": {}}, "the API's answer has dict where 'things' should be list"),
        ({"things": [{}]}, "the API's answer has nothing where 'id' should be str"),
        ({"things": [{"id": 5}]}, "the API's answer has int where 'id' should be str"),
        ({"things": ["a"]}, "the API's answer has nothing where 'id' should be str"),
        ({"things": [], "page_info": []}, "the API's answer has list where 'page_info' should be dict"),
        ({"things": [], "page_info": {"next_marker": 1}}, "the API's answer has int where 'next_marker' should be str"),
        ({"things": [], "total_count": "1"}, "the API's answer has str where 'total_count' should be int"),
    ],
)
def test_answer_that_is_not_a_list_is_refused(answer: dict[str, Any], message: str) -> None:
    with pytest.raises(TemporaryError) as caught:
        ids(lambda _parameters: answer)
    assert str(caught.value) == message
