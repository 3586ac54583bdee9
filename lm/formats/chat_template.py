"""The chat template: how other runtimes turn a list of messages into our stream of tokens.

Jinja, as transformers, vLLM and llama.cpp read it. A message's `name`, or else its `role`, says
who speaks; the argument `speaker` says who answers. It is rendered as text there, so it knows
token names and not ids.
"""

from __future__ import annotations

from collections.abc import Sequence

from lm.corpus.message import Speaker
from lm.corpus.tokenizer import BREAK, END, SOMEONE, structural_names

# Clients that know no names send "user" and "assistant": somebody, and whoever answers. A "system"
# message has no place in a chat among friends and is left out.
_TEMPLATE = """\
{%%- set tokens = %(tokens)s -%%}
{%%- set answering = %(first)s -%%}
{%%- if speaker is defined -%%}
{%%- set answering = tokens.get(speaker, %(someone)s) -%%}
{%%- endif -%%}
{{- %(break)s -}}
{%%- for message in messages -%%}
{%%- set name = message.name or message.role -%%}
{%%- if name in tokens -%%}
{{- tokens[name] + message.content + %(end)s -}}
{%%- elif name == "assistant" -%%}
{{- answering + message.content + %(end)s -}}
{%%- elif name != "system" -%%}
{{- %(someone)s + message.content + %(end)s -}}
{%%- endif -%%}
{%%- endfor -%%}
{%%- if add_generation_prompt -%%}
{{- answering -}}
{%%- endif -%%}
"""


def chat_template(speakers: Sequence[Speaker]) -> str:
    """The template for speakers in the order of their tokens. The first answers by default."""
    announced = structural_names(len(speakers))[3:]
    tokens = {each.name: name for each, name in zip(speakers, announced, strict=True)}
    return _TEMPLATE % {
        "tokens": "{" + ", ".join(f"{_quoted(k)}: {_quoted(v)}" for k, v in tokens.items()) + "}",
        "first": _quoted(next(iter(tokens.values()), SOMEONE)),
        "someone": _quoted(SOMEONE),
        "break": _quoted(BREAK),
        "end": _quoted(END),
    }


def _quoted(text: str) -> str:
    """A Jinja string literal. Names are hostile; llama.cpp's Jinja knows no \\u escapes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
