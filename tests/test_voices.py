"""Rules of voices: words of one's own become likelier, within one's own messages, and no others."""

from __future__ import annotations

import numpy as np
import torch

from lm.corpus.batches import Ids
from lm.corpus.tokenizer import Tokenizer
from lm.models.voices import PRIOR, STRENGTH, UNSEEN, Voices, speaking

TOKENIZER = Tokenizer.train(["oh dear me"] * 9, 260, (7, 8))
END = TOKENIZER.end
ANN, BOB = TOKENIZER.speaker(7), TOKENIZER.speaker(8)


def session(*said: tuple[int, str]) -> Ids:
    messages = [[token, *TOKENIZER.encode(text), END] for token, text in said]
    return np.array([TOKENIZER.break_, *(token for message in messages for token in message)])


ROW = session((ANN, "oh"), (BOB, "dear"), (TOKENIZER.someone, "me"), (ANN, "dear"), (ANN, "oh oh"))


def trained() -> Voices:
    return Voices.train([np.tile(ROW, 4000)], TOKENIZER.vocab_size, END)


def added(voices: Voices, row: Ids, at: int) -> torch.Tensor:
    return voices.added(torch.from_numpy(row)[None], torch.tensor([[at]]))[0, 0]


def test_counts_are_those_of_the_slow_way() -> None:
    """Of each speaker's text and ENDs; who is announced is nobody's choice of words."""
    expected = np.zeros_like(trained().counts)
    for token, text in ((ANN, "oh"), (BOB, "dear"), (ANN, "dear"), (ANN, "oh oh")):
        for said in (*TOKENIZER.encode(text), END):
            expected[token - END - 2, said] += 4000
    for said in (*TOKENIZER.encode("me"), END):
        expected[0, said] += 4000
    assert (trained().counts == expected).all()


def test_turns_without_words_are_nobodys_choice() -> None:
    """Who has not agreed has such: their ENDs would make those of others look rare."""
    row = session((ANN, "oh"), (TOKENIZER.someone, ""), (BOB, "dear"), (ANN, ""))
    spoken = session((ANN, "oh"), (BOB, "dear"))
    found, wanted = (Voices.train([each], TOKENIZER.vocab_size, END) for each in (row, spoken))
    assert (found.counts == wanted.counts).all()


def test_chances_are_those_of_the_formula() -> None:
    """Behind scores that everybody has, p is that of a speaker's words, as far as they are known,
    over everybody's, to the power of STRENGTH."""
    voices = trained()
    draw = torch.randn(TOKENIZER.vocab_size, generator=torch.Generator().manual_seed(0)).double()
    everybody = voices.counts.sum(axis=0) + UNSEEN
    everybody = everybody / everybody.sum()
    own = voices.counts[ANN - END - 2]
    smooth = (own + PRIOR * everybody) / (own.sum() + PRIOR)
    weights = draw.exp().numpy() * (smooth / everybody) ** STRENGTH
    found = (draw + added(voices, ROW, 1)).softmax(dim=-1).numpy()
    assert np.allclose(found, weights / weights.sum(), atol=1e-6)
    word = TOKENIZER.encode("oh")[0]
    assert found[word] > 1.1 * draw.softmax(dim=-1)[word].item()


def test_they_are_heard_within_a_message_alone() -> None:
    """From whoever is announced to the token before END; SOMEONE, and what nobody announced, has
    none; what comes later does not matter."""
    voices, speaker = trained(), 0
    found = speaking(ROW, END)
    for place, token in enumerate(ROW.tolist()):
        if token >= END:
            speaker = max(token - END - 2, 0)
        assert found[place] == speaker
        assert (speaking(ROW[: place + 1], END) == found[: place + 1]).all()
    assert set(found) == {0, ANN - END - 2, BOB - END - 2}
    assert not speaking(np.array(TOKENIZER.encode("oh dear")), END).any()
    assert not voices.boosts[0].any()


def test_who_speaks_like_everybody_speaks_as_the_gpt_says() -> None:
    """Nothing is gained by a name alone."""
    same = session((ANN, "oh dear me"), (BOB, "oh dear me"))
    draw = torch.randn(TOKENIZER.vocab_size, generator=torch.Generator().manual_seed(0))
    said = sorted({*TOKENIZER.encode("oh dear me"), END})
    voices = Voices.train([np.tile(same, 9000)], TOKENIZER.vocab_size, END)
    found = (draw + added(voices, same, 1))[said].softmax(dim=-1)
    assert torch.allclose(found, draw[said].softmax(dim=-1), atol=1e-3)
