"""The loss curve of a training as a PNG picture, kept with its version."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from bot.profile.fonts import fonts
from bot.wording import Wording, wording
from lm.checkpoints.versions import Versions

Point = tuple[int, float, float | None]  # step, training loss in nats a token, held-out bpb


def draw(version: int, curve: Sequence[Point], say: Wording | None = None) -> bytes:
    """PNG bytes of training loss and held-out bits per byte over steps.

    In English where no wording is given, or where this machine has no font for its language.
    """
    # Imported here: it takes half a second that only a finished training needs.
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    able, say = fonts(), say or wording("")
    if not able.draws(say("training loss (nats per token)")):
        say = wording("")
    with mpl.rc_context({"font.family": able.families}):
        figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.set_title(say("Version {version}", version=version), loc="left")
        axes.set_xlabel(say("step"))
        axes.set_ylabel(say("training loss (nats per token)"), color="tab:blue")
        axes.plot([p[0] for p in curve], [p[1] for p in curve], color="tab:blue", alpha=0.7)
        held_out = [(step, bpb) for step, _, bpb in curve if bpb is not None]
        right = axes.twinx()
        right.set_ylabel(say("held-out bits per byte"), color="tab:red")
        right.plot(
            [step for step, _ in held_out],
            [bpb for _, bpb in held_out],
            color="tab:red",
            marker="o",
        )
        axes.grid(alpha=0.25)
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
    return picture.getvalue()


def keep(versions: Versions, version: int) -> Path:
    """Draw a version's curve into its folder, with which it goes; the file."""
    file = versions.folder(version) / "curve.png"
    file.write_bytes(draw(version, versions.meta(version).curve))
    return file
