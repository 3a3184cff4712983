"""Which calls meet a fault: decided by a seed, alike in every run."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.errors import EmulatorError
from emulator.faults.effects import FaultInjector
from emulator.faults.plan import KINDS, Fault, Faults, parse

CREATE = "POST /v3/{project_id}/enterprise-router/{er_id}/flow-logs"
LIST = "GET /v3/{project_id}/enterprise-router/{er_id}/flow-logs"


def plan(*faults: Fault, seed: int = 0) -> Faults:
    made = Faults()
    made.use(seed, faults)
    return made


def lots(faults: Faults, call: str = CREATE, subject: str = "att-1", *, number: int = 200) -> list[bool]:
    return [faults.draw(call, subject) is not None for _ in range(number)]


def test_every_kind_of_fault_has_an_effect() -> None:
    assert {kind for kind in KINDS if not callable(getattr(FaultInjector, kind, None))} == set()


def test_without_a_plan_nothing_goes_wrong() -> None:
    assert not any(lots(Faults()))


def test_a_fault_without_a_probability_is_sure() -> None:
    assert all(lots(plan(Fault("reset"))))


def test_about_as_many_calls_meet_a_fault_as_its_probability_says() -> None:
    assert 0.15 < sum(lots(plan(Fault("reset", probability=0.2)), number=2000)) / 2000 < 0.25


def test_the_same_seed_draws_the_same_lots_and_another_one_others() -> None:
    fault = Fault("reset", probability=0.5)
    assert lots(plan(fault, seed=1)) == lots(plan(fault, seed=1)) != lots(plan(fault, seed=2))


def test_the_lots_of_one_attachment_do_not_depend_on_calls_for_others() -> None:
    fault = Fault("reset", probability=0.5)
    alone = lots(plan(fault), number=20)
    among_others = plan(fault)
    mixed = []
    for _ in range(20):
        among_others.draw(CREATE, "att-2")
        mixed.append(among_others.draw(CREATE, "att-1") is not None)
        among_others.draw(LIST, "er-1")
    assert mixed == alone


def test_only_calls_that_fit_meet_a_fault() -> None:
    faults = plan(Fault("reset", calls="POST */flow-logs"))
    assert faults.draw(CREATE, "att-1")
    assert not faults.draw(LIST, "er-1")
    assert not faults.draw(f"{CREATE}/{{flow_log_id}}/enable", "att-1")


def test_some_calls_can_pass_first_and_a_fault_can_be_over_after_some_times() -> None:
    assert lots(plan(Fault("reset", skip=2, times=3)), number=7) == [False, False, True, True, True, False, False]


def test_the_first_fault_that_falls_due_is_taken() -> None:
    faults = plan(Fault("reset", times=1), Fault("hang_up"))
    assert [drawn[0].kind for _ in range(2) if (drawn := faults.draw(CREATE, "att-1"))] == ["reset", "hang_up"]


def test_what_was_injected_is_counted_by_kind_and_anew_with_a_new_plan() -> None:
    faults = plan(Fault("reset", times=1), Fault("hang_up", calls="GET *"), Fault("reset", skip=1, times=1))
    lots(faults, number=3)
    lots(faults, LIST, number=4)
    assert faults.injected() == {"reset": 2, "hang_up": 4}
    faults.use(0, [])
    assert faults.injected() == {}


def test_a_document_is_read() -> None:
    document = {
        "seed": 7,
        "faults": [
            {"kind": "error", "status": 429, "retry_after": 2, "probability": 0.2},
            {"kind": "hang_up", "when": "after", "calls": "DELETE *", "skip": 2, "times": 1},
        ],
    }
    assert parse(document) == (
        7,
        [
            Fault("error", status=429, retry_after=2, probability=0.2),
            Fault("hang_up", when="after", calls="DELETE *", skip=2, times=1),
        ],
    )
    assert parse({}) == (0, [])


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([], "Faults are written as a mapping of `seed` and `faults`"),
        ({"fault": []}, "Faults are written as a mapping of `seed` and `faults`"),
        ({"faults": {}}, "`faults` must be a list"),
        ({"seed": "7"}, "`seed` must be a whole number, not '7'"),
        ({"faults": ["reset"]}, "A fault is a mapping with a `kind`, not 'reset'"),
        ({"faults": [{"kind": "gremlin"}]}, "no kind of fault 'gremlin'; there are: refuse, reset"),
        ({"faults": [{"kind": ["reset"]}]}, "`kind` must be text"),
        ({"faults": [{"kind": "reset", "often": 1}]}, "A fault has no `often`; it may have calls, kind, probability"),
        ({"faults": [{"kind": "reset", "status": 500}]}, "A fault of kind reset has no `status`"),
        ({"faults": [{"kind": "reset", "probability": 2}]}, "`probability` must be a number from 0 to 1, not 2"),
        ({"faults": [{"kind": "reset", "probability": True}]}, "`probability` must be a number from 0 to 1, not True"),
        ({"faults": [{"kind": "reset", "skip": -1}]}, "`skip` must be a whole number from 0, not -1"),
        ({"faults": [{"kind": "reset", "times": 0}]}, "`times` must be a whole number from 1, not 0"),
        ({"faults": [{"kind": "reset", "when": "never"}]}, "`when` is before or after, not 'never'"),
        ({"faults": [{"kind": "reset", "calls": 5}]}, "`calls` must be text, not 5"),
        ({"faults": [{"kind": "slow", "seconds": -1}]}, "`seconds` must be a number from 0, not -1"),
        ({"faults": [{"kind": "slow", "seconds": float("nan")}]}, "`seconds` must be a number from 0, not nan"),
        ({"faults": [{"kind": "error", "status": 418}]}, "`status` is one of 401, 403, 429, 500, 502, 503, 504"),
        ({"faults": [{"kind": "error", "retry_after": "soon"}]}, "`retry_after` must be a number from 0, not 'soon'"),
    ],
)
def test_a_document_that_makes_no_sense_is_refused_in_one_sentence(document: Any, complaint: str) -> None:
    with pytest.raises(EmulatorError) as caught:
        parse(document)
    assert complaint in str(caught.value)
