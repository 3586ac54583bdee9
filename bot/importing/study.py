"""An import before anything is written: who speaks, what is new, what the doctor says.

Reads the group's state once; from then on it works on plain values and can run in a thread.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from bot.config import PrivacyConfig
from bot.importing.people import People, Person
from bot.scrubbing import called, make_scrubber
from lm.corpus.media import WORDLESS
from lm.doctor.aliases import LikelyAlias, likely_aliases
from lm.doctor.heard import NOBODY, Heard
from lm.doctor.overlap import Doubles, Known, Said
from lm.doctor.report import Report, examine
from lm.doctor.verdict import Verdict, verdict
from lm.exports.export import Export, ExportedMessage
from lm.privacy.scrubber import Scrubber
from storage import groups, handles, messages
from storage.forgetting import keyed
from storage.groups import SpeakerRow, new_secret
from storage.store import Db


@dataclass(frozen=True, slots=True)
class GroupState:
    """What a group has before an import; `id` None for one that is still to be made."""

    name: str
    id: int | None = None
    secret: bytes = field(default_factory=new_secret)
    rows: tuple[SpeakerRow, ...] = ()
    withdrawn: frozenset[int] = frozenset()
    counts: Mapping[int, int] = field(default_factory=dict)  # messages with words, by speaker
    worded: Mapping[int, int] = field(default_factory=dict)  # without placeholders for media
    characters: Mapping[int, int] = field(default_factory=dict)
    heard: Heard = field(default_factory=Heard)  # all messages; of a turn without words NOBODY
    origins: array[int] = field(default_factory=lambda: array("q"))  # hashes, in this process
    ledger: int = 0  # the newest entry of the consent ledger
    turns: bool = False  # whether there are turns without words
    handles: tuple[str, ...] = ()  # @names of who writes in the group's chats


async def read_state(db: Db, name: str) -> GroupState:
    """The state of the group of that name."""
    found = await groups.named(db, name)
    if found is None:
        return GroupState(name)
    group = found.id
    heard, origins, turns = Heard(), array("q"), False
    async for speaker, text, sent_at, origin in messages.kept(db, group):
        heard.add(NOBODY if speaker is None else speaker, text, sent_at)
        origins.append(hash(origin))
        turns = turns or origin.startswith(messages.SOMEONE)
    return GroupState(
        *(name, group, await groups.secret(db, group)),
        rows=tuple(await groups.speakers(db, group)),
        withdrawn=frozenset(await groups.withdrawn(db, group)),
        counts=await messages.count_by_speaker(db, group),
        worded=await messages.count_by_speaker(db, group, but=WORDLESS),
        characters=await messages.characters_by_speaker(db, group),
        heard=heard,
        origins=origins,
        ledger=await groups.newest_entry(db, group),
        turns=turns,
        handles=tuple(await handles.known(db, group)),
    )


class Study:
    """Exports looked at against a group. Raises ImportRefusedError for aliases in a circle.

    people:  everybody of the group and the exports
    reports: the doctor's, one for each export
    doubles: for each export which of its messages the group, or an earlier export, has
    counts:  for each export the number of messages by person
    fresh:   the same, of messages that are new
    """

    def __init__(
        self,
        state: GroupState,
        exports: Sequence[tuple[str, Export]],
        aliases: Mapping[str, str],
        privacy: PrivacyConfig,
    ) -> None:
        """Look at (file name, export) pairs."""
        self.state, self.exports = state, [export for _, export in exports]
        names = {name for export in self.exports for name in export.speakers}
        insiders = {*called(state.rows), *names, *aliases.values()}
        self.scrubber: Scrubber = make_scrubber(privacy, state.secret, insiders)
        self.scrubber.admit(state.handles)
        self.people = People(
            *(state.rows, state.withdrawn, aliases, self.scrubber.scrub),
            partial(keyed, state.secret),
        )
        self.reports: list[Report] = []
        self.doubles: list[npt.NDArray[np.bool_]] = []
        self.counts: list[Counter[Person]] = []
        self.fresh: list[Counter[Person]] = []
        known = Known()
        known.add_stored(state.heard, {id: p.name for p in self.people for id in p.ids})
        for number, (file, export) in enumerate(exports):
            self._look(known, file, export, last=number == len(exports) - 1)
        whole = self._verdict()
        for report in self.reports:
            report.verdict = whole

    def person(self, message: ExportedMessage) -> Person:
        """Who said it."""
        return self.people.of(message.speaker, message.key)

    def _look(self, known: Known, file: str, export: Export, *, last: bool) -> None:
        report = examine(file, export, lambda m: self.person(m).shown, self.scrubber.scrub)
        found = Doubles(np.zeros(len(export.messages), np.bool_))
        if len(known) or not last:
            new = known.packed(map(self._said, export.messages))
            found = known.doubles(new)
            if not last:
                known.add(new, ~found.there)
        doubles = found.there | self._same_origin(export)
        report.duplicates = int(doubles.sum())
        self._tell(report, found)
        self.reports.append(report)
        self.doubles.append(doubles)
        counts: Counter[Person] = Counter()
        for name, key, count in export.messages.voices():
            counts[self.people.of(name, key)] += count
        known_before = Counter(
            self.person(export.messages[place]) for place in map(int, np.flatnonzero(doubles))
        )
        self.counts.append(counts)
        self.fresh.append(counts - known_before)

    def _said(self, message: ExportedMessage) -> Said:
        text = self.scrubber.scrub(message.text)
        return Said(self.person(message).name, text, message.sent_at)

    def _same_origin(self, export: Export) -> npt.NDArray[np.bool_]:
        """Which messages came in by an export of the same kind."""
        count = len(export.messages)
        if not self.state.origins:
            return np.zeros(count, np.bool_)
        origins = np.fromiter(
            (hash(message.origin) for message in export.messages), np.int64, count
        )
        return np.isin(origins, np.frombuffer(self.state.origins, np.int64))

    def _tell(self, report: Report, found: Doubles) -> None:
        """Put into a report what only a comparison with the group shows."""
        shown = {person.name: person.shown for person in self.people}
        heard = [LikelyAlias(shown[a.alias], shown[a.name], a.reason) for a in found.aliases]
        told = {each.alias for each in heard}
        likely = likely_aliases(self._counts(report))
        report.aliases = heard + [each for each in likely if each.alias not in told]
        if found.shifts:
            hours = ", ".join(f"{shift / 3600:+g} h" for shift in found.shifts)
            report.time_zone += f"; against what the group has its clock is shifted by {hours}"

    def _verdict(self) -> Verdict:
        """What to expect of all that the group will have, whichever file it came from."""
        said: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for person in self.people:
            for id in person.ids:
                said[person.shown] += self.state.worded.get(id, 0)
                characters[person.shown] += self.state.characters.get(id, 0)
        for report, counts, fresh in zip(self.reports, self.counts, self.fresh, strict=True):
            voices = {voice.name: voice for voice in report.verdict.voices}
            for person, count in fresh.items():
                voice = voices.get(person.shown)
                if voice is not None:
                    said[person.shown] += voice.messages * count // counts[person]
                    characters[person.shown] += voice.characters * count // counts[person]
        return verdict(said, characters)

    def _counts(self, report: Report) -> Mapping[str, int]:
        """Messages by name, of the group's speakers and of this export's."""
        counts = Counter(report.speakers)
        for person in self.people:
            for id in person.ids:
                counts[person.shown] += self.state.counts.get(id, 0)
        return counts
