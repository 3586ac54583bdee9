"""The loss curve of a training as a PNG picture, kept with its version."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from lm.checkpoints.versions import Versions

Point = tuple[int, float, float | None]  # step, training loss in nats a token, held-out bpb


def draw(title: str, curve: Sequence[Point]) -> bytes:
    """PNG bytes of training loss and held-out bits per byte over steps."""
    # Imported here: it takes half a second that only a finished training needs.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title.encode("ascii", "replace").decode(), loc="left")
    axes.set_xlabel("step")
    axes.set_ylabel("training loss (nats per token)", color="tab:blue")
    axes.plot([p[0] for p in curve], [p[1] for p in curve], color="tab:blue", alpha=0.7)
    held_out = [(step, bpb) for step, _, bpb in curve if bpb is not None]
    right = axes.twinx()
    right.set_ylabel("held-out bits per byte", color="tab:red")
    right.plot(
        [step for step, _ in held_out], [bpb for _, bpb in held_out], color="tab:red", marker="o"
    )
    axes.grid(alpha=0.25)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def keep(versions: Versions, version: int) -> Path:
    """Draw a version's curve into its folder, with which it goes; the file."""
    file = versions.folder(version) / "curve.png"
    file.write_bytes(draw(f"version {version}", versions.meta(version).curve))
    return file
