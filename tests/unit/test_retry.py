"""How long waits between tries are."""

from providers.er.retry import exponential_backoff


def test_waits_grow_by_the_factor_up_to_the_cap() -> None:
    backoff = exponential_backoff(first=0.5, factor=2, cap=20, jitter=0)
    assert [backoff(tries) for tries in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 20, 20]
    assert backoff(10**9) == 20


def test_jitter_shortens_waits_by_its_share_at_most() -> None:
    backoff = exponential_backoff(first=8, factor=2, cap=20, jitter=0.25)
    for _ in range(200):
        assert 6 <= backoff(1) <= 8
        assert 15 <= backoff(5) <= 20
    assert len({backoff(1) for _ in range(20)}) > 1
