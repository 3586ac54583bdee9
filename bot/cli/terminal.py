"""`understudy chat`: talk with the group's personas in a terminal, without Telegram.

Nothing said here is stored. Names complete with Tab; /as NAME changes who answers.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from dataclasses import replace

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from bot.cli.choosing import UsageError, choose
from bot.config import Config
from bot.memory.cast import Cast, Persona
from bot.memory.context import Context, Voice
from bot.memory.current import load_current, pick_device
from bot.memory.lately import MOST, Lately
from bot.paths import Paths
from bot.scrubbing import group_scrubber
from bot.speaking.voice.prompt import TRIES, ask
from lm.checkpoints.checkpoint import Checkpoint
from lm.checkpoints.versions import Versions
from lm.corpus.streaming import Stream
from lm.corpus.text import clean
from lm.engine.engine import Engine
from lm.engine.request import Finished, Piece
from lm.engine.served import served
from lm.privacy.scrubber import Scrubber
from storage import groups, turns
from storage.chats import ChatRow, ContextRow
from storage.store import reading

COMMAND = re.compile(r"/[a-z_]{1,32}")
MOST_NAMES = 12  # in one line of an answer
HINT = "/as NAME changes who answers, /who lists everybody, /reset forgets, Ctrl-D ends."


class Stage:
    """One conversation: who answers, what was said, and the engine that makes the answers."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        cast: Cast,
        config: Config,
        scrubber: Scrubber,
        lately: Lately | None = None,
    ) -> None:
        self.cast, self._sampling, self._scrubber = cast, config.sampling, scrubber
        row = ChatRow(0, 0, 0, 0, None, "mention", 0)
        self.context = Context(row, Voice.of(checkpoint, config.sampling.max_tokens), lately)
        device = pick_device(config.engine.device)
        self._engine = Engine(
            served(checkpoint.model, device),
            slots=1,
            span=checkpoint.meta.config.context,
            device=device,
            guard=checkpoint.guard,
        )
        self._count = 0

    def hear(self, speaker: int | None, text: str) -> None:
        """Add a message to the context."""
        self._count += 1
        row = ContextRow(self._count, speaker, "", self._scrubber.scrub(text))
        self.context.append(self.context.entry(row))

    def say(self, persona: Persona) -> Iterator[str]:
        """What the persona says next, piece by piece as it is made."""
        for _ in range(TRIES):
            stream, said = Stream(self.context.voice.tokenizer), ""
            for piece in self._pieces(persona, stream):
                said += piece
                yield piece
            if said:
                self.hear(persona.id, said)
                return
        yield "…"

    def _pieces(self, persona: Persona, stream: Stream) -> Iterator[str]:
        request = ask(self.context, persona.id, self._sampling)
        self._engine.submit(replace(request, best_of=1, stream=True))
        while True:
            for event in self._engine.step():
                if isinstance(event, Piece):
                    yield stream.feed(event.tokens)
                elif isinstance(event, Finished):
                    yield stream.finish()
                    return


class NameCompleter(Completer):
    """Completes commands and, after /as, the names of personas."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """What may follow the text before the cursor."""
        text = document.text_before_cursor
        if text.startswith("/as "):
            typed = text[4:]
            for persona in self._cast.personas:
                if persona.name.casefold().startswith(typed.casefold()):
                    yield Completion(persona.name, start_position=-len(typed))
        elif text.startswith("/") and " " not in text:
            for command in ("/as ", "/who", "/reset", "/help"):
                if command.startswith(text):
                    yield Completion(command, start_position=-len(text))


async def talk(config: Config, paths: Paths, name: str, as_: str) -> None:
    """Read lines until the end of input; each is answered by the persona on stage."""
    async with reading(paths.database) as db:
        group = choose(await groups.all_groups(db), name)
        rows = await groups.speakers(db, group.id)
        scrubber = await group_scrubber(db, config.privacy, group.id)
        newest = await turns.newest(db, group.id, MOST)
    checkpoint = await asyncio.to_thread(
        load_current, Versions(paths.models(group.id)), pick_device(config.engine.device)
    )
    lately = Lately()
    lately.fill(newest, checkpoint.tokenizer)
    stage = Stage(checkpoint, Cast(rows, checkpoint.tokenizer.speakers), config, scrubber, lately)
    if not stage.cast.personas:
        raise UsageError(f"{group.name}: the current version can speak as nobody")
    persona = _named(stage.cast, as_) if as_ else stage.cast.personas[0]
    if sys.stdin.isatty():
        print(f"You talk with {persona.name} of {group.name}. {HINT}")
        session: PromptSession[str] = PromptSession(
            completer=NameCompleter(stage.cast), complete_while_typing=True
        )

        async def read() -> str:
            typed: str = await session.prompt_async("> ")
            return typed

    else:
        read = _line
    while True:
        try:
            line = (await read()).strip()
        except (EOFError, KeyboardInterrupt):
            return
        if line:
            persona = _respond(stage, persona, line)


async def _line() -> str:
    line: str = await asyncio.to_thread(sys.stdin.readline)
    if not line:
        raise EOFError
    return line


def _respond(stage: Stage, persona: Persona, line: str) -> Persona:
    """Obey a command or answer a line; returns who is on stage afterwards."""
    command, _, rest = line.partition(" ")
    if command == "/as":
        try:
            persona = _named(stage.cast, rest)
            print(f"You talk with {persona.name} now.")
        except UsageError as error:
            print(error)
    elif command == "/who":
        print(", ".join(each.name for each in stage.cast.personas))
    elif command == "/reset":
        stage.context.clear()
        print("Forgotten.")
    elif command == "/help":
        print(HINT)
    elif COMMAND.fullmatch(command):
        print(f"{command}: there is no such command. {HINT}")
    else:
        stage.hear(None, clean(line))
        print(f"{persona.name}: ", end="", flush=True)
        for piece in stage.say(persona):
            print(piece, end="", flush=True)
        print()
    return persona


def _named(cast: Cast, name: str) -> Persona:
    found = cast.find(name)
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.name for each in (found or cast.personas)[:MOST_NAMES])
    said = f"{name}: " if name else ""
    raise UsageError(f"{said}say which of these: {names}")
