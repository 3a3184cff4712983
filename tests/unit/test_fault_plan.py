"""Fault plans: which calls meet a fault, decided by a seed, the same in every run."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.errors import EmulatorError
from emulator.faults.effects import FaultInjector
from emulator.faults.plan import KINDS, Fault, Faults, parse

CREATE = "POST /v3/{project_id}/enterprise-router/{er_id}/flow-logs"
LIST = "GET /v3/{project_id}/enterprise-router/{er_id}/flow-logs"


def plan(*faults: Fault, seed: int = 0) -> Faults:
    planned = Faults()
    planned.use(seed, faults)
    return planned


def drawn(faults: Faults, call: str = CREATE, subject: str = "att-1", *, number: int = 200) -> list[bool]:
    return [faults.draw(call, subject) is not None for _ in range(number)]


def test_each_kind_of_fault_has_an_effect() -> None:
    assert {kind for kind in KINDS if not callable(getattr(FaultInjector, kind, None))} == set()


@pytest.mark.parametrize(
    ("faults", "low", "high"),
    [([], 0, 0), ([Fault("reset")], 2000, 2000), ([Fault("reset", probability=0.2)], 300, 500)],
)
def test_probability_decides_how_many_calls_meet_a_fault(faults: list[Fault], low: int, high: int) -> None:
    assert low <= sum(drawn(plan(*faults), number=2000)) <= high


def test_same_seed_draws_the_same_faults() -> None:
    fault = Fault("reset", probability=0.5)
    assert drawn(plan(fault, seed=1)) == drawn(plan(fault, seed=1)) != drawn(plan(fault, seed=2))


def test_faults_of_an_attachment_do_not_depend_on_other_calls() -> None:
    fault = Fault("reset", probability=0.5)
    faults = plan(fault)
    mixed = []
    for _ in range(20):
        faults.draw(CREATE, "att-2")
        mixed.append(faults.draw(CREATE, "att-1") is not None)
        faults.draw(LIST, "er-1")
    assert mixed == drawn(plan(fault), number=20)


def test_only_matching_calls_meet_a_fault() -> None:
    faults = plan(Fault("reset", calls="POST */flow-logs"))
    assert faults.draw(CREATE, "att-1")
    assert not faults.draw(LIST, "er-1")
    assert not faults.draw(f"{CREATE}/{{flow_log_id}}/enable", "att-1")


def test_skip_and_times_limit_a_fault() -> None:
    assert drawn(plan(Fault("reset", skip=2, times=3)), number=7) == [False, False, True, True, True, False, False]


def test_first_fault_that_is_due_is_taken() -> None:
    faults = plan(Fault("reset", times=1), Fault("hang_up"))
    assert [found[0].kind for _ in range(2) if (found := faults.draw(CREATE, "att-1"))] == ["reset", "hang_up"]


def test_injected_faults_are_counted_by_kind_until_the_next_plan() -> None:
    faults = plan(Fault("reset", times=1), Fault("hang_up", calls="GET *"), Fault("reset", skip=1, times=1))
    drawn(faults, number=3)
    drawn(faults, LIST, number=4)
    assert faults.injected() == {"reset": 2, "hang_up": 4}
    faults.use(0, [])
    assert faults.injected() == {}


def test_document_is_parsed_and_written() -> None:
    first: dict[str, Any] = {"kind": "error", "status": 429, "retry_after": 2, "probability": 0.2}
    second: dict[str, Any] = {"kind": "hang_up", "when": "after", "calls": "DELETE *", "skip": 2, "times": 1}
    faults = [Fault(**first), Fault(**second)]
    assert parse({"seed": 7, "faults": [first, second]}) == (7, faults)
    assert parse({"faults": [fault.as_document() for fault in faults]}) == (0, faults)
    assert parse({}) == (0, [])


def reset(**keys: Any) -> dict[str, Any]:
    return {"faults": [{"kind": "reset", **keys}]}


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([], "the document must be a mapping with seed, faults"),
        ({"fault": []}, "the document has an unknown key 'fault': the emulator reads seed, faults"),
        ({"faults": {}}, "faults must be a valid list"),
        ({"seed": "7"}, "seed must be a valid integer"),
        ({"faults": ["reset"]}, "faults[0] must be a mapping with kind, calls, "),
        ({"faults": [{"times": 1}]}, "faults[0] has no kind"),
        (reset(kind="gremlin"), "faults[0].kind must be one of refuse, reset, "),
        (reset(kind=["reset"]), "faults[0].kind must be a valid string"),
        (reset(often=1), "faults[0] has an unknown key 'often': the emulator reads kind, calls, probability, skip, "),
        (reset(status=500), "faults[0] has an unknown key 'status': "),
        (reset(probability=2), "faults[0].probability must be less than or equal to 1, not 2"),
        (reset(probability=True), "faults[0].probability must be a valid number, not True"),
        (reset(skip=-1), "faults[0].skip must be greater than or equal to 0, not -1"),
        (reset(times=0), "faults[0].times must be greater than or equal to 1, not 0"),
        (reset(when="never"), "faults[0].when must be one of before, after, not 'never'"),
        (reset(calls=5), "faults[0].calls must be a valid string"),
        (reset(kind="slow", seconds=-1), "faults[0] has seconds -1: only a skew may be negative"),
        (reset(kind="slow", seconds=float("nan")), "faults[0].seconds must be a finite number, not nan"),
        (
            reset(kind="error", status=418),
            "faults[0] has status 418: the status of an error must be one of 401, 403, 429, 500, 502, ",
        ),
        (reset(kind="error", retry_after="soon"), "faults[0].retry_after must be a valid number"),
    ],
)
def test_mistake_in_plan_is_reported_with_its_place(document: Any, complaint: str) -> None:
    with pytest.raises(EmulatorError) as caught:
        parse(document)
    assert str(caught.value).startswith(f"The fault plan: {complaint}")
