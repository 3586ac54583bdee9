"""A speaker's profile as a PNG picture of six panels. Blocking: draw it in a thread.

Labels come in the language of whoever asked; one that this machine's fonts cannot show is drawn
in English, and a word or name that they cannot show is left to the caption.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

from bot.profile.emoji import spoken
from bot.profile.figures import Figures
from bot.profile.fonts import Fonts, fonts
from bot.units import span
from bot.wording import Wording, wording

WORDS, EMOJI = 10, 8  # shown
MOST_MONTHS = 48  # bars; more are years
INK = "#2f6690"
GAP_MARKS = (1, 60, 3600, 86400, 30 * 86400)  # seconds
PICTURE_SIZE = 0.24  # inches that an emoji is high


def draw(name: str, figures: Figures, say: Wording) -> bytes:
    """PNG bytes, 1320 x 840 pixels."""
    # Imported here: it takes half a second that only a picture needs.
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    able = fonts()
    if not able.draws(say("hour of the day")):
        say = wording("en")
    with mpl.rc_context({"font.family": able.families, "font.size": 9}):
        figure = Figure(figsize=(11, 7), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, 3).flatten()
        if able.draws(name):
            figure.suptitle(name, fontsize=15, fontweight="bold", parse_math=False)
        for each in axes:
            each.spines[["top", "right"]].set_visible(False)
        _hours(axes[0], figures, say)
        _months(axes[1], figures, say)
        _lengths(axes[2], figures, say)
        _words(axes[3], figures, say, able)
        _emoji(axes[4], figures, say, able)
        _gaps(axes[5], figures, say)
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
    return picture.getvalue()


def _hours(axes: Any, figures: Figures, say: Wording) -> None:
    axes.set_title(say("hour of the day"), loc="left")
    if not figures.times:
        _nothing(axes, say("the messages bear no times"))
        return
    axes.bar(range(24), figures.hours, color=INK, width=0.85)
    axes.set_xticks(range(0, 24, 6), [f"{hour:02}:00" for hour in range(0, 24, 6)])
    _whole_numbers(axes.yaxis)


def _months(axes: Any, figures: Figures, say: Wording) -> None:
    if not figures.times:
        axes.set_title(say("messages a month"), loc="left")
        _nothing(axes, say("the messages bear no times"))
        return
    months = _all_months(min(figures.months), max(figures.months))
    if len(months) <= MOST_MONTHS:
        axes.set_title(say("messages a month"), loc="left")
        heights = [figures.months[month] for month in months]
        labels = [f"{year}-{month:02}" for year, month in months]
    else:
        axes.set_title(say("messages a year"), loc="left")
        years = range(months[0][0], months[-1][0] + 1)
        heights = [sum(n for (y, _), n in figures.months.items() if y == year) for year in years]
        labels = [str(year) for year in years]
    axes.bar(range(len(heights)), heights, color=INK, width=0.85)
    step = math.ceil(len(labels) / 5)
    axes.set_xticks(range(0, len(labels), step), labels[::step])
    _whole_numbers(axes.yaxis)


def _lengths(axes: Any, figures: Figures, say: Wording) -> None:
    axes.set_title(say("characters a message"), loc="left")
    edges = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    heights = [0] * len(edges)
    for length, count in figures.lengths.items():
        heights[min(max(length, 1).bit_length() - 1, len(edges) - 1)] += count
    shares = [100 * height / max(1, figures.messages) for height in heights]
    axes.bar(range(len(edges)), shares, color=INK, width=0.85)
    names = [f"{low}–{2 * low - 1}" if low > 1 else "1" for low in edges[:-1]]
    axes.set_xticks(range(len(edges)), [*names, f"{edges[-1]}+"], rotation=45, ha="right")
    axes.yaxis.set_major_formatter("{x:.0f} %")


def _words(axes: Any, figures: Figures, say: Wording, able: Fonts) -> None:
    axes.set_title(say("words that others say less"), loc="left")
    found = [each for each in figures.own_words(4 * WORDS) if able.draws(each[0])][:WORDS]
    if not found:
        _nothing(axes, say("none that can be drawn here"))
        return
    _bars(axes, [word for word, _ in found], [score for _, score in found])
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def _emoji(axes: Any, figures: Figures, say: Wording, able: Fonts) -> None:
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    axes.set_title(say("emoji"), loc="left")
    found = figures.emoji.most_common(EMOJI)
    if not found:
        _nothing(axes, say("none"))
        return
    pictures = [able.picture(each) for each, _ in found]
    labels = [
        label(each, able) if picture is None else "\N{EM SPACE}\N{EM SPACE}"
        for (each, _), picture in zip(found, pictures, strict=True)
    ]
    _bars(axes, labels, [count for _, count in found])
    _whole_numbers(axes.xaxis)
    for place, picture in enumerate(pictures):
        if picture is None:
            continue
        zoom = PICTURE_SIZE * 72 / picture.shape[0]
        image = OffsetImage(picture, zoom=zoom)
        box = AnnotationBbox(
            *(image, (0, place)),
            xybox=(-14, 0),
            xycoords="data",
            boxcoords="offset points",
            frameon=False,
            annotation_clip=False,
        )
        axes.add_artist(box)


def label(found: str, able: Fonts) -> str:
    """What stands for an emoji that has no colours here: its outline, else its English name.

    The caption shows it in either case.
    """
    return found if able.draws(found) else spoken(found)[:22]


def _gaps(axes: Any, figures: Figures, say: Wording) -> None:
    axes.set_title(say("time between messages"), loc="left")
    gaps = [max(gap, 1) for gap in figures.gaps()]
    burstiness = figures.burstiness()
    if burstiness is None:
        _nothing(axes, say("the messages bear no times"))
        return
    top = math.log10(GAP_MARKS[-1]) + 0.5
    edges = [top * step / 26 for step in range(27)]
    axes.hist([min(math.log10(gap), top) for gap in gaps], bins=edges, color=INK, rwidth=0.85)
    marks = [span(gap, say) for gap in GAP_MARKS]
    axes.set_xticks([math.log10(gap) for gap in GAP_MARKS], marks)
    axes.set_xlabel(say("burstiness {value:.2f} (0: by chance, 1: all at once)", value=burstiness))
    _whole_numbers(axes.yaxis)


def _bars(axes: Any, labels: Sequence[str], lengths: Sequence[float]) -> None:
    axes.barh(range(len(labels)), lengths, color=INK, height=0.7)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()


def _nothing(axes: Any, why: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, why, ha="center", va="center", color="gray", transform=axes.transAxes)


def _whole_numbers(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axis.set_major_formatter("{x:,.0f}")


def _all_months(first: tuple[int, int], last: tuple[int, int]) -> list[tuple[int, int]]:
    """Every (year, month) from the first to the last."""
    numbers = range(first[0] * 12 + first[1] - 1, last[0] * 12 + last[1])
    return [(number // 12, number % 12 + 1) for number in numbers]
