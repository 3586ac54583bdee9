"""Rules of words and characters as tokens: what is one, what is rare, what is kept."""

from __future__ import annotations

from lm.corpus.tokenizer import Tokenizer
from lm.corpus.wordlevel import LONGEST_WORD


def words(*texts: str, rare: int = 1, size: int = 100) -> Tokenizer:
    """A tokenizer that has read these texts."""
    return Tokenizer.train(texts, size, (), "word", rare)


def forms(tokenizer: Tokenizer, text: str) -> list[str]:
    """How a text is cut."""
    return [span.form for span in tokenizer.spans(text)]


def test_words_are_lad_gpts() -> None:
    """Lower-cased words, single digits, single signs; spaces are no tokens."""
    cut = forms(words(), "C'mon,  it's\n10:30pm on snake_case b4!?")
    assert cut == [
        *("c", "'", "mon", ",", "it", "'", "s", "1", "0", ":", "3", "0", "pm", "on"),
        *("snake_case", "b4", "!", "?"),
    ]


def test_a_mark_begins_no_word() -> None:
    """An emoji's variation selector does not stick to the next word; accents stay in theirs."""
    assert forms(words(), "❤\ufe0flove") == ["❤", "\ufe0f", "love"]
    assert forms(words(), "cafe\u0301 İx नमस्ते") == ["cafe\u0301", "i\u0307x", "नमस्ते"]


def test_case_does_not_count() -> None:
    """HELLO is hello, and what was read in capitals is known in small letters."""
    tokenizer = words("HELLO Straße")
    assert tokenizer.encode("hello Hello") == tokenizer.encode("HELLO HELLO")
    assert tokenizer.unknown not in tokenizer.encode("hello straße")


def test_what_is_rare_is_unknown() -> None:
    """A word needs `rare` occurrences; ids go by frequency, then by the alphabet."""
    tokenizer = words("b a b c", "a b", rare=2)
    assert tokenizer.encode("b a c d") == [1, 2, 0, 0]
    assert tokenizer.unknown == 0


def test_the_vocabulary_has_its_size() -> None:
    """UNKNOWN is one of the ids that are allowed; structure comes on top."""
    tokenizer = words("a a a b b c", size=3)
    assert tokenizer.end == 3
    assert tokenizer.encode("a b c") == [1, 2, 0]
    assert words("a", size=0).encode("a") == [0]


def test_a_paste_without_spaces_is_no_word() -> None:
    """Endless words, however often they come, take no room in the vocabulary."""
    long = "x" * (LONGEST_WORD + 1)
    assert words(f"{long} {long} ok", rare=1).encode(f"{long} ok") == [0, 1]


def test_characters_of_any_script() -> None:
    """One character, one id: spaces, line ends, capitals, Chinese and emoji too."""
    texts = ["你好 Ah\n", "你好吗😀"]
    tokenizer = Tokenizer.train(texts, 100, (), "character", rare=1)
    for text in (*texts, "hA 吗\n\n你😀"):
        assert len(tokenizer.encode(text)) == len(text)
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert Tokenizer.train(texts, 100, (), "character").encode("吗好") == [0, 2]


def test_nothing_to_learn_from() -> None:
    """Without text everything is UNKNOWN and nothing fails."""
    for kind in ("word", "character"):
        tokenizer = Tokenizer.train([], 300, (1,), kind)
        assert tokenizer.vocab_size == 1 + 4
        assert set(tokenizer.encode("so it goes")) == {0}
