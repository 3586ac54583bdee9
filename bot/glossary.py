"""Glossary: what lm says in English words, in the language of whom it is shown to.

lm knows no languages. What is not listed here stays as it is; tests hold this list against what
lm can say.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.wording import Wording
from lm.doctor.verdict import LEVELS
from lm.judging.floors import BIGRAM, KNESER_NEY
from lm.learning.training import SERVED

Said = Callable[[Wording, dict[str, str]], str]


def skipped(kind: str, say: Wording) -> str:
    """A kind of entries that an import leaves out, as lm/exports counts them."""
    known = {
        "album": say("more of an album"),
        "bots": say("bots"),
        "call": say("calls"),
        "channel": say("a channel's"),
        "deleted": say("deleted"),
        "deleted account": say("of deleted accounts"),
        "empty": say("empty"),
        "forwarded": say("forwarded"),
        "in no conversation": say("in no conversation"),
        "malformed": say("malformed"),
        "media": say("media without words"),
        "not agreed": say("of people who have not agreed"),
        "repeated id": say("with a repeated id"),
        "system": say("the app's own notices"),
        "too long": say("too long"),
        "unknown line": say("with an unknown line"),
        "unsupported": say("of an unknown kind"),
        "via bot": say("written by an inline bot"),
        "without a name": say("without a name"),
    }
    return known.get(kind, kind)


def expectation(summary: str, say: Wording) -> str:
    """The doctor's verdict on how good a model to expect (lm/doctor/verdict.py)."""
    worded = (
        say("too little: it will stammer half-sentences of the group"),
        say("it will pick up catch-phrases and who says them, and make little sense"),
        say("short lines that sound like the group; long ones drift"),
        say("voices that can be told apart; most short replies fit"),
        say("as good as a small model of one group gets"),
    )
    levels = (words for _, words in LEVELS)
    return dict(zip(levels, worded, strict=True)).get(summary, summary)


def judged(name: str, say: Wording) -> str:
    """A model that a version's card compares, by lm's name for it."""
    known = {SERVED: say("served"), BIGRAM: say("bigram"), KNESER_NEY: say("5-gram Kneser-Ney")}
    return known.get(name, name)


def complaint(message: str, say: Wording) -> str:
    """Why a training made no version, or an import was none, as was said in one line."""
    for pattern, said in _COMPLAINTS:
        if found := pattern.fullmatch(message):
            return said(say, found.groupdict())
    return message


_COMPLAINTS: tuple[tuple[re.Pattern[str], Said], ...] = (
    (
        re.compile(
            r"too little to learn from: (?P<n>[0-9]+) messages, at least (?P<least>[0-9]+) .*"
        ),
        lambda say, found: say(
            "too little to learn from: {n} messages, at least {least} are needed", **found
        ),
    ),
    (
        re.compile(r"too little to learn from: nobody said (?P<least>[0-9]+) messages"),
        lambda say, found: say("too little to learn from: nobody said {least} messages", **found),
    ),
    (
        re.compile(
            r"preset (?P<preset>[a-z-]+) needs about (?P<needed>[0-9.]+) GB of memory, "
            r"(?P<free>[0-9.]+) GB are free on [a-z]+: .*"
        ),
        lambda say, found: say(
            "preset {preset} needs about {needed} GB of memory, {free} GB are free", **found
        ),
    ),
    (
        re.compile(r".*: choose a chat with --chat NAME [^:]*: (?P<chats>.*)", re.DOTALL),
        lambda say, found: say(
            "there are several chats in it ({chats}): send it again with a chat's name beside it",
            **found,
        ),
    ),
    (
        re.compile(r"training diverged at step (?P<step>[0-9]+): .*"),
        lambda say, found: say("the training diverged at step {step}", **found),
    ),
    (
        re.compile(r"version (?P<version>[0-9]+) cannot be gone on from .*"),
        lambda say, found: say(
            "version {version} cannot be gone on from: /retrain fresh starts anew", **found
        ),
    ),
    (
        re.compile(r"there is no current version to go on from: .*"),
        lambda say, _: say("there is no version to go on from: /retrain fresh starts anew"),
    ),
    (
        re.compile(r"somebody has withdrawn meanwhile"),
        lambda say, _: say("somebody has withdrawn meanwhile, /retrain learns without them"),
    ),
    (
        re.compile(r"stopped before the end; .*"),
        lambda say, _: say("it was stopped before its end"),
    ),
    (
        re.compile(r"the training process ended with status (?P<status>-?[0-9]+)"),
        lambda say, found: say("the training process ended with status {status}", **found),
    ),
)
