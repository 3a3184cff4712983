"""What the benchmark does with its samples: medians, verdicts, and figures in words."""

from dataclasses import replace

import pytest

from bench.cases import FOUR_ROUTERS, IN_PARTS
from bench.emulator_process import TYPES, EmulatorProcess, seed
from bench.results import Key, Results, Sample, from_json, medians, to_json
from bench.site import BASELINE, DESTROY, MAKE_PREVIEW, MAKE_UP, PREVIEW, REFRESH, UP
from bench.table import TIMES, format_seconds, times_faster
from bench.targets import PREVIEWS, Verdict, judge
from bench.usage import ENGINE, HOST, OTHERS, PROGRAM, Use, kind_of, merged


def use(peak_mb: float) -> Use:
    return Use(0, 1, 0.5, peak_mb)


def within_limits() -> dict[Key, Sample]:
    """Samples that are each just within what is promised; a floor of 8 s makes 10 s with the API's latency."""
    floor = {Key("floor", command, n): Sample(8, 0) for command in (UP, DESTROY, REFRESH) for n in (100, 1000)}
    previews = {
        key: sample
        for n, limit in PREVIEWS.items()
        for key, sample in {
            Key(BASELINE, PREVIEW, n): Sample(2, 0),
            Key("ours", MAKE_PREVIEW, n): Sample(2 * limit, 7),
            Key("ours", MAKE_UP, n): Sample(2.6 * limit, 0),
        }.items()
    }
    return {
        **floor,
        **previews,
        Key(FOUR_ROUTERS, MAKE_PREVIEW, 40): Sample(3, 16),
        Key(IN_PARTS.format("ours"), MAKE_PREVIEW, 1000): Sample(3, 0, processes={PROGRAM: use(200)}),
        Key("ours", UP, 10): Sample(3, 22),
        Key("ours", UP, 100): Sample(12.5, 130),
        Key("ours", DESTROY, 100): Sample(12.5, 0),
        Key("ours", UP, 1000): Sample(13, 1210, processes={HOST: use(200)}),
        Key("ours", REFRESH, 1000): Sample(10, 0),
    }


def missed(verdicts: list[Verdict]) -> list[str]:
    return [verdict.target for verdict in verdicts if verdict.met is False]


def test_each_number_has_its_own_median() -> None:
    samples = [
        Sample(3, 7, 10, {PROGRAM: Use(1, 3, 2, 90)}),
        Sample(1, 9, 30, {PROGRAM: Use(2, 4, 1, 80)}),
        Sample(2, 8, 20, {PROGRAM: Use(3, 2, 3, 70), HOST: Use(1, 2, 3, 4)}),
    ]
    assert medians(samples) == Sample(2, 8, 20, {PROGRAM: Use(2, 3, 2, 80), HOST: Use(1, 2, 3, 4)})


def test_results_are_read_as_they_were_written() -> None:
    results = Results("abc1234", "2026-12-01", 2, within_limits())
    assert from_json(to_json(results)) == results


def test_each_target_is_met_at_its_limit() -> None:
    verdicts = judge(within_limits())
    assert [verdict for verdict in verdicts if not verdict.met] == []
    assert verdicts[0].measured == f"1.25 {TIMES} (2.50 s against 2.00 s)"
    assert len({verdict.target for verdict in verdicts}) == len(verdicts)


@pytest.mark.parametrize("key", [key for key in within_limits() if key.setup not in ("floor", BASELINE)], ids=str)
def test_target_is_missed_beyond_its_limit(key: Key) -> None:
    samples = within_limits()
    sample = samples[key]
    worse = Sample(
        sample.seconds * 1.01,
        sample.requests * 1.01,
        processes={kind: replace(use, peak_mb=use.peak_mb * 1.01) for kind, use in sample.processes.items()},
    )
    assert missed(judge({**samples, key: worse}))


def test_target_without_samples_is_not_judged() -> None:
    assert {(verdict.measured, verdict.met) for verdict in judge({})} == {("not measured", None)}
    without_floor = {key: sample for key, sample in within_limits().items() if key.setup != "floor"}
    assert not [verdict for verdict in judge(without_floor) if verdict.met and "floor" in verdict.target]
    assert not missed(judge(without_floor))


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("/x/.venv/bin/python -u /bin/pulumi-language-python-exec --monitor 1", PROGRAM),
        (".venv/bin/python -u -m providers.host 127.0.0.1:1", HOST),
        (".venv/bin/python -u -m bench.floor 127.0.0.1:1", HOST),
        ("/cli/pulumi-language-python -root . 127.0.0.1:1", "the language host"),
        ("pulumi preview --refresh --stack local", ENGINE),
        ("pulumi config --json --stack local", "`pulumi config` of the run command"),
        ("/bin/sh -c sh tools/python -m tools.prepare; exec python -m stacks.commands.run preview local", OTHERS),
        ("python -m stacks.commands.run preview local", "the run command"),
    ],
)
def test_processes_are_known_by_their_command_line(command: str, kind: str) -> None:
    assert kind_of(command) == kind


def test_use_of_several_processes_is_added_up() -> None:
    one, other = {ENGINE: Use(1, 2, 3, 40)}, {ENGINE: Use(0.5, 1, 2, 50), HOST: Use(1, 2, 3, 4)}
    assert merged([one, other]) == {ENGINE: Use(0.5, 2, 5, 50), HOST: Use(1, 2, 3, 4)}


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
