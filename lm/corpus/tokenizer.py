"""Text to ids and back, of three kinds, and the ids that give it structure.

"bpe" (byte-level, the default) spells any text; "word" knows lower-cased words and "character"
characters, and what is rare is UNKNOWN to them. END, BREAK, SOMEONE and one id per speaker stand
behind the text's ids; encoding text never yields one of them, whatever was typed. It knows no
sessions and no model; it is saved as the tokenizer.json that other runtimes read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import tokenizers
from tokenizers import AddedToken, models

from lm.corpus import bpe, wordlevel
from lm.corpus.sentence import sentence
from lm.corpus.wordlevel import RARE, UNKNOWN

Kind = Literal["bpe", "word", "character"]

END, BREAK, SOMEONE = "<|end|>", "<|break|>", "<|someone|>"  # llama.cpp hides <|...|> by itself


class Span(NamedTuple):
    """One id of a text and the characters text[start:stop] that it stands for.

    form: the piece as the vocabulary has it, or would have it if it were not UNKNOWN
    """

    id: int
    form: str
    start: int
    stop: int


def structural_names(speakers: int) -> list[str]:
    """Names of the structural tokens in the order of their ids, for that many speakers."""
    return [END, BREAK, SOMEONE, *(f"<|speaker {i}|>" for i in range(speakers))]


class Tokenizer:
    """Pieces of text with structural ids. `speakers` holds Speaker.id in the order of their ids.

    kind:       how text is cut
    backend:    what cuts it: the library's tokenizer, structural tokens included
    unknown:    the id of all that cannot be spelled; None where everything can
    structural: the ids that are not text (UNKNOWN is text)
    banned:     the ids that a reply never holds: structure but END, and UNKNOWN
    """

    def __init__(self, backend: tokenizers.Tokenizer, speakers: Sequence[int]) -> None:
        """Wrap a trained `backend`. ValueError when it is none of ours."""
        self.backend = backend
        self.backend.encode_special_tokens = True  # typed text never becomes a structural id
        self.kind = _kind(backend)
        self.speakers = tuple(speakers)
        names = structural_names(len(self.speakers))
        first = backend.get_vocab_size(with_added_tokens=False)
        ids = list(range(first, first + len(names)))
        if [backend.token_to_id(name) for name in names] != ids or set(ids) != set(
            backend.get_added_tokens_decoder()
        ):
            raise ValueError(f"tokenizer: its added tokens do not fit {len(speakers)} speakers")
        if set(backend.get_vocab(with_added_tokens=False).values()) != set(range(first)):
            raise ValueError(f"tokenizer: the ids of its text are not 0 to {first - 1}")
        self.end, self.break_, self.someone = ids[:3]
        self.unknown: int | None = backend.token_to_id(UNKNOWN) if self.kind != "bpe" else None
        self.structural = frozenset(ids)
        unsaid = {self.unknown} if self.unknown is not None else set()
        self.banned = (self.structural - {self.end}) | unsaid
        self.vocab_size = first + len(names)
        self._speaker_ids = dict(zip(self.speakers, ids[3:], strict=True))

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        speakers: Sequence[int],
        kind: Kind = "bpe",
        rare: int = RARE,
    ) -> Tokenizer:
        """Learn at most `vocab_size` ids from texts; structural ids come on top.

        rare: words or characters seen less often are UNKNOWN; bytes never are
        """
        if kind == "bpe":
            return cls.structured(bpe.train(texts, vocab_size), speakers)
        return cls.structured(wordlevel.train(texts, vocab_size, kind, rare), speakers)

    @classmethod
    def structured(cls, backend: tokenizers.Tokenizer, speakers: Sequence[int]) -> Tokenizer:
        """A trained backend that has no structural tokens yet, with those for `speakers`."""
        names = structural_names(len(speakers))
        backend.add_special_tokens([AddedToken(n, special=True, normalized=False) for n in names])
        return cls(backend, speakers)

    def encode(self, text: str) -> list[int]:
        """Ids of text alone, never a structural one."""
        ids: list[int] = self.backend.encode(text, add_special_tokens=False).ids
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of many texts, faster than one by one."""
        found = self.backend.encode_batch(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def spans(self, text: str) -> list[Span]:
        """The ids of a text, each with its place in it. A character may have several byte ids."""
        found = self.backend.encode(text, add_special_tokens=False)
        spans = []
        for i, form, (start, stop) in zip(found.ids, found.tokens, found.offsets, strict=True):
            known = i != self.unknown
            spans.append(Span(i, form if known else self._folded(text[start:stop]), start, stop))
        return spans

    def _folded(self, piece: str) -> str:
        """A piece as its vocabulary would have it: words are in lower case."""
        return str(self.backend.normalizer.normalize_str(piece)) if self.kind == "word" else piece

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids. Structural ids are skipped; broken UTF-8 and UNKNOWN become U+FFFD.

        Words get spaces where people usually write them.
        """
        plain = [i for i in ids if i not in self.structural]
        if self.kind == "bpe":
            return str(self.backend.decode(plain, skip_special_tokens=False))
        pieces = [self._shown(i) for i in plain]
        return sentence(pieces) if self.kind == "word" else "".join(pieces)

    def _shown(self, i: int) -> str:
        return (
            "\N{REPLACEMENT CHARACTER}" if i == self.unknown else str(self.backend.id_to_token(i))
        )

    def speaker(self, speaker_id: int | None) -> int:
        """The id that announces a speaker; SOMEONE's for one it does not know."""
        if speaker_id is None:
            return self.someone
        return self._speaker_ids.get(speaker_id, self.someone)

    def message(self, speaker_id: int | None, text: str) -> list[int]:
        """One message as it stands in a stream: speaker, text, END."""
        return [self.speaker(speaker_id), *self.encode(text), self.end]

    def save(self, path: Path) -> None:
        """Write tokenizer.json."""
        path.write_text(self.backend.to_str(pretty=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path, speakers: Sequence[int]) -> Tokenizer:
        """Read tokenizer.json of any kind. ValueError: it is none, or not for these speakers."""
        try:
            backend = tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except Exception as error:  # the library raises bare Exception for a malformed file
            raise ValueError(f"{path.name}: not a tokenizer ({type(error).__name__})") from error
        return cls(backend, speakers)


def _kind(backend: tokenizers.Tokenizer) -> Kind:
    """Which kind a trained or loaded tokenizer is. ValueError when it is none of them."""
    if isinstance(backend.model, models.BPE):
        return "bpe"
    if isinstance(backend.model, models.WordLevel):
        return wordlevel.kind_of(backend)
    raise ValueError(f"tokenizer: its model is {type(backend.model).__name__}, none of ours")
