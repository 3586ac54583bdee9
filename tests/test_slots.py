"""Rules of the slots: whose they are, what stays in them, and how the model sees them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lm.engine.slots import Batch, Slots
from lm.engine.table import Chore, Slot, SlotTable

LAYERS = [(2, 64), (2, 64)]


@pytest.fixture
def slots() -> Slots:
    return Slots(LAYERS, slots=5, span=12, dtype=torch.float32, device=torch.device("cpu"))


def zeroed(table: SlotTable) -> list[int]:
    return [chore.slot for chore in table.chores if chore.what == "zero"]


def random(rows: int, time: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    k, v = torch.randn(2, rows, 2, time, 64, generator=generator)
    return k, v


def test_a_chat_keeps_its_slot() -> None:
    """Asking again gives the same slot with the same tokens."""
    table = SlotTable(2)
    slot = table.take("a")
    assert slot is not None
    slot.tokens = [1, 2]
    table.take("b")
    assert table.take("a") is slot
    assert slot.tokens == [1, 2]
    assert table.chores == []


def test_the_chat_silent_longest_gives_way() -> None:
    """The slot that changes hands is that of the chat silent longest; it is emptied and zeroed."""
    table = SlotTable(3)
    a, b, _ = (table.take(chat) for chat in "abc")
    assert a is not None
    assert b is not None
    a.tokens, b.tokens = [1], [2]
    table.touch("a")
    assert table.take("d") is b
    assert (table.of("b"), b.tokens, zeroed(table)) == (None, [], [b.index])
    assert a.tokens == [1]


def test_no_slot_is_taken_from_a_request_in_flight() -> None:
    """Busy slots stay; with all of them busy there is none."""
    table = SlotTable(2)
    a, b = table.take("a"), table.take("b")
    assert a is not None
    assert b is not None
    a.busy = True
    assert table.take("c") is b
    b.busy = True
    assert table.take("d") is None
    assert table.of("a") is a
    assert table.of("c") is b


def test_a_dropped_slot_is_free_and_stale() -> None:
    """Dropping a chat frees its slot and marks it; dropping a stranger does nothing."""
    table = SlotTable(2)
    slot = table.take("a")
    table.drop("a")
    table.drop("nobody")
    assert table.of("a") is None
    assert zeroed(table) == [0]
    assert table.take("b") is slot


@pytest.mark.parametrize(
    ("cached", "prompt", "kept"),
    [([1, 2, 3], [1, 2, 9], 2), ([1, 2], [1, 2, 3], 2), ([1, 2, 3], [1], 1), ([1], [2], 0),
     ([], [1], 0), ([1, 2], [], 0)],
)  # fmt: skip
def test_the_common_prefix_stays(cached: list[int], prompt: list[int], kept: int) -> None:
    """A slot keeps what a prompt shares with it from the start, and nothing behind that."""
    slot = Slot(0, list(cached))
    assert slot.keep_prefix(prompt) == kept
    assert slot.tokens == prompt[:kept]


def test_chunks_build_up_a_slot(slots: Slots) -> None:
    """A chunk sees the chunks before it, causally; other slots stay as they are."""
    k, v = random(1, 7, seed=0)
    Batch(slots, [3], [0], [4]).update(1, k[:, :, :4], v[:, :, :4])
    cache = Batch(slots, [3], [4], [3])
    keys, values, mask = cache.update(1, k[:, :, 4:], v[:, :, 4:])
    assert torch.equal(keys, k)
    assert torch.equal(values, v)
    assert cache.positions.tolist() == [[4, 5, 6]]
    assert mask.tolist() == [[[[True] * 5 + [False] * 2, [True] * 6 + [False], [True] * 7]]]
    assert slots.keys[1][[0, 1, 2, 4]].abs().max() == 0
    assert slots.keys[0].abs().max() == 0


@pytest.mark.parametrize("rows", [[2], [1, 2, 3], [0, 3, 4], [0, 4]])
def test_a_batch_sees_its_rows(slots: Slots, rows: list[int]) -> None:
    """Ragged rows, side by side or scattered: each sees its own past and nothing behind it."""
    lengths = [5, 2, 7][: len(rows)]
    past = random(5, 12, seed=1)
    slots.keys[1].copy_(past[0])
    slots.values[1].copy_(past[1])
    k, v = random(len(rows), 1, seed=2)
    cache = Batch(slots, rows, lengths)
    keys, values, mask = cache.update(1, k, v)
    assert keys.shape == values.shape == (len(rows), 2, max(lengths) + 1, 64)
    for i, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        for seen, old, new in ((keys, past[0], k), (values, past[1], v)):
            assert torch.equal(seen[i, :, :length], old[row, :, :length])
            assert torch.equal(seen[i, :, length], new[i, :, 0])
        assert mask[i, 0, 0].tolist() == [at <= length for at in range(max(lengths) + 1)]
    assert torch.equal(slots.keys[1][rows[0], :, lengths[0]], k[0, :, 0])  # it stays


def test_padding_is_stored_nowhere(slots: Slots) -> None:
    """Chunks of several slots at once: each stores its own, and sees its own past only."""
    k, v = random(2, 3, seed=3)
    cache = Batch(slots, [4, 1], [2, 0], [1, 3])
    keys, values, mask = cache.update(0, k, v)
    assert cache.positions.tolist() == [[2, 2, 2], [0, 1, 2]]
    assert torch.equal(keys[1], k[1])
    assert torch.equal(values[0, :, 2], v[0, :, 0])
    assert mask[1, 0].tolist() == [[at <= row for at in range(3)] for row in range(3)]
    assert slots.keys[0][4, :, [0, 1, 3, 4]].abs().max() == 0
    assert slots.keys[0][1, :, 3:].abs().max() == 0


def test_a_branch_sees_its_base_and_itself(slots: Slots) -> None:
    """Rows that branch off a slot see its first tokens and their own last ones, copied nowhere."""
    past = random(5, 12, seed=4)
    slots.keys[1].copy_(past[0])
    k, v = random(3, 1, seed=5)
    cache = Batch(slots, [0, 3, 4], [4, 4, 6], bases=[0, 0, 0], base_lengths=[0, 4, 3])
    keys, _, mask = cache.update(1, k, v)
    assert torch.equal(keys[0, :, :4], past[0][0, :, :4])
    assert torch.equal(keys[1, :, :5], torch.cat((past[0][0, :, :4], k[1]), dim=1))
    own = torch.cat((past[0][0, :, :3], past[0][4, :, 3:6], k[2]), dim=1)
    assert torch.equal(keys[2], own)
    assert mask[:, 0, 0].sum(dim=-1).tolist() == [5, 5, 7]


def test_a_spare_slot_is_cleaned_between_chats() -> None:
    """One chat's branch never follows another's without zeros in between, nor outlives it."""
    table = SlotTable(2, spare=1)
    base = table.take("a")
    assert base is not None
    spare = table.branch("a", base, 3)
    assert (spare.index, spare.length, table.spares()) == (2, 3, 0)
    table.give_back(spare)
    assert table.branch("a", base, 0) is spare
    assert table.chores == []
    table.give_back(spare)
    table.branch("b", base, 0)
    assert zeroed(table) == [2]
    table.give_back(spare)
    table.chores.clear()
    table.drop("b")
    assert zeroed(table) == [2]


def test_zero_leaves_no_trace(slots: Slots) -> None:
    """A zeroed slot holds zeros in every layer; others stay."""
    for layer in (0, 1):
        for row in range(5):
            Batch(slots, [row], [0], [12]).update(layer, *random(1, 12, seed=row))
    slots.zero(2)
    for tensor in (*slots.keys, *slots.values):
        assert [row.abs().max().item() > 0 for row in tensor] == [True, True, False, True, True]


def test_who_loses_a_slot_goes_onto_the_shelf() -> None:
    """It is copied before the slot is zeroed, fetched when the chat is back; where there is no room
    the chat shelved first makes it, and who is forgotten is forgotten there too."""
    table = SlotTable(1, shelf=2)
    for chat, had in (("a", []), ("b", []), ("a", ["a"]), ("c", []), ("d", [])):
        slot = table.take(chat)
        assert slot is not None
        assert slot.tokens == [ord(each) for each in had]
        slot.tokens = [ord(chat)]
    table.drop("c")
    zero = Chore("zero", 0)
    assert table.chores == [
        Chore("shelve", 0, "a", 1), zero,
        Chore("shelve", 0, "b", 1), zero, Chore("fetch", 0, "a"),
        Chore("shelve", 0, "a", 1), zero,
        Chore("discard", chat="b"), Chore("shelve", 0, "c", 1), zero,
        Chore("discard", chat="c"),
    ]  # fmt: skip


def test_copies_come_back(slots: Slots) -> None:
    """The first places of a slot are those of another slot afterwards, and nothing else is."""
    Batch(slots, [2], [0], [12]).update(1, *random(1, 12, seed=1))
    copies = slots.copied(2, 5)
    before = slots.keys[1][2, :, :5].clone()
    slots.zero(2)
    slots.fill(4, copies)
    assert torch.equal(slots.keys[1][4, :, :5], before)
    assert slots.keys[1][4, :, 5:].abs().max() == 0
    assert slots.values[0].abs().max() == 0
