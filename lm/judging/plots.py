"""Plots as inline SVG: bars with intervals, a confusion matrix, a loss curve.

Plain text in, markup out; every label is escaped, because people choose their names. Colours and
fonts come from the page's style sheet (classes bar, reach, grid, label, line).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from lm.checkpoints.meta import Point
from lm.judging.intervals import Estimate

WIDTH = 640  # user units; the page scales it
NAMES = 160  # for labels left of a plot
LONGEST = 20  # characters of a label; the rest is in its tooltip
MOST_BARS = 24


def bars(labels: Sequence[str], estimates: Sequence[Estimate], title: str) -> str:
    """Horizontal bars from 0 with their 95 % intervals, one row a label, MOST_BARS at most."""
    labels, estimates = labels[:MOST_BARS], estimates[:MOST_BARS]
    ends = [0.0, *(v for e in estimates for v in (e.value, e.low, e.high) if v is not None)]
    low, high = min(ends), max(ends)
    scale = (WIDTH - NAMES - 70) / max(high - low, 1e-9)

    def x(value: float) -> float:
        return NAMES + (value - low) * scale

    rows = []
    for number, (label, each) in enumerate(zip(labels, estimates, strict=True)):
        top = 26 * number + 4
        left, right = sorted((x(0), x(each.value)))
        rows.append(
            f"{_name(label, NAMES - 8, top + 13)}"
            f'<rect class="bar" x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="18"/>'
            f"{_reach(each, x, top + 9)}"
            f'<text class="figure" x="{WIDTH - 4}" y="{top + 13}">{each.value:.3f}</text>'
        )
    return _svg(26 * len(rows) + 8, title, "".join(rows))


def _reach(each: Estimate, x: Callable[[float], float], y: float) -> str:
    """The interval as a line with ends; nothing where there is none."""
    if each.low is None or each.high is None:
        return ""
    low, high = x(each.low), x(each.high)
    return (
        f'<path class="reach" d="M{low:.1f} {y - 4}v8m0 -4H{high:.1f}m0 -4v8">'
        f"<title>{each.low:.3f} to {each.high:.3f}</title></path>"
    )


def matrix(names: Sequence[str], shares: Sequence[Sequence[float]], title: str) -> str:
    """Row's speaker taken for column's: a square of shares from 0 to 1, darker for more.

    A row of zeros is of somebody who was not asked, and stays empty.
    """
    cell = min(64.0, (WIDTH - NAMES) / max(1, len(names)))
    parts = []
    for i, (name, row) in enumerate(zip(names, shares, strict=True)):
        middle = 30 + i * cell + cell / 2
        parts.append(_name(name, NAMES - 8, middle + 4))
        centre = NAMES + i * cell + cell / 2
        parts.append(_name(name, centre, 20, "top", max(2, int(cell / 8))))
        for j, share in enumerate(row if any(row) else ()):
            left, top = NAMES + j * cell, 30 + i * cell
            dark = " dark" if share > 0.5 else ""
            parts.append(
                f'<rect class="cell" x="{left:.1f}" y="{top:.1f}" width="{cell - 2:.1f}"'
                f' height="{cell - 2:.1f}" fill-opacity="{share:.3f}"><title>{escape(name)} taken'
                f" for {escape(names[j])}: {share:.0%}</title></rect>"
                f'<text class="share{dark}" x="{left + cell / 2 - 1:.1f}"'
                f' y="{top + cell / 2 + 4:.1f}">{share:.0%}</text>'
            )
    return _svg(34 + cell * len(names), title, "".join(parts))


def curve(points: Sequence[Point], title: str) -> str:
    """Training loss (nats per token) and held-out bits per byte over steps, an axis each."""
    height, left, right, bottom = 260.0, 50.0, WIDTH - 50.0, 225.0
    last = max([1, *(step for step, _, _ in points)])
    lines = [
        ("loss", [(step, loss) for step, loss, _ in points], left - 6, "end"),
        ("held", [(step, bpb) for step, _, bpb in points if bpb is not None], right + 6, "start"),
    ]
    parts = [f'<path class="grid" d="M{left} 20V{bottom}H{right}V20"/>']
    for kind, values, at, anchor in lines:
        if not values:
            continue
        low, high = min(v for _, v in values), max(v for _, v in values)
        span = max(high - low, 1e-9)
        places = [
            (left + step / last * (right - left), bottom - (v - low) / span * (bottom - 30))
            for step, v in values
        ]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path class="line {kind}" d="{path}"/>')
        if kind == "held":  # measured now and then; the loss is a line of its own
            parts += [
                f'<circle class="held" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in places
            ]
        for value, y in ((low, bottom), (high, 30.0)):
            style = f'class="tick {kind}" text-anchor="{anchor}"'
            parts.append(f'<text {style} x="{at}" y="{y + 4:.0f}">{value:.2f}</text>')
    middle = (left + right) / 2
    parts.append(
        f'<text class="tick" text-anchor="middle" x="{middle}" y="248">{last:,} steps</text>'
    )
    return _svg(height, title, "".join(parts))


def _name(text: str, x: float, y: float, kind: str = "side", longest: int = LONGEST) -> str:
    """A label, cut to `longest` characters, whole in its tooltip."""
    shown = text if len(text) <= longest else text[: longest - 1] + "…"
    return (
        f'<text class="label {kind}" x="{x:.1f}" y="{y:.1f}">{escape(shown)}'
        f"<title>{escape(text)}</title></text>"
    )


def _svg(height: float, title: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"{content}</svg>"
    )
