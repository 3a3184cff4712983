"""What the benchmark does with its samples: medians, the order of the runs, verdicts, the table and the picture."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.emulator_process import TYPES, EmulatorProcess, seed
from bench.plan import LONG_WAIT, Step, plan
from bench.plot import svg
from bench.results import Key, Results, Sample, medians, with_floor_at_each_latency
from bench.table import format_seconds, markdown, times_faster
from bench.targets import FIRST_RESOURCE, LIST_FLOW_LOGS, TIMES, Verdict, judge
from bench.variants import BASE, FLOOR, THIS_PROJECT, VARIANTS

CASES = ("up", "preview", "preview --refresh", "refresh", "destroy")


def sample(seconds: float, peak_mb: float = 60, requests: Mapping[str, float] | None = None) -> Sample:
    return Sample(seconds, peak_mb, requests or {})


@pytest.fixture
def within_limits() -> Results:
    """Results that are each just within what is promised; a floor of 8 s makes 10 s with the API's latency."""
    first = {Key(FIRST_RESOURCE, 0, 0, "ours"): sample(1.2), Key(FIRST_RESOURCE, 0, 0, "floor"): sample(1.0)}
    floor = {Key(case, n, 2, "floor"): sample(8) for case in CASES for n in (100, 1000)}
    return {
        **first,
        **floor,
        Key("up", 100, 2, "ours"): sample(12.5, requests={"POST": 100, "GET": 30}),
        Key("destroy", 100, 2, "ours"): sample(12.5),
        Key("preview", 100, 2, "ours"): sample(9.2),
        Key("preview", 1000, 2, "ours"): sample(9.2),
        Key("refresh", 1000, 2, "ours"): sample(10, requests={LIST_FLOW_LOGS: 5, "POST": 1}),
        Key("up", 1000, 2, "ours"): sample(13, peak_mb=199.9),
    }


# Samples


def test_each_number_has_its_own_median() -> None:
    samples = [sample(3, 10, {"GET": 7}), sample(1, 30, {"GET": 9}), sample(2, 20, {"GET": 8, "POST": 1})]
    assert medians(samples) == sample(2, 20, {"GET": 8, "POST": 0})


def test_floor_is_copied_to_each_latency() -> None:
    results = {
        Key("up", 10, 2, "floor"): sample(1),
        Key("up", 10, 2, "ours"): sample(2),
        Key(FIRST_RESOURCE, 0, 0, "floor"): sample(3),
    }
    copied = with_floor_at_each_latency(results, [2, 0], "floor")
    assert copied == {**results, Key("up", 10, 0, "floor"): sample(1)}


# The plan


def test_variants_run_side_by_side_in_every_repetition() -> None:
    steps = [step for step in plan(list(VARIANTS.values()), [10], [0], runs=3) if step.counted]
    repetitions = [steps[at : at + 3] for at in range(0, 9, 3)]
    assert all({step.variant.name for step in repetition} == set(VARIANTS) for repetition in repetitions)
    assert len({repetition[0].variant.name for repetition in repetitions}) == 3


def test_floor_is_measured_at_one_latency_only() -> None:
    steps = plan([FLOOR, THIS_PROJECT], [10], [2, 0], runs=3)
    assert [step.latency for step in steps if step.counted and step.variant is FLOOR] == [2, 2, 2]
    assert [step.latency for step in steps if step.counted and step.variant is THIS_PROJECT] == [2, 2, 2, 0, 0, 0]


def test_only_repetitions_that_mostly_wait_run_together() -> None:
    steps = plan(list(VARIANTS.values()), [10, 100, 1000], [2, 0], runs=3)
    together = [(step.variant, step.n, step.latency) for step in steps if step.together > 1]
    assert together == [(BASE, 100, 2), (BASE, 1000, 2)]
    assert all(step.waiting < LONG_WAIT for step in steps if step.together == 1)


def test_every_variant_is_warmed_up_first() -> None:
    steps = plan(list(VARIANTS.values()), [1000], [2], runs=3)
    assert [(step.variant, step.counted) for step in steps[:3]] == [(variant, False) for variant in VARIANTS.values()]
    assert all(step.counted for step in steps[3:])


@pytest.mark.parametrize(
    ("step", "seconds"), [(Step(BASE, 100, 2), 50), (Step(THIS_PROJECT, 1000, 2), 16), (Step(FLOOR, 100, 2), 0)]
)
def test_waiting_depends_on_the_width_of_the_host(step: Step, seconds: float) -> None:
    assert step.waiting == seconds


# The emulator


def test_seed_has_unique_loggable_attachments() -> None:
    ((project,), (user,)) = (seed(200, routers=20)[key] for key in ("projects", "users"))
    routers = project["routers"]
    attachments = [attachment for router in routers for attachment in router["attachments"]]
    for records, number in ((routers, 20), (attachments, 4000)):
        assert len({record["id"] for record in records}) == len({record["name"] for record in records}) == number
    assert {attachment["resource_type"] for attachment in attachments} == set(TYPES)
    assert routers[0] == seed(200)["projects"][0]["routers"][0]
    assert project["quotas"] == {"flow_log": -1}
    assert user["password"]


def test_stack_config_names_the_given_routers() -> None:
    emulator = EmulatorProcess("http://127.0.0.1:8990", routers=4)
    names = [router["name"] for router in seed(1, routers=4)["projects"][0]["routers"]]
    configs = [emulator.stack_config(range(first, first + 2)) for first in (0, 2)]
    assert [router["router"] for config in configs for router in config["routers"].values()] == names
    assert emulator.port == 8990


