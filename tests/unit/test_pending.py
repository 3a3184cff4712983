"""What stands between a cut-off create and a destroy that would forget it."""

from __future__ import annotations

import io
import json

import pytest

from stacks import pending

URN = "urn:pulumi:local::otc-flow-logs::pulumi-python:dynamic/er:FlowLog::core-a"


def export(*types: str) -> dict[str, object]:
    operations = [{"resource": {"urn": URN}, "type": type_} for type_ in types]
    return {"version": 3, "deployment": {"pending_operations": operations}}


def test_a_destroy_over_cut_off_creates_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(export("creating", "deleting", "creating"))))

    with pytest.raises(SystemExit) as ended:
        pending.main()

    assert ended.value.code == (
        "error: the last run was cut off while it created 2 resources, which a destroy would leave behind unseen:"
        " run `make recover` first"
    )


@pytest.mark.parametrize("state", [export(), export("deleting", "updating"), {"version": 3, "deployment": {}}, {}])
def test_a_destroy_over_anything_else_goes_on(state: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))
    pending.main()
