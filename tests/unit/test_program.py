"""How a program that declares flow logs ends after a failure; tests/e2e/test_examples.py runs whole programs."""

import pytest

from stacks import program


@pytest.mark.parametrize(
    ("was_called", "message", "has_traceback"),
    [
        (False, "ZeroDivisionError", True),
        (True, "declare_flow_logs may be called only once in a program: pass all routers in one call", False),
    ],
    ids=["unexpected error", "second call"],
)
def test_failure_ends_the_program(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    was_called: bool,
    message: str,
    has_traceback: bool,
) -> None:
    monkeypatch.setattr(program, "read_snapshot", lambda _stack: 1 / 0)
    monkeypatch.setattr(program, "_is_declared", was_called)

    with pytest.raises(SystemExit) as ended:
        program.declare_flow_logs()

    printed = capsys.readouterr().err
    assert ended.value.code == 1
    assert message in printed
    assert ("Traceback" in printed) is has_traceback
