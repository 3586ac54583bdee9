"""Rules of shares: who had much lately is told from who did not, and nothing is held against them
for long."""

from __future__ import annotations

from lm.engine.shares import FREE, MEMORY_S, TENANTS, Shares


def test_who_floods_is_heavy() -> None:
    """Who has had much more than whoever has had least."""
    shares = Shares()
    shares.charge("flood", 50 * FREE, 0.0)
    shares.charge("calm", 10, 0.0)
    assert shares.heavy(["flood", "calm", "new"], 0.1) == {"flood"}
    assert shares.heavy(["flood"], 0.1) == set()


def test_equals_are_not_heavy() -> None:
    """However much all of them take."""
    shares = Shares()
    for tenant in "abc":
        shares.charge(tenant, 50 * FREE, 0.0)
    assert shares.heavy("abc", 1.0) == set()


def test_a_little_is_free() -> None:
    """A reply or two is not counted as much beside somebody who had nothing."""
    shares = Shares()
    shares.charge("a", 2 * FREE, 0.0)
    assert shares.heavy(["a", "new"], 0.0) == set()


def test_it_is_forgotten() -> None:
    """Minutes later nothing is known of it."""
    shares = Shares()
    shares.charge("flood", 50 * FREE, 0.0)
    assert shares.heavy(["flood", "new"], 0.5 * MEMORY_S) == {"flood"}
    assert shares.heavy(["flood", "new"], 5 * MEMORY_S) == set()


def test_memory_is_bounded() -> None:
    """Those who had something long ago make room."""
    shares = Shares()
    for tenant in range(5 * TENANTS):
        shares.charge(tenant, 1, float(tenant))
    assert len(vars(shares)["_had"]) <= TENANTS
