"""Text to ids and back: byte-level BPE trained on the group, and the ids that give it structure.

Any text can be spelled, so nothing is ever unknown. END, BREAK, SOMEONE and one id per speaker
stand after the BPE ids; encoding text never yields one of them, whatever was typed. It knows no
sessions and no model; it is saved as the tokenizer.json that other runtimes read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers

# Qwen2's pattern: llama.cpp knows it by the name "qwen2", and digits stay single.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
END, BREAK, SOMEONE = "<|end|>", "<|break|>", "<|someone|>"  # llama.cpp hides <|...|> by itself


def structural_names(speakers: int) -> list[str]:
    """Names of the structural tokens in the order of their ids, for that many speakers."""
    return [END, BREAK, SOMEONE, *(f"<|speaker {i}|>" for i in range(speakers))]


class Tokenizer:
    """Byte-level BPE with structural ids. `speakers` holds Speaker.id in the order of their ids."""

    def __init__(self, bpe: tokenizers.Tokenizer, speakers: Sequence[int]) -> None:
        """Wrap a trained `bpe`. ValueError when its added tokens are not ours."""
        self._bpe = bpe
        self._bpe.encode_special_tokens = True  # typed text never becomes a structural id
        self.speakers = tuple(speakers)
        names = structural_names(len(self.speakers))
        first = bpe.get_vocab_size(with_added_tokens=False)
        ids = list(range(first, first + len(names)))
        if [bpe.token_to_id(name) for name in names] != ids or set(ids) != set(
            bpe.get_added_tokens_decoder()
        ):
            raise ValueError(f"tokenizer: its added tokens do not fit {len(speakers)} speakers")
        self.end, self.break_, self.someone = ids[:3]
        self.structural = frozenset(ids)
        self.vocab_size = first + len(names)
        self._speaker_ids = dict(zip(self.speakers, ids[3:], strict=True))

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int, speakers: Sequence[int]) -> Tokenizer:
        """Learn at most `vocab_size` byte-pair ids from texts; structural ids come on top."""
        bpe = tokenizers.Tokenizer(models.BPE())
        bpe.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        bpe.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=max(vocab_size, 256),
            min_frequency=2,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        bpe.train_from_iterator(texts, trainer)
        names = structural_names(len(speakers))
        bpe.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
        return cls(bpe, speakers)

    def encode(self, text: str) -> list[int]:
        """Ids of text alone, never a structural one."""
        ids: list[int] = self._bpe.encode(text, add_special_tokens=False).ids
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of many texts, faster than one by one."""
        found = self._bpe.encode_batch(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids. Structural ids are skipped; broken UTF-8 becomes U+FFFD."""
        plain = [i for i in ids if i not in self.structural]
        text: str = self._bpe.decode(plain, skip_special_tokens=False)
        return text

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
        path.write_text(self._bpe.to_str(pretty=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path, speakers: Sequence[int]) -> Tokenizer:
        """Read tokenizer.json; ValueError when it is none, or not for these speakers."""
        try:
            bpe = tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except Exception as error:  # the library raises bare Exception for a malformed file
            raise ValueError(f"{path.name}: not a tokenizer ({type(error).__name__})") from error
        return cls(bpe, speakers)
