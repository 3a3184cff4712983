"""The coverage page, read the way a browser reads it: as elements."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.commands.coverage.model import Coverage, Entry, RouterCoverage, Status
from stacks.commands.coverage.page import LABELS_EVERY, OPEN_UP_TO, bands, render_page
from tests.unit.review_samples import HOSTILE

LOGGED, NOT_LOGGED, DESELECTED, CANNOT_BE_LOGGED = Status
VOID = {"meta", "link", "input"}
FORBIDDEN = {"img", "iframe", "object", "embed", "base", "video", "audio", "source", "use", "image"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    inside: list[Element] = field(default_factory=list)
    raw: str = ""

    @property
    def text(self) -> str:
        return " ".join(self.raw.split())

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    def all(self, tag: str = "", class_: str = "") -> list[Element]:
        return [
            element
            for element in self.inside
            if (not tag or element.tag == tag) and (not class_ or class_ in element.classes)
        ]

    def only(self, tag: str = "", class_: str = "") -> Element:
        (element,) = self.all(tag, class_)
        return element


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
        for around in self.open:
            around.inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for around in self.open:
            around.raw += data


def entry(attachment: str, logs_to: str = "", *, reason: str = "", **changes: Any) -> Entry:
    """An entry that is logged if there is no reason why not."""
    logged = Entry(
        attachment_id=f"id-{attachment}",
        attachment=attachment,
        type="vpc",
        state="available",
        status=NOT_LOGGED if reason else LOGGED,
        flow_log="" if reason else f"log-{attachment}",
        logs_to=logs_to,
        reason=reason,
    )
    return replace(logged, **changes)


def router(name: str, *entries: Entry) -> RouterCoverage:
    return RouterCoverage(key=f"key-{name}", id=f"id-{name}", name=name, entries=entries)


def coverage(*routers: RouterCoverage) -> Coverage:
    return Coverage(stack="demo", seen_at="2026-03-02T09:41:07Z", routers=routers)


def read(seen: Coverage) -> Element:
    return Reader(render_page(seen)).root


def rows(element: Element) -> list[Element]:
    return element.all("tr", "entry")


def name_of(row: Element) -> str:
    return row.only("th").text


FIREWALL = entry("fw", reason="is of type cfw, which cannot be logged", type="cfw", status=CANNOT_BE_LOGGED)
CORE = router(
    "er-core",
    FIREWALL,
    entry("vpc-data", reason="has no flow log"),
    entry("vpc-payments", "network/er", reason="its flow log is disabled", flow_log="log-vpc-payments"),
    entry("vpc-shop", "network/er"),
    entry("vpc-shop", "soc/audit", flow_log="audit", is_in_stack=False),
    entry("vpn-bonn", "network/archive"),
    entry("vpn-bonn", "network/er", reason="has failed", flow_log="old", is_in_stack=False),
)
EDGE = router("er-edge", entry("vpc-proxy", "network/er"), entry("vgw-munich", "network/er"))
DEMO = coverage(CORE, EDGE)


def test_every_entry_of_an_attachment_is_a_row() -> None:
    html = read(DEMO)
    for section, shown in zip(html.all("details"), DEMO.routers, strict=True):
        found = sorted((name_of(row), row.only("td", "flow-log").text.split()[-1]) for row in rows(section))
        assert found == sorted((entry.attachment, entry.flow_log or "-") for entry in shown.entries)
    logged = [row for row in rows(html) if "logged" in row.classes]
    assert sorted((name_of(row), row.only("span", "target").text) for row in logged) == [
        ("vgw-munich", "network/er"),
        ("vpc-proxy", "network/er"),
        ("vpc-shop", "network/er"),
        ("vpc-shop", "soc/audit"),
        ("vpn-bonn", "network/archive"),
    ]


def test_attachments_that_are_not_logged_show_a_word_and_the_reason() -> None:
    silent = [row for row in rows(read(DEMO)) if "logged" not in row.classes]
    assert {
        (name_of(row), row.classes[1], row.only("b", "word").text, row.only("span", "reason").text) for row in silent
    } == {
        ("vpc-data", "not-logged", "Not logged", "has no flow log"),
        ("vpc-payments", "not-logged", "Not logged", "its flow log is disabled"),
        ("vpn-bonn", "not-logged", "Not logged", "has failed"),
        ("fw", "cannot-be-logged", "Cannot be logged", "is of type cfw, which cannot be logged"),
    }
    assert not any(row.all("path") for row in silent)


def test_links_lead_from_rows_to_the_labels_of_their_streams() -> None:
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
    assert links == sum(entry.status is LOGGED for shown in DEMO.routers for entry in shown.entries)


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


@settings(max_examples=30)
@given(ENTRIES)
def test_bands_keep_all_entries_and_labels_never_overlap(entries: list[Entry]) -> None:
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


def test_rows_of_an_attachment_are_adjacent_and_only_unlogged_ones_alarm() -> None:
    core = read(DEMO).all("details")[0]
    assert [(name_of(row), "another" in row.classes, row.attributes["data-attachment"]) for row in rows(core)] == [
        ("vpc-data", False, "not-logged"),
        ("vpc-payments", False, "not-logged"),
        ("vpn-bonn", False, "logged"),
        ("vpn-bonn", True, "logged"),
        ("vpc-shop", False, "logged"),
        ("vpc-shop", True, "logged"),
        ("fw", False, "cannot-be-logged"),
    ]


def test_flow_logs_outside_the_stack_are_marked() -> None:
    html = read(DEMO)
    marked = [row for row in rows(html) if row.all("b", "foreign")]
    names = [(row.only("td", "flow-log").text, bool(row.all("svg", "foreign"))) for row in marked]
    assert names == [("not this stack's old", False), ("not this stack's audit", True)]
    assert html.only("li", "foreign").text == "2 flow logs are not this stack's"


def test_delivery_has_a_column_and_a_mark_if_asked_for() -> None:
    html = read(coverage(router("er", FIREWALL, entry("a", "network/er", delivery="quiet"), entry("b", "network/er"))))
    cells = {name_of(row): row.only("td", "delivery") for row in rows(html)}
    assert {name: (cell.text, cell.classes[1]) for name, cell in cells.items()} == {
        "a": ("quiet", "quiet"),
        "b": ("-", "none"),
        "fw": ("-", "none"),
    }
    headings = html.all("thead")[0].all("th")
    assert [heading.text for heading in headings][3:] == ["Flow log", "Delivery", "Logs to, or why not"]
    assert read(DEMO).all("td", "delivery") == read(DEMO).all("th", "delivery") == []


def test_summary_counts_attachments_and_not_flow_logs() -> None:
    html = read(DEMO)
    assert html.only("h1").text == "Flow log coverage of stack demo"
    assert html.only("time").attributes["datetime"] == html.only("time").text == "2026-03-02T09:41:07Z"
    assert html.only("title").text == "4 of 6 logged: demo"
    summary = html.only("section", "summary")
    assert summary.only("p").text == "4 of 6 attachments that can be logged are logged"
    assert [item.text for item in summary.all("li")][:3] == ["4 logged", "2 not logged", "1 cannot be logged"]
    assert [(part.classes, part.attributes["style"]) for part in summary.only("div", "bar").all("span")] == [
        (["logged"], "flex-grow:4"),
        (["not-logged"], "flex-grow:2"),
        (["cannot-be-logged"], "flex-grow:1"),
    ]


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([], "No attachments"),
        ([FIREWALL], "No attachments can be logged"),
        ([entry("a", "g/s")], "1 of 1 attachment that can be logged is logged"),
        ([entry("a", reason="r")], "0 of 1 attachment that can be logged is logged"),
        ([entry("a", "g/s"), entry("b", reason="r")], "1 of 2 attachments that can be logged is logged"),
        ([entry("a", reason="r"), entry("b", reason="r")], "0 of 2 attachments that can be logged are logged"),
    ],
)
def test_summary_is_a_correct_sentence(entries: list[Entry], sentence: str) -> None:
    assert read(coverage(router("er", *entries))).only("p", "figure").text == sentence


def test_other_routers_and_mistakes_are_warnings() -> None:
    mistake = "otc-flow-logs:routers.core.log_group in stacks/Pulumi.prod.yaml: <b>x</b>"
    mistakes, routers = read(replace(DEMO, other_routers=["er-old", ""], mistakes=[mistake])).all("section", "warning")
    assert mistakes.only("h2").text == "⚠ The stack file has mistakes: parts of it may be missing here"
    assert [item.text for item in mistakes.all("li")] == [mistake]
    page = read(replace(DEMO, mistakes=[mistake]))
    for element in (page.only("title"), page.only("p", "figure")):
        assert element.text.startswith("Incomplete, because of mistakes in the stack file: ")
    assert routers.only("h2").text == "⚠ 2 routers of the project are not in the stack file, and not counted here"
    assert [item.text for item in routers.all("li")] == ["er-old", "(no name)"]
    assert read(DEMO).all("section", "warning") == []
    assert "<li>router x is left out: &lt;b&gt;</li>" in render_page(
        replace(DEMO, left_out=["router x is left out: <b>"])
    )


def test_every_router_has_a_heading_and_a_count() -> None:
    html = read(DEMO)
    headings = html.all("h2")
    assert [heading.text for heading in headings] == ["er-core", "er-edge"]
    labels = [table.attributes["aria-labelledby"] for table in html.all("table")]
    assert [heading.attributes["id"] for heading in headings] == labels
    assert [summary.only("span", "counts").text for summary in html.all("summary")] == [
        "2 not logged 2 of 4 logged 1 cannot be logged",
        "2 of 2 logged",
    ]
    ids = [element.attributes["id"] for element in html.inside if "id" in element.attributes]
    assert len(ids) == len(set(ids))


def test_page_works_with_a_screen_reader_and_without_scripts() -> None:
    html = read(DEMO)
    drawn = [*html.all("svg"), *html.all("tr", "labels"), html.only("div", "bar")]
    assert {element.attributes.get("aria-hidden") for element in drawn} == {"true"}
    assert all(heading.attributes["scope"] in ("row", "col") for heading in html.all("th"))
    assert html.only("form").attributes["role"] == "search"
    assert "aria-label" in html.all("input")[0].attributes
    assert [element.tag for element in html.inside if "hidden" in element.attributes] == ["form"]


def many(routers: int, attachments: int, *, not_logged_on: tuple[int, ...] = ()) -> Coverage:
    def first(number: int) -> Entry:
        return entry("first", "network/er-0", reason="has no flow log" if number in not_logged_on else "")

    others = [entry(f"vpc-{number}", f"network/er-{number % 3}") for number in range(1, attachments)]
    return coverage(*(router(f"er-{number}", first(number), *others) for number in range(routers)))


def test_long_page_opens_only_routers_that_are_not_fully_logged() -> None:
    def is_open(seen: Coverage) -> list[bool]:
        return ["open" in section.attributes for section in read(seen).all("details")]

    assert is_open(many(3, OPEN_UP_TO // 3)) == [True, True, True]
    assert is_open(many(3, OPEN_UP_TO // 3 + 1, not_logged_on=(1,))) == [False, True, False]


def test_labels_are_repeated_at_regular_intervals() -> None:
    (section,) = read(many(1, 200)).all("details")
    sizes = [len(rows(band)) for band in section.all("tbody", "map")]
    assert sum(sizes) == 200
    assert max(sizes) <= LABELS_EVERY
    assert max(sizes) - min(sizes) <= 1


def test_page_of_4000_attachments_has_less_than_5_mb() -> None:
    text = render_page(many(20, 200, not_logged_on=(3, 7)))
    assert len(text.encode()) < 5_000_000
    assert text.count('<tr class="entry') == 4000


def test_page_without_routers_attachments_or_names_says_so() -> None:
    assert read(coverage()).only("title").text == "Nothing can be logged: demo"
    assert read(coverage()).only("p", "empty").text == "There are no routers in the stack file."
    assert read(coverage(router("er"))).only("p", "empty").text == "The router has no attachments."
    html = read(coverage(replace(router("", entry("", "g/s")), id="r-1")))
    assert html.only("h2").text == "r-1"
    assert [name_of(row) for row in rows(html)] == ["id-"]


def named(name: str) -> Coverage:
    """A coverage with this name for everything."""
    texts = dict.fromkeys(("reason", "attachment_id", "type", "state", "flow_log"), name)
    logged = entry(name, name, status=LOGGED, is_in_stack=False, **texts)
    entries = [logged, *(replace(logged, attachment_id=f"{name}{status}", status=status) for status in Status)]
    shown = RouterCoverage(key=name, id=name, name=name, entries=entries)
    return Coverage(stack=name, seen_at=name, routers=[shown], other_routers=[name])


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_name_is_visible_text_and_nothing_else(name: str) -> None:
    def shape(element: Element) -> list[tuple[str, list[str]]]:
        return [(child.tag, list(child.attributes)) for child in element.inside]

    def programs(element: Element) -> list[str]:
        return [child.text for child in [*element.all("script"), *element.all("style")]]

    text = render_page(named(name))
    html, harmless = Reader(text).root, read(named("harmless"))
    assert shape(html) == shape(harmless)
    assert programs(html) == programs(harmless)
    assert [char for char in text if not (char.isprintable() or char == "\n")] == []
    assert text.encode()


MARKUP = "<script>alert(1)</script>"


def test_name_with_markup_is_shown_as_it_is() -> None:
    html = read(named(MARKUP))
    assert {name_of(row) for row in rows(html)} == {MARKUP}
    assert {label.text for label in html.all("li", "label")} == {MARKUP}
    assert MARKUP in [heading.text for heading in html.all("h2")]


@pytest.mark.parametrize("seen", [DEMO, named("https://example.com/x.png"), named("url(https://example.com)")])
def test_page_loads_nothing(seen: Coverage) -> None:
    html = read(seen)
    for element in html.inside:
        assert element.tag not in FORBIDDEN
        for name in ("src", "srcset", "href", "xlink:href", "action", "formaction", "data", "poster", "background"):
            assert element.attributes.get(name, "data:,") == "data:,", f"{element.tag} {name}"
        assert not any(name.startswith("on") for name in element.attributes)
        assert re.fullmatch(r"(--y:[\d.]+|flex-grow:\d+)?", element.attributes.get("style", ""))
    style, script = html.only("style").text, html.only("script").text
    assert not re.search(r"url\(|@import|image-set|src\s*:", style)
    assert not re.search(r"fetch|XMLHttp|import|WebSocket|sendBeacon|innerHTML|eval|location|https?:", script)
    policy = next(meta.attributes["content"] for meta in html.all("meta") if "http-equiv" in meta.attributes)
    assert policy.startswith("default-src 'none'; ")
