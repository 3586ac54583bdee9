"""Tables of what was measured, ready to be pasted into a README."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.speaking.decode import compared

Found = dict[str, Any]


def decode_tables(found: Found) -> list[Table]:
    """Speeds and first tokens, ratios, and what the machine allows."""
    return [_speeds(found), _compared(found), _limits(found), _ceilings(found)]


def _speeds(found: Found) -> Table:
    streams = found["streams"]
    first = [f"first token, {count}" for count in _ends(streams)]
    title = f"tokens/s over all streams, median (best tenth), {_threads(found)}"
    table = _table(title, *map(str, streams), *first)
    for name, rows in found["contenders"].items():
        speeds = [f"{row['tokens_per_s']:,.0f} ({row['best']:,.0f})" for row in rows]
        firsts = [_ms(row["first_s"]) for row in rows if row["streams"] in _ends(streams)]
        table.add_row(name, *speeds, *firsts)
    return table


def _ends(streams: Sequence[int]) -> list[int]:
    return sorted({min(streams), max(streams)})


def _compared(found: Found) -> Table:
    table = _table("ratio", "over the best of", *map(str, found["streams"]))
    for row in compared(found):
        table.add_row(row["ours"], row["rival"], *(f"{ratio:.2f}" for ratio in row["ratios"]))
    return table


def _limits(found: Found) -> Table:
    limits = found["limits"]
    table = _table("limit of the machine", "")
    table.add_row("read, buffer of 16 MB", f"{limits['cache'] / 1e9:,.0f} GB/s")
    table.add_row("read, buffer of 256 MB", f"{limits['memory'] / 1e9:,.0f} GB/s")
    table.add_row("fp32 matrix product", f"{limits['fp32'] / 1e9:,.0f} GFLOP/s")
    table.add_row("bf16 matrix product", f"{limits['bf16'] / 1e9:,.0f} GFLOP/s")
    return table


def _ceilings(found: Found) -> Table:
    table = _table(
        "at most tokens/s", "streams", "MB read a step", "from cache", "from memory", "bound by"
    )
    for row in sorted(found["ceilings"], key=lambda row: (row["precision"], row["streams"])):
        table.add_row(
            row["precision"],
            str(row["streams"]),
            f"{row['megabytes']:.0f}",
            f"{row['cache']:,.0f}",
            f"{row['memory']:,.0f}",
            row["bound_by"],
        )
    return table


def warm_tables(found: Found) -> list[Table]:
    """Cold and warm first tokens."""
    table = _table(
        f"context ({_subject(found)})", "cold", "warm", "sooner", "prefill", "step", "of the bound"
    )
    for row in found["contexts"]:
        table.add_row(
            f"{row['context']:,} + {row['message']} tokens",
            *(_ms(row[key]) for key in ("cold_s", "warm_s")),
            f"{row['sooner']:.1f} x",
            *(_ms(row[key]) for key in ("prefill_s", "step_s")),
            f"{row['of_bound']:.2f}",
        )
    return [table]


def overhead_tables(found: Found) -> list[Table]:
    """Steps and what of them is not the model's."""
    columns = "sampling", "step", "forward", "the rest", "share"
    table = _table(f"streams ({_subject(found)})", *columns)
    for row in found["rows"]:
        times = (_ms(row[key]) for key in ("step_s", "forward_s", "overhead_s"))
        table.add_row(str(row["streams"]), row["sampling"], *times, f"{row['share']:.1%}")
    return [table]


def flood_tables(found: Found) -> list[Table]:
    """What the others wait."""
    columns = "their replies", "its replies", "median", "p95", "of quiet p95"
    table = _table(f"flood ({_subject(found)})", *columns)
    for row in found["rows"]:
        counts = (f"{row[key]:,}" for key in ("replies", "flood_replies"))
        times = (_ms(row[key]) for key in ("median_s", "p95_s"))
        table.add_row(row["flood"], *counts, *times, f"{row['ratio']:.2f}")
    return [table]


def users_tables(found: Found) -> list[Table]:
    """Median and p95 by model, chats and way to be active."""
    rows = found["rows"]
    chats = sorted({row["chats"] for row in rows})
    title = f"median / p95 ms by active chats, {_threads(found)}"
    table = _table(title, "a reply", "they ask", *map(str, chats))
    keys = "model", "manner", "pace"
    for kind in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        cells = {r["chats"]: r for r in rows if tuple(r[key] for key in keys) == kind}
        table.add_row(*kind, *(_waits(cells[count]) for count in chats))
    return [table]


def _waits(row: Found) -> str:
    if row["median_s"] is None:
        return "-"
    refused = f" ({row['refused']} refused)" if row["refused"] else ""
    return f"{1e3 * row['median_s']:,.0f} / {1e3 * row['p95_s']:,.0f}{refused}"


def tricks_tables(found: Found) -> list[Table]:
    """Cost per token as ratios."""
    table = _table(f"trick ({_subject(found)})", "streams", "per token", "of none")
    for row in found["rows"]:
        cost = _ms(row["per_token_s"])
        table.add_row(row["trick"], str(row["streams"]), cost, f"{row['ratio']:.2f} x")
    return [table]


def shelf_tables(found: Found) -> list[Table]:
    """Bytes, copies, and computing again."""
    columns = "tokens", "a chat", "chats per GB", "out", "in", "computed again", "sooner"
    table = _table("keys and values", *columns)
    for row in found["rows"]:
        table.add_row(
            f"{row['shape']} {row['variant']}",
            str(row["context"]),
            f"{row['bytes'] / 1e6:.2f} MB",
            f"{row['chats_per_gb']:,}",
            *(_ms(row[key]) for key in ("out_s", "in_s", "again_s")),
            f"{row['sooner']:.0f} x",
        )
    return [table]


TABLES: dict[str, Callable[[Found], list[Table]]] = {
    "decode": decode_tables,
    "warm": warm_tables,
    "overhead": overhead_tables,
    "flood": flood_tables,
    "users": users_tables,
    "tricks": tricks_tables,
    "shelf": shelf_tables,
}


def _subject(found: Found) -> str:
    return f"{found['shape']}, {found['variant']}, {_threads(found)}"


def _threads(found: Found) -> str:
    return "1 thread" if found["threads"] == 1 else f"{found['threads']} threads"


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:,.2f} ms" if seconds < 0.1 else f"{1e3 * seconds:,.0f} ms"


def _table(*columns: str) -> Table:
    table = Table(box=box.MARKDOWN)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table