# Targets


def test_each_target_is_met_at_its_limit(within_limits: Results) -> None:
    verdicts = judge(within_limits)
    assert [verdict for verdict in verdicts if not verdict.met] == []
    assert verdicts[0].measured == f"1.25 {TIMES} (12.50 s against 10.00 s)"


@pytest.mark.parametrize(
    ("case", "n", "worse", "missed"),
    [
        ("up", 100, {"seconds": 12.6}, "up, N=100: at most 1.25"),
        ("up", 100, {"requests": {"POST": 131}}, "requests per flow log"),
        ("destroy", 100, {"seconds": 12.6}, "destroy, N=100"),
        ("preview", 100, {"seconds": 9.3}, "preview, N=100"),
        ("preview", 1000, {"seconds": 9.3}, "preview, N=1,000"),
        ("refresh", 1000, {"seconds": 10.1}, "refresh, N=1,000: at most 1.25"),
        ("refresh", 1000, {"requests": {LIST_FLOW_LOGS: 6}}, "lists of flow logs"),
        ("up", 1000, {"seconds": 13.1}, "up, N=1,000: at most 1.3"),
        ("up", 1000, {"peak_mb": 200}, "under 200 MB"),
        (FIRST_RESOURCE, 0, {"seconds": 1.21}, "first resource"),
    ],
)
def test_target_is_missed_beyond_its_limit(
    within_limits: Results, case: str, n: int, worse: dict[str, Any], missed: str
) -> None:
    key = Key(case, n, 2 if n else 0, "ours")
    verdicts = judge({**within_limits, key: replace(within_limits[key], **worse)})
    (verdict,) = [verdict for verdict in verdicts if not verdict.met]
    assert missed in verdict.target
    assert verdict.met is False


def test_target_without_results_is_not_judged(within_limits: Results) -> None:
    assert {(verdict.measured, verdict.met) for verdict in judge({})} == {("not measured", None)}
    without_floor = {key: value for key, value in within_limits.items() if key.variant == "ours"}
    met = [verdict.target for verdict in judge(without_floor) if verdict.met]
    assert len(met) == 3
    assert not [target for target in met if "floor" in target]


# The table


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.234, "1.23 s"), (9.99, "9.99 s"), (34.56, "34.6 s"), (119.9, "119.9 s"), (540, "9.0 min")]
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_comparison_is_in_times_faster_or_slower() -> None:
    assert times_faster(2, 9) == f"4.5{TIMES} faster"
    assert times_faster(2, 90) == f"45{TIMES} faster"
    assert times_faster(3, 2) == f"1.5{TIMES} slower"
    assert times_faster(2, 2.05) == times_faster(2.05, 2) == "the same"


def rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_table_has_variants_side_by_side_and_missed_targets() -> None:
    results = {
        Key("up", 1000, 2, "floor"): sample(1, 50, {"GET": 4}),
        Key("up", 1000, 2, "ours"): sample(2, 60, {"GET": 1004}),
        Key("up", 1000, 2, "base"): sample(600, 70, {"GET": 2004}),
        Key("up", 10, 2, "ours"): sample(1.5),
    }
    text = markdown(results, [Verdict("be quick", "slow", False)], CASES, ["A note."])
    found = list(rows(text))
    faster = f"300{TIMES} faster"
    assert ["`up`", "10", "", "1.50 s", "", "", "- / 60 / - MB", "- / 0 / -"] in found
    assert [
        "`up`", "1,000", "1.00 s", "2.00 s", "10.0 min", faster, "50 / 60 / 70 MB", "4 / 1,004 / 2,004"
    ] in found  # fmt: skip
    assert ["be quick", "slow", "**missed**"] in found
    assert "A note." in text
    assert len({len(row) for row in found if row[0].startswith("`")}) == 1


# The picture

SVG = "{http://www.w3.org/2000/svg}"


def panels(text: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(text).findall(f"{SVG}g")


def test_picture_has_a_labelled_bar_for_every_result() -> None:
    seconds = {"floor": 1.0, "ours": 3.0, "base": 600.0}
    results = {
        Key(case, n, 2, variant): sample(seconds[variant] * (1 + n / 1000))
        for case in CASES
        for n in (10, 100, 1000)
        for variant in VARIANTS
    }
    drawn = panels(svg(results, CASES, 2))
    assert len(drawn) == len(CASES) + 1
    for panel, case in zip(drawn, CASES, strict=False):
        labels = [text.text for text in panel.findall(f"{SVG}text")]
        assert f"pulumi {case}" in labels
        widths = [float(bar.attrib["width"]) for bar in panel.findall(f"{SVG}rect")]
        assert (len(widths), widths[:3]) == (9, sorted(set(widths[:3])))
        assert {"N=10", "N=100", "N=1,000", "1.01 s", "3.03 s", "20.0 min"} <= set(labels)


def test_picture_leaves_out_missing_results() -> None:
    results = {Key("up", 10, 2, "ours"): sample(1.0), Key("up", 10, 0, "ours"): sample(5.0)}
    up, *others, legend = panels(svg(results, CASES, 2))
    assert len(up.findall(f"{SVG}rect")) == len(legend.findall(f"{SVG}rect")) == 1
    assert not [bar for panel in others for bar in panel.findall(f"{SVG}rect")]
    assert ElementTree.fromstring(svg({}, CASES, 2)).tag == f"{SVG}svg"
