"""A few of the kills of `make chaos`: what the README says puts all right."""

from __future__ import annotations

import pytest

from tests.chaos.interruptions import CREATE
from tests.chaos.kills import Kill, KillSite, kills

SAMPLE = (
    Kill("destroy", "DELETE *", 0, "after", "engine"),
    pytest.param(Kill("create", CREATE, 0, "after", "engine"), marks=pytest.mark.acceptance),
    pytest.param(Kill("change", "DELETE *", 1, "after", "provider"), marks=pytest.mark.acceptance),
)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> KillSite:
    return KillSite(tmp_path_factory.mktemp("kills"))


@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("kill", SAMPLE, ids=str)
def test_after_a_kill_each_flow_log_is_there_once_and_in_the_state(kill: Kill, site: KillSite) -> None:
    assert kill in kills()
    assert site.recover_from(kill) == []
