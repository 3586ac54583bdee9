"""lm/judging/judgement.py: all figures of one model in one record."""

from __future__ import annotations

import json

import pytest
import torch

from lm.corpus.batches import session_ids
from lm.corpus.message import Message
from lm.judging.bits import bits_per_byte
from lm.judging.floors import BIGRAM, KNESER_NEY
from lm.judging.judgement import Judgement, judge, predictor
from lm.models.gpt import GPT, ModelConfig
from lm.models.kneser_ney import KneserNey
from lm.models.predictor import GPTPredictor, Predictor
from tests.predictors import TOKENIZER, A, B, C, Uniform, quiet, talk

NAMES = {1: "Ann", 2: "Bo", 3: "Cy"}
METRICS = {
    "bpb",
    "bpb_gain",
    "persona_gain",
    "speaker_id_1",
    "speaker_id_20",
    "ranking_pmi",
    "ranking_likelihood",
    "next_speaker_bits",
    "next_speaker_top1",
    "next_speaker_gain",
}
CPU = torch.device("cpu")
CONFIG = ModelConfig(TOKENIZER.vocab_size, 1, 64, 1, 1, 64, 64, context=32)


def judged(model: Predictor, held_out: list[list[Message]], seed: int = 1) -> Judgement:
    return judge(model, TOKENIZER, talk(300, 9), held_out, NAMES, 32, seed, quiet)


def test_a_uniform_model_is_at_chance_everywhere() -> None:
    """Every metric that has a chance is at it, and every gain is none."""
    metrics = judged(Uniform(), talk(90)).metrics
    assert set(metrics) == METRICS
    for name in ("speaker_id_1", "speaker_id_20", "ranking_pmi"):
        assert metrics[name].estimate.value == pytest.approx(metrics[name].against["chance"])
    assert metrics["ranking_pmi"].against["chance"] == 0.1
    assert metrics["speaker_id_1"].against["chance"] == pytest.approx(1 / 3)
    assert metrics["persona_gain"].estimate.value == 0
    assert metrics["next_speaker_top1"].estimate.value == pytest.approx(1 / 3)
    assert metrics["next_speaker_bits"].against.keys() == {f"Markov {k}" for k in range(4)}


def test_a_gpt_through_and_through() -> None:
    """bpb is what training reports; JSON holds all by name; same seed, same figures."""
    torch.manual_seed(0)
    model = predictor(GPT(CONFIG), CPU)
    held_out = talk(90)
    found = judged(model, held_out)
    record = json.loads(json.dumps(found.record(), allow_nan=False))
    assert set(record["metrics"]) == METRICS
    bpb = record["metrics"]["bpb"]
    assert bpb["value"] == pytest.approx(bits_per_byte(model, TOKENIZER, held_out, 32))
    assert bpb["low"] < bpb["value"] < bpb["high"]
    assert {"title", "unit", "higher_is_better", "count", "against"} <= bpb.keys()
    assert (record["messages"], record["sessions"], record["skipped"]) == (90, 9, {})
    assert {p["speaker"] for p in record["personas"]} == {"Ann", "Bo", "Cy"}
    assert [c["messages"] for c in record["confusions"]] == [1, 20]
    assert judged(model, held_out).record() == found.record()


def test_what_cannot_be_measured_says_why() -> None:
    """A few messages of two people have bits per byte, and reasons for the rest."""
    held_out = [[Message(1, "jam"), Message(2, "ice")] * 3]
    found = judged(Uniform(), held_out)
    assert set(found.metrics) == METRICS - found.skipped.keys()
    assert set(found.skipped) == {
        "persona_gain",
        "speaker_id_1",
        "speaker_id_20",
        "ranking_pmi",
        "ranking_likelihood",
    }
    assert "held-out messages" in found.skipped["speaker_id_1"]
    strangers = judged(Uniform(), [[Message(None, "jam")] * 30])
    assert set(strangers.metrics) == {"bpb", "bpb_gain"}
    assert strangers.personas[0].speaker == "everybody else"
    with pytest.raises(ValueError, match="0 messages"):
        judged(Uniform(), [])


def test_every_kind_of_model_is_asked_the_same_way() -> None:
    """A GPT is wrapped; what answers already is taken as it is."""
    model = Uniform()
    assert predictor(model, CPU) is model
    assert isinstance(predictor(GPT(CONFIG), CPU), GPTPredictor)
    assert {A, B, C} == {TOKENIZER.speaker(i) for i in NAMES}


def test_the_floor_is_learnt_from_what_the_model_learnt_from() -> None:
    """Kneser-Ney stands beside bpb, and the gain is their difference on the same messages."""
    found = judged(Uniform(), talk(90))
    floor = KneserNey.train([session_ids(TOKENIZER, s) for s in talk(300, 9)], TOKENIZER.vocab_size)
    bpb, gain = found.metrics["bpb"], found.metrics["bpb_gain"]
    expected = bits_per_byte(floor, TOKENIZER, talk(90), 32)
    assert bpb.against[KNESER_NEY] == pytest.approx(expected)
    assert set(bpb.against) == {BIGRAM, KNESER_NEY}
    assert gain.estimate.value == pytest.approx(expected - bpb.estimate.value)
    assert gain.estimate.value < 0
    assert set(judge(Uniform(), TOKENIZER, [], talk(90), NAMES, 32, 1, quiet).metrics) == (
        METRICS - {"bpb_gain"}
    )
