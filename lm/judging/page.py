"""A judgement as one HTML page: tables and plots, no scripts, nothing loaded from anywhere.

It shows figures and names, never a message. Names are escaped and set apart from the direction of
the text around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lm.checkpoints.meta import Meta
from lm.judging import plots
from lm.judging.intervals import Estimate
from lm.judging.judgement import Judgement, Metric

STYLE = """
:root { --ink: #1c2430; --soft: #5d6878; --line: #d8dde4; --main: #2a6fb0; --warm: #c2543a; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 760px;
  margin: 2rem auto; padding: 0 1rem; background: #fff; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin-bottom: 0; }  h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p, figcaption { color: var(--soft); }  figure { margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.n, th.n { text-align: right; padding-right: 1.1rem;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.bar, .cell { fill: var(--main); }  .reach { stroke: var(--ink); fill: none; }
.label.side, .figure { text-anchor: end; }  .label.top, .share { text-anchor: middle; }
.share { fill: var(--soft); }  .share.dark { fill: #fff; }
.grid { stroke: var(--line); fill: none; }  .line { fill: none; stroke-width: 1.5; }
.line.loss { stroke: var(--main); }  circle.loss, .tick.loss { fill: var(--main); }
.line.held { stroke: var(--warm); }  circle.held, .tick.held { fill: var(--warm); }
i.loss, i.held { display: inline-block; width: 1.2em; height: .25em; vertical-align: middle; }
i.loss { background: var(--main); }  i.held { background: var(--warm); }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(judgement: Judgement, group: str, meta: Meta) -> str:
    """The whole page, for the version that `meta` describes."""
    title = f"{group}, version {meta.version}"
    described = (
        f"Judged on {judgement.messages:,} held-out messages in {judgement.sessions:,} sessions,"
        f" after learning from {meta.messages:,} messages in {meta.seconds / 60:.1f} minutes"
        f" (preset {meta.preset}). Nothing is sampled; intervals are 95 %, by the bootstrap."
    )
    body = [
        f"<h1><bdi>{escape(group)}</bdi>, version {meta.version}</h1><p>{escape(described)}</p>",
        _metrics(judgement),
        _personas(judgement),
        *_confusions(judgement),
        _curve(meta),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>"
        + "\n".join(body)
        + "</body></html>\n"
    )


def interval(estimate: Estimate) -> str:
    """The interval as people read it."""
    if estimate.low is None or estimate.high is None:
        return "too few messages"
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def rivals(metric: Metric) -> str:
    """What a metric is compared with, as people read it."""
    return ", ".join(f"{name} {value:.3f}" for name, value in metric.against.items())


def _metrics(judgement: Judgement) -> str:
    rows = [
        [
            _cell(f"{metric.title}{'' if metric.higher_is_better else ' (less is better)'}"),
            _cell(f"{metric.estimate.value:.3f}", "n"),
            _cell(interval(metric.estimate), "n"),
            _cell(rivals(metric)),
        ]
        for metric in judgement.metrics.values()
    ]
    skipped = [f"{name} was not measured: {why}." for name, why in judgement.skipped.items()]
    left_out = f"<p>{escape(' '.join(skipped))}</p>" if skipped else ""
    return _table(["Metric", "Value", "95 % interval", "Compared with"], rows) + left_out


def _personas(judgement: Judgement) -> str:
    known = judgement.personas
    names = [persona.speaker for persona in known]
    title = "Bits per byte of each persona"
    text = "How well the next message is foreseen; less is better."
    found = _figure(title, text, plots.bars(names, [p.bpb for p in known], title))
    gains = [(p.speaker, p.gain) for p in known if p.gain is not None]
    if gains:
        title = "Persona gain"
        text = "What a wrong speaker's name costs, in bits per byte; more is better."
        found += _figure(
            title, text, plots.bars([n for n, _ in gains], [g for _, g in gains], title)
        )
    return found


def _confusions(judgement: Judgement) -> list[str]:
    found = []
    for each in judgement.confusions:
        title = f"Who the model takes whom for, from {each.messages} message"
        title += "s" * (each.messages > 1)
        text = "Each row is who spoke, each column who the model would say it was."
        if not all(map(any, each.shares)):
            text += " A row is empty where there are too few messages."
        found.append(_figure(title, text, plots.matrix(each.speakers, each.shares, title)))
    return found


def _curve(meta: Meta) -> str:
    text = (
        '<i class="loss"></i> training loss, nats per token (left) &nbsp; '
        '<i class="held"></i> held-out bits per byte (right)'
    )
    plot = plots.curve(meta.curve, "Loss curve")
    return f"<h2>How it learned</h2><figure>{plot}<figcaption>{text}</figcaption></figure>"


def _figure(title: str, text: str, plot: str) -> str:
    return f"<h2>{escape(title)}</h2><figure>{plot}<figcaption>{escape(text)}</figcaption></figure>"


def _cell(text: str, kind: str = "") -> str:
    return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    first = "".join(
        f'<th class="n">{escape(t)}</th>'
        if t in ("Value", "95 % interval")
        else f"<th>{escape(t)}</th>"
        for t in head
    )
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table>"
