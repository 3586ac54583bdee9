"""bot/updates/chats/admission.py: strangers' chats are not served."""

from __future__ import annotations

from bot.updates.chats.admission import Admission

ADMIN, FRIEND = 1, 2


def make(allowed: tuple[int, ...] = (), served: tuple[int, ...] = ()) -> Admission:
    return Admission(allowed, dict.fromkeys(served), [ADMIN])


def test_the_first_group_is_served_and_a_strangers_is_not() -> None:
    """Nothing listed: the group that took the bot in keeps it, and nobody in it can give away
    its personas to another chat; a configured admin can.
    """
    admission = make()
    assert admission.admits(-1, FRIEND)
    assert not admission.admits(-2, FRIEND)
    assert not admission.admits(-2, 0)
    assert admission.admits(-3, ADMIN)
    assert admission.admits(-3, FRIEND)


def test_chats_known_from_before_are_served_after_a_restart() -> None:
    """What was served stays served; others are still strangers."""
    admission = make(served=(-5,))
    assert admission.admits(-5, FRIEND)
    assert not admission.admits(-6, FRIEND)


def test_listed_chats_are_the_only_ones() -> None:
    """With allowed_chats set, not even an admin can bring the bot elsewhere."""
    admission = make(allowed=(-7,))
    assert admission.admits(-7, FRIEND)
    assert not admission.admits(-8, ADMIN)


def test_a_list_holds_for_chats_that_were_served_before_it() -> None:
    """They are left, but for a listed group that is a supergroup since."""
    admission = Admission((-7,), {-5: None, -1007: -7, -1005: -5}, [ADMIN])
    assert admission.admits(-1007, FRIEND)
    assert not admission.admits(-5, ADMIN)
    assert not admission.serves(-1005)


def test_a_served_group_that_becomes_a_supergroup_is_still_served() -> None:
    """The new id follows the old one."""
    admission = make(allowed=(-7,))
    admission.moved(-7, -1007)
    assert admission.admits(-1007, FRIEND)
    admission.moved(-9, -1009)
    assert not admission.admits(-1009, FRIEND)


def test_what_is_served_is_known_without_serving_it() -> None:
    """Asking admits nobody; a chat that moved is known as such, served or not."""
    admission = make(served=(-5,))
    assert admission.serves(-5)
    assert not admission.serves(-6)
    assert not admission.is_moved(-1005)
    admission.moved(-5, -1005)
    assert admission.is_moved(-1005)
    assert admission.serves(-1005)


def test_the_playground_serves_every_chat() -> None:
    """All of them are the operator's own."""
    admission = Admission((), {-1: None}, (), everywhere=True)
    assert admission.admits(-99, FRIEND)
