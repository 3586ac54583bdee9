"""bot/cli/choosing.py: which group is meant where several are there."""

from __future__ import annotations

import pytest

from bot.cli.choosing import SAMPLE, UsageError, choose
from storage.groups import Group

US, THEM, INVENTED = Group(1, "us"), Group(2, "them"), Group(3, SAMPLE)


def test_a_group_is_chosen_by_name_or_because_it_is_the_only_one() -> None:
    """The sample group of a first look does not count beside one's own."""
    assert choose([US, THEM], "THEM") == THEM
    assert choose([US], "") == choose([INVENTED, US], "") == US
    assert choose([INVENTED], "") == choose([INVENTED, US], SAMPLE.lower()) == INVENTED


@pytest.mark.parametrize(
    ("known", "name", "says"),
    [
        ([], "us", "there is no group yet: understudy import"),
        ([US, THEM], "", "--group NAME is missing: say which of these: us, them"),
        ([US, INVENTED], "others", f"--group others: say which of these: us, {SAMPLE}"),
    ],
)
def test_what_is_not_clear_is_asked_for(known: list[Group], name: str, says: str) -> None:
    """One line that names them."""
    with pytest.raises(UsageError, match=says):
        choose(known, name)
