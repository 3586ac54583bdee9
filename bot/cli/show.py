"""`understudy models` and `context`: what there is, as lines or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import torch

from bot.cli.choosing import UsageError, choose, choose_version, train_command
from bot.counts import counted
from bot.memory.context import Context, Voice
from bot.paths import Paths
from lm.checkpoints.checkpoint import CheckpointError
from lm.checkpoints.meta import Meta
from lm.checkpoints.versions import Versions
from lm.learning.events import Card
from lm.learning.training import SERVED
from storage import chats, groups
from storage.chats import ChatRow, ContextRow
from storage.lock import hold
from storage.store import reading


async def show_models(action: str, number: int, name: str, as_json: bool, paths: Paths) -> None:
    """List versions, or promote one or roll back and list them then."""
    async with reading(paths.database) as db:
        group = choose(await groups.all_groups(db), name)
    versions = Versions(paths.models(group.id))
    if action in ("promote", "show"):
        number = choose_version(versions.all(), number, group)
    if action in ("promote", "rollback"):
        with hold(paths.data):  # a running bot would go on serving the other one
            versions.promote(number) if action == "promote" else versions.rollback()
    elif action not in ("list", "show"):
        raise UsageError(f"models {action}: allowed are list, promote N, rollback and show N")
    wanted = [number] if action == "show" else versions.all()
    current = versions.current()
    rows = [{"current": v == current, **_known(versions, v, action == "show")} for v in wanted]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        mark = "*" if row["current"] else " "
        if "damaged" in row:
            print(f"{mark} {row['version']:>4}  damaged: {row['damaged']}")
            continue
        born = datetime.fromtimestamp(row["created_at"], UTC).strftime("%Y-%m-%d %H:%M UTC")
        bpb = row["metrics"].get("bpb")
        figure = "" if bpb is None else f", {bpb:.3f} bits per byte held out"
        print(f"{mark} {row['version']:>4}  {born}  {counted(row['messages'], 'message')}{figure}")
        if action == "show":
            print(card(versions.meta(row["version"])))
    if not rows:
        print(f"{group.name} has no version yet: {train_command(group)}")


def _known(versions: Versions, version: int, whole: bool) -> dict[str, Any]:
    """What a version's card holds; of a damaged one, where not the `whole` is wanted, why not."""
    try:
        return asdict(versions.meta(version))
    except CheckpointError as error:
        if whole:
            raise
        return {"version": version, "damaged": str(error)}


def card(meta: Meta) -> str:
    """A version's card as its training showed it."""
    figures = {k: v for k, v in meta.metrics.items() if k not in ("bpb", "held_out")}
    return str(Card(figures or {SERVED: meta.metrics["bpb"]}, list(meta.samples)))


async def show_context(
    chat_id: int, topic: int, as_json: bool, paths: Paths, longest_reply: int
) -> None:
    """What a chat's context holds now. Raises UsageError for a chat that the bot has not met."""
    async with reading(paths.database) as db:
        row = await chats.find(db, chat_id, topic)
        if row is None:
            raise UsageError(f"chat {chat_id}, topic {topic}: the bot has not met it")
        held = await chats.context(db, row.id)
        names = {each.id: each.name for each in await groups.speakers(db, row.group_id)}
    held_as = _held_as(paths, row, longest_reply)
    shown = {
        "chat_id": chat_id,
        "topic": topic,
        "persona": None if row.persona is None else names[row.persona],
        "mode": f"chance {row.chance}" if row.mode == "chance" else row.mode,
        "messages": [
            {
                "message_id": each.message_id,
                "speaker": each.name if each.speaker is None else names[each.speaker],
                "text": each.text,
                "token_ids": held_as(each),
            }
            for each in held
        ],
    }
    if as_json:
        print(json.dumps(shown, ensure_ascii=False))
        return
    who, count = shown["persona"] or "none", counted(len(held), "message")
    print(f"persona {who}, mode {shown['mode']}, {count}")
    for each in held:
        print(f"{each.message_id:>8}  {each.name}: {each.text}")


def _held_as(
    paths: Paths, row: ChatRow, longest_reply: int
) -> Callable[[ContextRow], tuple[int, ...]]:
    """How the current version holds a message: the very token ids."""
    versions = Versions(paths.models(row.group_id))
    number = versions.current()
    if number is None:
        return lambda _: ()
    checkpoint = versions.load(number, torch.device("cpu"))
    context = Context(row, Voice.of(checkpoint, longest_reply))
    return lambda message: context.entry(message).tokens
