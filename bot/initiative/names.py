"""Names that are words, too: a friend called Will is not meant by every "will".

People say their own name less than others do (six friends in a transcript a third to half as often,
but "will" and "guy" all alike). A common word of that kind calls its bearer only where a message
turns to somebody. Pure: it knows no chats.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.memory.cast import Persona, is_called
from storage.turns import Turn

LEAST = 5  # messages of somebody with their own name in them; fewer may be chance
SHARE = 0.8  # of how often others say it
COMMON = 1 / 200  # of others' messages: what is rarer does no harm


def words(personas: Iterable[Persona], turns: Sequence[Turn]) -> dict[int, frozenset[str]]:
    """By persona those of its names that are words in this group."""
    said = [(turn.speaker, turn.text) for turn in turns if turn.text]
    return {
        each.id: frozenset(name for name in each.names if _is_word(name, each.id, said))
        for each in personas
    }


def _is_word(name: str, bearer: int, said: Sequence[tuple[int | None, str]]) -> bool:
    if " " in name:
        return False
    own = [text for speaker, text in said if speaker == bearer]
    hits = sum(is_called(text, [name]) for text in own)
    if hits < LEAST:
        return False
    others = [text for speaker, text in said if speaker != bearer]
    theirs = sum(is_called(text, [name]) for text in others)
    common = theirs >= COMMON * len(others)
    return common and hits * len(others) >= SHARE * theirs * len(own)


def is_addressed(text: str, names: Iterable[str]) -> bool:
    """Whether a message turns to one of the casefolded names: "Will, ...", "..., Will", "Will?"."""
    folded = text.casefold().strip()
    bare = folded.rstrip(" ?!.…？！。")
    return any(
        bare == name
        or folded.startswith(tuple(f"{name}{sign}" for sign in ",:;?!，：；？！"))
        or bare.endswith((f", {name}", f"，{name}"))
        for name in names
    )
