"""When a persona speaks unasked: as often as its friend does, and not into a void.

The model says how likely the persona is to speak next. It speaks where that is among the likeliest
moments, as many of them as its friend takes, steered by what was really said (a threshold that
follows its own error: Gibbs and Candes, arXiv 2106.00170, section 2). Pure: times are arguments, in
seconds of any clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

HOUR_S = 3600.0
MOST_BEHIND, MOST_AHEAD = 6.0, 10.0  # messages: what is further back is not made up for
DOUBLING = 2.0  # messages ahead ask for twice the odds of being next, as many behind for half
PATIENCE = 5  # unasked replies in a row that nobody reacts to; then it speaks half as often
SHYEST = 0.125  # of the friend's rate is never gone below
REACT_MESSAGES = 4  # of others, within which somebody reacts
REACT_S = 300.0


@dataclass(frozen=True, slots=True)
class Friend:
    """How often a friend speaks.

    share:   of all messages
    opening: of the times when somebody else had spoken
    expected: probabilities of speaking next at such times, as the model saw them; sorted
    """

    share: float
    opening: float
    expected: Sequence[float]

    def threshold(self, appetite: float) -> float:
        """The probability from which on it speaks `appetite` times as often as its friend."""
        rate = min(1.0, self.opening * appetite)
        if not self.expected or rate <= 0:
            return 1.0
        place = (1 - rate) * len(self.expected)
        low = min(int(place), len(self.expected) - 1)
        high = min(low + 1, len(self.expected) - 1)
        part = min(1.0, place - low)
        return (1 - part) * self.expected[low] + part * self.expected[high]


@dataclass(slots=True)
class Auto:
    """What has become of a persona's initiative in one chat.

    credit:  messages that the friend would have said by now, less those of the persona
    ignored: unasked replies in a row that nobody reacted to
    """

    cooldown_s: float
    most_per_hour: int
    credit: float = 0.0
    ignored: int = 0
    _unasked: deque[float] = field(default_factory=deque)  # when, within the last hour
    _last: float | None = None  # when the persona last spoke
    _open: _Unanswered | None = None

    def heard(self, user: int, now: float, friend: Friend, slider: float, *, called: bool) -> None:
        """Somebody else spoke. `called`: to the persona, by mention, reply or name."""
        due = friend.share / max(1 - friend.share, 0.05) * self._mood(slider)
        self.credit = min(MOST_BEHIND, self.credit + due)
        self._judge(user, now, called)

    def reacted(self) -> None:
        """Somebody reacted to what the persona said."""
        self.ignored, self._open = 0, None

    def said(self, now: float, *, unasked_to: int | None = None) -> None:
        """The persona spoke; `unasked_to`: whom it answered without being asked."""
        self.credit = max(-MOST_AHEAD, self.credit - 1)
        self._last = now
        if unasked_to is not None:
            self._unasked.append(now)
            self._give_up()
            self._open = _Unanswered(unasked_to, now)

    def wants(self, chance: float, now: float, friend: Friend, slider: float) -> bool:
        """Whether to speak now, where the model gives the persona that chance of being next."""
        threshold = steered(friend.threshold(self._mood(slider)), self.credit)
        return self.may(now) and chance >= threshold

    def may(self, now: float) -> bool:
        """Whether it may speak unasked at all: not too often an hour, nor soon after it spoke."""
        while self._unasked and self._unasked[0] <= now - HOUR_S:
            self._unasked.popleft()
        if len(self._unasked) >= self.most_per_hour:
            return False
        return self._last is None or now - self._last >= self.cooldown_s

    def _mood(self, slider: float) -> float:
        return slider * max(SHYEST, 0.5 ** (self.ignored // PATIENCE))

    def _judge(self, user: int, now: float, called: bool) -> None:
        """Whether what was said unasked has got a reaction, or never will."""
        if self._open is None:
            return
        self._open.messages += 1
        late = now - self._open.at > REACT_S
        if called or (user == self._open.user and not late):
            self.reacted()
        elif late or self._open.messages >= REACT_MESSAGES:
            self._give_up()

    def _give_up(self) -> None:
        if self._open is not None:
            self.ignored += 1
            self._open = None


@dataclass(slots=True)
class _Unanswered:
    """An unasked reply to somebody, and how many messages of others have come since."""

    user: int
    at: float
    messages: int = 0


def steered(threshold: float, credit: float) -> float:
    """A threshold for who is so many messages behind (above 0) or ahead: other odds of it."""
    if not 0 < threshold < 1:
        return threshold
    odds = threshold / (1 - threshold) * 2 ** (-credit / DOUBLING)
    return odds / (1 + odds)


def likely_next(
    chances: Sequence[float], persona: int, waits: Sequence[float] | None = None
) -> float:
    """How likely the persona speaks next, of everybody who may.

    chances: each speaker's, in any unit; persona: the place of theirs
    waits: how likely each would still be silent by now if they were to speak next; a silence makes
    those who answer slowly likelier (competing risks: the posterior of who it is going to be)
    """
    weighed = [c * w for c, w in zip(chances, waits or [1.0] * len(chances), strict=True)]
    total = sum(weighed)
    return weighed[persona] / total if total > 0 else 0.0
