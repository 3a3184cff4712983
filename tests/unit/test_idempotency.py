"""The client token: the same for the same create, and for no other."""

from dataclasses import replace

import pytest

from providers.er.flow_logs import FlowLogTarget
from providers.er.idempotency import client_token, client_tokens

TARGET = FlowLogTarget(er_id="er", resource_id="att", log_group_id="g", log_stream_id="s")


def test_client_token_never_changes_between_versions() -> None:
    assert client_token("key", TARGET, 0) == "b03cae08616852c8dff2149d37e84e429e53ba730d6cf01a3105e13248e19c67"


def test_client_token_depends_on_key_target_and_number() -> None:
    targets = [TARGET, *(replace(TARGET, **{field: "other"}) for field in vars(TARGET))]
    # The parts of these two would be the same if they ran together.
    targets += [replace(TARGET, er_id="ab", resource_id="c"), replace(TARGET, er_id="a", resource_id="bc")]
    tokens = [
        client_token(key, target, number)
        for key in ("ann", "bob", "ann0", "")
        for target in targets
        for number in range(12)
    ]
    assert len(set(tokens)) == len(tokens)
    assert client_tokens("ann", TARGET)[:12] == [client_token("ann", TARGET, number) for number in range(12)]


@pytest.mark.parametrize("key", ["k", "🔥" * 100, "", "x" * 10_000, "\x00"])
def test_client_token_is_valid_for_the_api(key: str) -> None:
    token = client_token(key, TARGET, 10**6)
    assert len(token) == 64
    assert token.isascii()
    assert token.isalnum()
