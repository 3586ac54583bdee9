"""Names of people and places by a spaCy pipeline, where the operator has installed one.

Optional, because a pipeline knows one language and costs a millisecond a message; imported only
when it is asked for. Members' own names stay: they are how a group talks.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from lm.privacy.blocked import PatternError
from lm.privacy.span import Finder, Span

KINDS = {
    **dict.fromkeys(("PERSON", "PER"), "person"),
    **dict.fromkeys(("GPE", "LOC", "FAC"), "place"),
    "ORG": "organisation",
}
LONGEST = 10_000  # characters that are looked at; a pasted book is no place for names


def entities(pipeline: str, insiders: frozenset[str]) -> Finder:
    """Finds names but `insiders` (casefolded) with a pipeline's name or folder. PatternError."""
    try:
        spacy: Any = importlib.import_module("spacy")
        nlp = spacy.load(pipeline)
    except ImportError:
        raise PatternError("needs the package spacy: pip install -e '.[ner]'") from None
    except OSError:
        raise PatternError(f"{pipeline}: no such spaCy pipeline is installed") from None

    def find(text: str) -> Iterator[Span]:
        for entity in nlp(text[:LONGEST]).ents:
            kind, name = KINDS.get(entity.label_), entity.text.casefold()
            if kind is not None and name not in insiders:
                yield Span(entity.start_char, entity.end_char, kind, name)

    return find
