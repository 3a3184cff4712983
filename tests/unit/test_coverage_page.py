"""The coverage page, read the way a browser reads it: as elements."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.commands.coverage.model import Coverage, Entry, RouterCoverage, Status
from stacks.commands.coverage.page import LABELS_EVERY, OPEN_UP_TO, bands, render_page

LOGGED, NOT_LOGGED, CANNOT = Status
VOID = {"meta", "link", "input"}
HOSTILE = [
    "<script>alert(1)</script>",
    "</script></style></title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "`${alert(1)}`",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &#x3c;b&#x3e; -->",
    "javascript:alert(1)",
    "x" * 3000,
    "\x00\x07\x1b[31m\r\nred\x85\u2028",
    "\u202egnp.exe\u200f\u2066",
    "\ud800",
    "אבג",
    "\u202e",
    "",
]


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        pieces = (child if isinstance(child, str) else child.text for child in self.children)
        return " ".join("".join(pieces).split())

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    def all(self, tag: str = "", class_: str = "") -> list[Element]:
        return [
            one for one in self.everything() if (not tag or one.tag == tag) and (not class_ or class_ in one.classes)
        ]

    def only(self, tag: str = "", class_: str = "") -> Element:
        (one,) = self.all(tag, class_)
        return one

    def everything(self) -> Iterator[Element]:
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.everything()


class Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.feed(html)
        self.close()
        assert self.open == [self.root], f"{self.open[-1].tag} is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def entry(
    attachment: str, logs_to: str = "", *, reason: str = "", flow_log: str = "", is_in_stack: bool = True
) -> Entry:
    """Logged if there is no reason why not."""
    return Entry(
        attachment_id=f"id-{attachment}",
        attachment=attachment,
        type="vpc",
        state="available",
        status=NOT_LOGGED if reason else LOGGED,
        flow_log=flow_log or ("" if reason else f"log-{attachment}"),
        logs_to=logs_to,
        reason=reason,
        is_in_stack=is_in_stack,
    )


def cannot_be_logged(attachment: str) -> Entry:
    return replace(
        entry(attachment, reason="is of type cfw, which cannot be logged"),
        type="cfw",
        status=CANNOT,
    )


def router(name: str, *entries: Entry) -> RouterCoverage:
    return RouterCoverage(key=f"key-{name}", id=f"id-{name}", name=name, entries=entries)


def coverage(*routers: RouterCoverage, other_routers: tuple[str, ...] = ()) -> Coverage:
    return Coverage(stack="demo", seen_at="2026-03-02T09:41:07Z", routers=routers, other_routers=other_routers)


def read(seen: Coverage) -> Element:
    return Reader(render_page(seen)).root


def rows(element: Element) -> list[Element]:
    return element.all("tr", "entry")


def name_of(row: Element) -> str:
    return row.only("th").text


CORE = router(
    "er-core",
    cannot_be_logged("cfw-perimeter"),
    entry("vpc-data", reason="has no flow log"),
    entry("vpc-payments", "network/er", reason="its flow log is disabled", flow_log="log-vpc-payments"),
    entry("vpc-shop", "network/er"),
    entry("vpc-shop", "soc/audit", flow_log="audit", is_in_stack=False),
    entry("vpn-bonn", "network/archive"),
    entry("vpn-bonn", "network/er", reason="has failed", flow_log="old", is_in_stack=False),
)
EDGE = router("er-edge", entry("vpc-proxy", "network/er"), entry("vgw-munich", "network/er"))
DEMO = coverage(CORE, EDGE)


def test_every_attachment_is_a_row_for_each_of_its_entries() -> None:
    for section, of in zip(read(DEMO).all("details"), DEMO.routers, strict=True):
        shown = sorted((name_of(row), row.only("td", "flow-log").text.split()[-1]) for row in rows(section))
        assert shown == sorted((one.attachment, one.flow_log or "-") for one in of.entries)


def test_what_is_not_logged_says_so_in_a_word_a_class_and_its_reason() -> None:
    expected = {
        ("vpc-data", "not-logged", "Not logged", "has no flow log"),
        ("vpc-payments", "not-logged", "Not logged", "its flow log is disabled"),
        ("vpn-bonn", "not-logged", "Not logged", "has failed"),
        ("cfw-perimeter", "cannot-be-logged", "Cannot be logged", "is of type cfw, which cannot be logged"),
    }
    silent = [row for row in rows(read(DEMO)) if "logged" not in row.classes]
    assert {
        (name_of(row), row.classes[1], row.only("b", "word").text, row.only("span", "reason").text) for row in silent
    } == expected
    assert not any(row.all("path") for row in silent)


def test_a_logged_entry_names_its_stream_also_in_words() -> None:
    logged = [row for row in rows(read(DEMO)) if "logged" in row.classes]
    assert sorted((name_of(row), row.only("span", "target").text) for row in logged) == [
        ("vgw-munich", "network/er"),
        ("vpc-proxy", "network/er"),
        ("vpc-shop", "network/er"),
        ("vpc-shop", "soc/audit"),
        ("vpn-bonn", "network/archive"),
    ]


def test_a_link_leads_from_the_middle_of_its_row_to_the_label_of_its_stream() -> None:
    links = 0
    for band in read(DEMO).all("tbody", "map"):
        labels = {
            float(label.attributes["style"].removeprefix("--y:")): label.text for label in band.all("li", "label")
        }
        for index, row in enumerate(rows(band)):
            for path in row.all("path"):
                numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.attributes["d"])]
                assert numbers[:2] == [0, 0.5]
                assert numbers[-2] == 100
                assert labels[round(index + numbers[-1], 3)] == row.only("span", "target").text
                links += 1
    assert links == sum(one.status is LOGGED for of in DEMO.routers for one in of.entries)


ENTRIES = st.lists(
    st.builds(
        Entry,
        attachment_id=st.sampled_from([f"id-{number}" for number in range(40)]),
        attachment=st.just("a"),
        type=st.just("vpc"),
        state=st.just("available"),
        status=st.sampled_from(Status),
        logs_to=st.sampled_from(["g/a", "g/b", "g/c", "g/d", ""]),
    ),
    max_size=120,
)


@given(ENTRIES)
def test_whatever_there_is_no_entry_is_lost_no_label_covers_anything_and_every_link_ends_at_its_own(
    entries: list[Entry],
) -> None:
    placed = bands(entries)
    assert sorted(id(row.entry) for band in placed for row in band.rows) == sorted(map(id, entries))
    for band in placed:
        at = {label.logs_to: label.y for label in band.labels}
        assert len(at) == len(band.labels)
        ys = sorted(at.values())
        assert all(b - a >= 1 for a, b in itertools.pairwise(ys))
        linked = {index + 0.5: row for index, row in enumerate(band.rows) if row.link}
        assert set(ys) <= set(linked)
        for middle, row in linked.items():
            assert float(row.link.split()[-1]) == at[row.entry.logs_to] - middle + 0.5
        assert [bool(row.link) for row in band.rows] == [row.entry.status is LOGGED for row in band.rows]


def test_the_rows_of_an_attachment_stand_together_and_all_but_the_first_say_that_they_are_more_of_the_same() -> None:
    core = read(DEMO).all("details")[0]
    assert [(name_of(row), "another" in row.classes) for row in rows(core)] == [
        ("vpc-data", False),
        ("vpc-payments", False),
        ("vpn-bonn", False),
        ("vpn-bonn", True),
        ("vpc-shop", False),
        ("vpc-shop", True),
        ("cfw-perimeter", False),
    ]


def test_only_an_attachment_that_nothing_logs_is_an_alarm() -> None:
    alarms = [name_of(row) for row in rows(read(DEMO)) if row.attributes["data-attachment"] == "not-logged"]
    assert alarms == ["vpc-data", "vpc-payments"]


def test_flow_logs_of_others_are_marked() -> None:
    html = read(DEMO)
    assert [
        (row.only("td", "flow-log").text, bool(row.all("svg", "foreign")))
        for row in rows(html)
        if row.all("b", "foreign")
    ] == [("somebody else's old", False), ("somebody else's audit", True)]
    assert html.only("li", "foreign").text == "2 flow logs are somebody else's"


def test_the_figure_counts_attachments_and_not_flow_logs() -> None:
    summary = read(DEMO).only("section", "summary")
    assert summary.only("p").text == "4 of 6 attachments that can be logged are logged"
    assert [one.text for one in summary.all("li")][:3] == ["4 logged", "2 not logged", "1 cannot be logged"]
    assert [(one.classes, one.attributes["style"]) for one in summary.only("div", "bar").all("span")] == [
        (["logged"], "flex-grow:4"),
        (["not-logged"], "flex-grow:2"),
        (["cannot-be-logged"], "flex-grow:1"),
    ]


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([], "No attachments"),
        ([cannot_be_logged("a")], "No attachments can be logged"),
        ([entry("a", "g/s")], "1 of 1 attachment that can be logged is logged"),
        ([entry("a", reason="r")], "0 of 1 attachment that can be logged is logged"),
        ([entry("a", "g/s"), entry("b", reason="r")], "1 of 2 attachments that can be logged is logged"),
        ([entry("a", reason="r"), entry("b", reason="r")], "0 of 2 attachments that can be logged are logged"),
    ],
)
def test_the_figure_is_a_sentence_whatever_it_counts(entries: list[Entry], sentence: str) -> None:
    assert read(coverage(router("er", *entries))).only("p", "figure").text == sentence


def test_stack_and_time_are_at_the_top() -> None:
    html = read(DEMO)
    assert html.only("h1").text == "Flow log coverage of stack demo"
    assert html.only("time").attributes["datetime"] == html.only("time").text == "2026-03-02T09:41:07Z"
    assert html.only("title").text == "4 of 6 logged: demo"


def test_routers_that_the_stack_file_does_not_name_are_a_warning() -> None:
    warning = read(replace(DEMO, other_routers=["er-old", ""])).only("section", "warning")
    assert warning.only("h2").text == "⚠ 2 routers of the project are not in the stack file, and not counted here"
    assert [one.text for one in warning.all("li")] == ["er-old", "(no name)"]
    assert read(DEMO).all("section", "warning") == []


def test_each_router_has_a_heading_that_labels_its_table_and_its_own_count() -> None:
    html = read(DEMO)
    assert [one.text for one in html.all("h2")] == ["er-core", "er-edge"]
    assert [one.attributes["id"] for one in html.all("h2")] == [
        one.attributes["aria-labelledby"] for one in html.all("table")
    ]
    assert [one.only("span", "counts").text for one in html.all("summary")] == [
        "2 not logged 2 of 4 logged 1 cannot be logged",
        "2 of 2 logged",
    ]
    ids = [one.attributes["id"] for one in html.everything() if "id" in one.attributes]
    assert len(ids) == len(set(ids))


def test_what_only_the_eye_can_use_is_hidden_from_who_listens() -> None:
    html = read(DEMO)
    drawn = [*html.all("svg"), *html.all("tr", "labels"), html.only("div", "bar")]
    assert {one.attributes.get("aria-hidden") for one in drawn} == {"true"}
    assert all(one.attributes["scope"] in ("row", "col") for one in html.all("th"))
    assert html.only("form").attributes["role"] == "search"
    assert "aria-label" in html.all("input")[0].attributes


def test_without_scripts_nothing_is_hidden_but_the_filter() -> None:
    assert [one.tag for one in read(DEMO).everything() if "hidden" in one.attributes] == ["form"]


def many(routers: int, attachments: int, *, not_logged_on: tuple[int, ...] = ()) -> Coverage:
    return coverage(
        *(
            router(
                f"er-{number}",
                *(
                    entry(f"vpc-{number}-{one}", f"network/er-{one % 3}")
                    if one or number not in not_logged_on
                    else entry(f"vpc-{number}-{one}", reason="has no flow log")
                    for one in range(attachments)
                ),
            )
            for number in range(routers)
        )
    )


def test_with_few_rows_every_router_is_open_and_with_many_those_where_something_is_not_logged() -> None:
    def is_open(seen: Coverage) -> list[bool]:
        return ["open" in one.attributes for one in read(seen).all("details")]

    assert is_open(many(3, OPEN_UP_TO // 3)) == [True, True, True]
    assert is_open(many(3, OPEN_UP_TO // 3 + 1, not_logged_on=(1,))) == [False, True, False]


def test_a_label_is_never_far_away() -> None:
    (section,) = read(many(1, 200)).all("details")
    sizes = [len(rows(band)) for band in section.all("tbody", "map")]
    assert sum(sizes) == 200
    assert max(sizes) <= LABELS_EVERY
    assert max(sizes) - min(sizes) <= 1


def test_a_page_of_20_routers_with_200_attachments_each_has_them_all_in_less_than_5_mb() -> None:
    text = render_page(many(20, 200, not_logged_on=(3, 7)))
    assert len(text.encode()) < 5_000_000
    assert len(rows(Reader(text).root)) == 4000


def test_the_same_coverage_gives_the_same_render_page() -> None:
    assert render_page(DEMO) == render_page(coverage(CORE, EDGE))


def test_without_routers_or_attachments_the_page_says_so() -> None:
    assert read(coverage()).only("title").text == "Nothing can be logged: demo"
    assert read(coverage()).only("p", "empty").text == "There are no routers in the stack file."
    assert read(coverage(router("er"))).only("p", "empty").text == "Nothing is attached to it."


def test_an_attachment_without_a_name_goes_by_its_id_and_a_router_too() -> None:
    html = read(coverage(replace(router("", entry("", "g/s")), id="r-1")))
    assert html.only("h2").text == "r-1"
    assert [name_of(row) for row in rows(html)] == ["id-"]


def named(name: str) -> Coverage:
    """Everything that can have a name has this one."""
    one = Entry(
        attachment_id=name,
        attachment=name,
        type=name,
        state=name,
        status=LOGGED,
        flow_log=name,
        logs_to=name,
        reason=name,
        is_in_stack=False,
    )
    entries = [one, *(replace(one, attachment_id=f"{name}{status}", status=status) for status in Status)]
    return Coverage(
        stack=name,
        seen_at=name,
        routers=[RouterCoverage(key=name, id=name, name=name, entries=entries)],
        other_routers=[name],
    )


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_text_and_nothing_else(name: str) -> None:
    def shape(element: Element) -> list[tuple[str, list[str]]]:
        return [(one.tag, list(one.attributes)) for one in element.everything()]

    def programs(element: Element) -> list[str]:
        return [one.text for one in [*element.all("script"), *element.all("style")]]

    html, harmless = read(named(name)), read(named("harmless"))
    assert shape(html) == shape(harmless)
    assert programs(html) == programs(harmless)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_brings_no_character_onto_the_page_that_cannot_be_seen(name: str) -> None:
    text = render_page(named(name))
    assert [one for one in text if not (one.isprintable() or one == "\n")] == []
    text.encode()


def test_a_name_that_looks_like_markup_reads_as_it_is() -> None:
    html = read(named(HOSTILE[0]))
    assert {name_of(row) for row in rows(html)} == {HOSTILE[0]}
    assert {one.text for one in html.all("li", "label")} == {HOSTILE[0]}
    assert HOSTILE[0] in [one.text for one in html.all("h2")]


@pytest.mark.parametrize("seen", [DEMO, named("https://example.com/x.png"), named("url(https://example.com)")])
def test_the_page_asks_nobody_for_anything(seen: Coverage) -> None:
    html = read(seen)
    for one in html.everything():
        assert one.tag not in {"img", "iframe", "object", "embed", "base", "video", "audio", "source", "use", "image"}
        for name in ("src", "srcset", "href", "xlink:href", "action", "formaction", "data", "poster", "background"):
            assert one.attributes.get(name, "data:,") == "data:,", f"{one.tag} {name}"
        assert not any(name.startswith("on") for name in one.attributes)
        assert re.fullmatch(r"(--y:[\d.]+|flex-grow:\d+)?", one.attributes.get("style", ""))
    style, script = html.only("style").text, html.only("script").text
    assert not re.search(r"url\(|@import|image-set|src\s*:", style)
    assert not re.search(r"fetch|XMLHttp|import|WebSocket|sendBeacon|innerHTML|eval|location|https?:", script)
    policy = next(one.attributes["content"] for one in html.all("meta") if "http-equiv" in one.attributes)
    assert policy.startswith("default-src 'none'; ")


def test_mistakes_in_the_stack_file_are_told_at_the_top() -> None:
    sentence = "otc-flow-logs:routers.core.log_group in stacks/Pulumi.prod.yaml: <b>x</b>"
    text = render_page(Coverage(stack="prod", seen_at="2030-01-02T03:04:05Z", routers=[], mistakes=[sentence]))
    assert "The stack file has mistakes" in text
    assert "stacks/Pulumi.prod.yaml: &lt;b&gt;x&lt;/b&gt;" in text
    assert "The stack file has mistakes" not in render_page(Coverage(stack="prod", seen_at="", routers=[]))
