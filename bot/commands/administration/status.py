"""/status: whether everything is well, in figures: intake, version, queue, memory, learning."""

from __future__ import annotations

import time

from bot.commands.administration.evidence import administers, evidence
from bot.commands.administration.learning import refusal
from bot.house import House
from bot.learning.retraining import describe
from bot.memory.footprint import engine_bytes, resident_bytes, size, slot_bytes
from bot.units import span
from bot.updates.alarm import AGAIN_S
from bot.updates.incoming import Incoming
from bot.updates.intake import LONG_POLL_S
from bot.wording import Wording
from storage import alarms, inbox, outbox, schedules

DEAF_S = LONG_POLL_S + 30  # without an answer from Telegram for so long, the intake is not well
ERRORS = 5  # kinds that are listed


async def status(house: House, heard: Incoming) -> None:
    """/status. In private it is for admins only."""
    if not heard.in_group and not await house.obeys(heard):
        await house.answer(heard, refusal(heard))
        return
    say = heard.wording
    lines = [_serving(house, say)]
    if heard.in_group:
        lines.append(await _this_chat(house, heard))
    lines += [_intake(house, say), await _queue(house, say), _memory(house, say)]
    lines += [_timings(house, say), await _learning(house, say), await _errors(house, say)]
    admin = not heard.in_group or await administers(house, heard.chat_id)
    if not (admin or house.me.can_read_all_group_messages):  # admins see everything
        lines.append(
            say(
                "Privacy mode is on: I see only commands, mentions and replies. "
                "@BotFather, /setprivacy, Disable; then remove me from the group and add me again."
            )
        )
    lines += await evidence(house, heard.wording, admin=admin)
    await house.answer(heard, "\n".join(line for line in lines if line))


def _serving(house: House, say: Wording) -> str:
    meta = house.current.checkpoint.meta
    line = say.many(
        "Group {group}: version {version}, learnt from {n:,} message",
        "Group {group}: version {version}, learnt from {n:,} messages",
        meta.messages,
        group=house.group.name,
        version=meta.version,
    )
    bpb = meta.metrics.get("bpb")
    if bpb is None:
        return line
    return f"{line}, {say('{bpb:.3f} bits per byte on those held out', bpb=bpb)}"


async def _this_chat(house: House, heard: Incoming) -> str:
    context = await house.context(heard)
    return heard.wording.many(
        "This chat: {n} message in mind ({tokens} of {capacity} tokens)",
        "This chat: {n} messages in mind ({tokens} of {capacity} tokens)",
        len(context.entries),
        tokens=context.size,
        capacity=context.capacity,
    )


def _intake(house: House, say: Wording) -> str:
    """Whether Telegram answers, and how long ago something came."""
    now = time.monotonic()
    silent = now - house.intake.last_success
    fields = {
        "up": span(now - house.started, say),
        "silent": span(silent, say),
        "quiet": span(now - house.intake.last_update, say),
    }
    if silent > DEAF_S:
        return say(
            "⚠️ Up {up}, but Telegram has not answered for {silent}; last update {quiet} ago",
            **fields,
        )
    return say("Up {up}; the intake is alive, last update {quiet} ago", **fields)


async def _queue(house: House, say: Wording) -> str:
    updates = await house.store.read(inbox.counts)
    replies = await house.store.read(outbox.counts)
    return say(
        "Waiting: updates {updates}, replies to make {wanted}, messages to send {ready}; "
        "updates set aside: {aside}",
        updates=max(0, updates["pending"] - 1),  # but for the one that is being answered
        wanted=replies.get("wanted", 0),
        ready=replies.get("ready", 0),
        aside=updates["set_aside"],
    )


def _memory(house: House, say: Wording) -> str:
    checkpoint, engine = house.current.checkpoint, house.config.engine
    device = checkpoint.gpt.embed_tokens.weight.device
    one = slot_bytes(checkpoint, device)
    return say(
        "Memory: this process {process}; for {slots} warm chats and their replies {engine} on "
        "{device} ({one} a chat), for {shelf} more on the shelf at most {shelved}; contexts: "
        "{contexts}",
        process=size(resident_bytes(), say),
        slots=engine.slots,
        device=device,
        engine=size(engine_bytes(checkpoint, device, engine.slots), say),
        one=size(one, say),
        shelf=engine.shelf,
        shelved=size(engine.shelf * one, say),
        contexts=len(house.current.contexts),
    )


def _timings(house: House, say: Wording) -> str:
    found = house.timings.medians()
    if found is None:
        return ""
    return say.many(
        "The last reply: {queued:.0f} ms in line, {prefill:.0f} ms to read, {decode:.0f} ms to "
        "write {tokens:.0f} tokens; {cached:.0%} was read before",
        "The last {n} replies (medians): {queued:.0f} ms in line, {prefill:.0f} ms to read, "
        "{decode:.0f} ms to write {tokens:.0f} tokens; {cached:.0%} was read before",
        found.replies,
        queued=1000 * found.queued_s,
        prefill=1000 * found.prefill_s,
        decode=1000 * found.decode_s,
        tokens=found.tokens,
        cached=found.cached,
    )


async def _learning(house: House, say: Wording) -> str:
    """What a training does now, and when the next one begins by itself."""
    lines = []
    if house.retraining.running:
        event = house.retraining.progress
        so_far = say("getting ready") if event is None else describe(event, say)
        lines.append(say("Learning:\n{progress}", progress=so_far))
    schedule = await house.store.read(lambda db: schedules.get(db, house.group.id))
    if schedule is not None:
        date = f"{await house.nightly.next(schedule):%Y-%m-%d %H:%M %Z}"
        lines.append(say("I learn by night, next on {date}", date=date))
    return "\n".join(lines)


async def _errors(house: House, say: Wording) -> str:
    found = await house.store.read(lambda db: alarms.recent(db, AGAIN_S))
    if not found:
        return ""
    listed = ", ".join(f"{kind} ({count}×)" for kind, count in found[:ERRORS])
    return say("Errors this week: {kinds}", kinds=listed)
