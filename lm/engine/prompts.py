"""What of the prompts that are not computed yet comes next: whole rests, or chunks.

Pure choices over requests in the order in which they are given. No tensors, no turns, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from lm.engine.running import Running


def finishing(missing: Sequence[Running], most: int, *, ragged: bool) -> Sequence[Running]:
    """Those whose first tokens, with the rest of their prompts, fit into `most` tokens.

    Unless the model is ragged, rows count as if they were all as long as the longest.
    missing: from the one that needs least on
    """
    rows = tokens = 0
    for count, running in enumerate(missing):
        rows += running.request.rows
        tokens += running.missing + running.request.rows
        if (tokens if ragged else rows * (running.missing + 1)) > most:
            return missing[:count]
    return missing


def chunks(missing: Sequence[Running], most: int) -> list[tuple[Running, list[int]]]:
    """The next tokens of each prompt, padded to the longest, as far as they fit into `most`."""
    found: list[tuple[Running, list[int]]] = []
    longest = 0
    for running in missing:
        start, tokens = running.slot.length, running.candidates[0].row.tokens
        chunk = tokens[start : start + min(running.missing, most)]
        longest = max(longest, len(chunk))
        if found and longest * (len(found) + 1) > most:
            break
        found.append((running, chunk))
    return found
