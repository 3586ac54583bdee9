"""The card of a model that leaves home: what it is, how its stream looks, which token is whom.

Markdown for the person who exported it. It repeats names of speakers and nothing that they wrote.
"""

from __future__ import annotations

import re

from lm.checkpoints.meta import Meta
from lm.corpus.tokenizer import BREAK, END, SOMEONE, structural_names

_CARD = """\
---
library_name: transformers
pipeline_tag: text-generation
---
# A small GPT of a friend group

It was trained from scratch on {messages:,} messages of one chat, and carries their words: what
somebody wrote can be got out of it. Pass it on only to people who may read that chat.

`Qwen3ForCausalLM`, {layers} layers, width {width}, {vocabulary:,} tokens; trained on rows of
{context} tokens, and of no use beyond. It continues a chat and follows no instructions.

## What it reads

A stream of messages behind a `{break_}`, each announced by its speaker's token and closed by
`{end}`:

    {break_}<|speaker 0|>who is coming?{end}<|speaker 1|>me{end}<|speaker 0|>

Ending in a speaker's token, it goes on with what that speaker says, up to `{end}`. `{someone}` is
anybody without a token of their own.

| token | speaker |
|---|---|
{speakers}

## In transformers

    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(DIR)
    model = AutoModelForCausalLM.from_pretrained(DIR)
    chat = [{{"role": NAME, "content": "who is coming?"}}]
    inputs = tokenizer.apply_chat_template(
        chat, speaker=NAME, add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    reply = model.generate(**inputs)[0, inputs["input_ids"].shape[1] :]
    print(tokenizer.decode(reply, skip_special_tokens=True))

A message's `name`, or else its `role`, is looked up in the table above; `speaker` is who answers
(the first of the table if it is not given). Servers of the OpenAI interface (vLLM, llama.cpp) take
it as `"chat_template_kwargs": {{"speaker": NAME}}`.

**Typed structure.** Somebody can type `{end}`. The tokenizer takes that for the token unless it is
told otherwise: encode what people wrote with

    tokenizer(text, add_special_tokens=False, split_special_tokens=True)

and put the structural ids around it yourself; or pass `sanitize_control_tokens=True` to
`apply_chat_template` in versions of transformers that know it.
"""


def model_card(meta: Meta) -> str:
    """README.md of an exported model."""
    announced = structural_names(len(meta.speakers))[3:]
    rows = [
        f"| {_code(token)} | {_plain(speaker.name)} |"
        for token, speaker in zip(announced, meta.speakers, strict=True)
    ]
    return _CARD.format(
        messages=meta.messages,
        layers=meta.config.n_layers,
        width=meta.config.d_model,
        vocabulary=meta.config.vocab_size,
        context=meta.config.context,
        end=END,
        break_=BREAK,
        someone=SOMEONE,
        speakers="\n".join([*rows, f"| {_code(SOMEONE)} | anybody else |"]),
    )


def _code(token: str) -> str:
    """A token as code inside a table cell, where a bar would end the cell."""
    return "`" + token.replace("|", "\\|") + "`"


def _plain(name: str) -> str:
    """A name inside a table cell: on one line, and no Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~&-])", r"\\\1", " ".join(name.split()))
