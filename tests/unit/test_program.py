"""How a program that declares flow logs ends; whole programs are in tests/e2e/test_examples.py."""

from typing import NoReturn

import pytest

from stacks import program


def test_also_what_nobody_foresaw_ends_a_program_that_would_go_on_without_its_flow_logs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def snapshot(_stack: str) -> NoReturn:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr(program, "read_snapshot", snapshot)
    monkeypatch.setattr(program, "_is_declared", False)

    with pytest.raises(SystemExit) as ended:
        program.declare_flow_logs()

    assert ended.value.code == 1
    assert "ZeroDivisionError: nobody foresaw this" in capsys.readouterr().err


def test_a_second_declaration_ends_the_program_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "_is_declared", True)

    with pytest.raises(SystemExit) as ended:
        program.declare_flow_logs()

    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "declare_flow_logs is to be called once in a program: name all routers in one call" in said
    assert "Traceback" not in said
