"""The doctor's reports as one web page that needs nothing from anywhere: no script, no picture.

Names and texts are strangers': all of them go through html.escape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from lm.doctor.report import Report

ROWS = 60  # speakers with a bar of their own
WIDTH, HEIGHT = 900, 160  # of a plot, in its own units
_NOTES = {"good": "persona", "thin": "persona, thin", "none": "too few messages"}
_STYLE = """
:root { color-scheme: light dark; --bar: #3b7dd8; --thin: #8fb4e3; --none: #b9b9b9 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .15rem .6rem .15rem 0; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums }
td.t { white-space: nowrap } dt { float: left; width: 8rem; opacity: .7 } dd { margin-left: 8rem }
.bar { height: .8rem; margin-top: .35rem; background: var(--bar); min-width: 1px }
.thin { background: var(--thin) } .none { background: var(--none) }
svg { width: 100%; height: auto } svg rect { fill: var(--bar) }
svg text { fill: currentColor; font-size: 12px }
code { background: #8882; padding: 0 .3rem; border-radius: 3px; white-space: nowrap }
.verdict { border-left: 4px solid var(--bar); padding: .4rem 1rem; background: #8881 }
"""


def page(reports: Sequence[Report]) -> str:
    """HTML of all reports."""
    title = ", ".join(report.file for report in reports)
    body = "\n".join(_section(report) for report in reports)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>{body}</body></html>\n"
    )


def _section(report: Report) -> str:
    parts = (
        f"<h1>{escape(report.file)}: {report.messages:,} messages</h1>",
        _verdict(report),
        _facts(report),
        *("<h2>Speakers</h2>", _voices(report)),
        *(("<h2>Months</h2>", _columns(report.months)) if report.months else ()),
        *(_hours(report) if report.months else ()),
        *("<h2>A sample, as it was read</h2>", _sample(report)),
        _gaps(report),
        _left_out(report),
        _aliases(report),
    )
    return "\n".join(part for part in parts if part)


def _verdict(report: Report) -> str:
    verdict = report.verdict
    able = sum(voice.persona != "none" for voice in verdict.voices)
    bits = verdict.bits_per_byte
    expected = "" if bits is None else f", about {bits} bits per byte to expect"
    return (
        f'<p class="verdict"><b>{escape(verdict.summary)}</b><br>{verdict.characters:,} characters'
        f"{expected}; {able} of {len(verdict.voices)} speakers have enough to become a persona</p>"
    )


def _facts(report: Report) -> str:
    personal = ", ".join(f"{count:,} {kind}" for kind, count in report.personal.items())
    facts = (
        ("format", report.format),
        ("dates", report.locale),
        *(("evidence", each) for each in report.evidence),
        ("unclear", report.question),
        ("first", _moment(report.first or "") or "without times"),
        ("last", _moment(report.last or "")),
        ("time zone", report.time_zone if report.first else ""),
        ("personal data", f"{personal}: become placeholders" if personal else "none found"),
        ("doubles", f"{report.duplicates:,} are there already" if report.duplicates else ""),
    )
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts if v)
    return f"<dl>{rows}</dl>"


def _voices(report: Report) -> str:
    prospects = {voice.name: voice.persona for voice in report.verdict.voices}
    most = max(report.speakers.values(), default=1) or 1
    rows = ""
    for name, count in list(report.speakers.items())[:ROWS]:
        persona = prospects.get(name, "none")
        rows += (
            f'<tr><td>{escape(name)}</td><td class="n">{count:,}</td><td style="width:55%">'
            f'<div class="bar {persona}" style="width:{100 * count / most:.1f}%"></div></td>'
            f'<td class="t">{_NOTES[persona]}</td></tr>'
        )
    left = len(report.speakers) - ROWS
    more = f"<p>and {left} more</p>" if left > 0 else ""
    return f"<table>{rows}</table>{more}"


def _columns(counts: Mapping[str, int]) -> str:
    """A column for each count, labelled where there is room."""
    most, step = max(counts.values(), default=0) or 1, WIDTH / max(len(counts), 1)
    every = max(1, round(len(counts) / 12))
    shapes = []
    for place, (label, count) in enumerate(counts.items()):
        tall = max(HEIGHT * count / most, 1.0 if count else 0.0)
        shapes.append(
            f'<rect x="{place * step:.1f}" y="{HEIGHT - tall:.1f}" width="{max(step - 1, 0.5):.1f}"'
            f' height="{tall:.1f}"><title>{escape(label)}: {count:,}</title></rect>'
        )
        if place % every == 0:
            shapes.append(f'<text x="{place * step:.1f}" y="{HEIGHT + 16}">{escape(label)}</text>')
    size = f"0 -14 {WIDTH} {HEIGHT + 36}"
    return f'<svg viewBox="{size}" role="img"><text y="-3">{most:,}</text>{"".join(shapes)}</svg>'


def _hours(report: Report) -> Iterable[str]:
    yield "<h2>Hours of the day, by the export's clock</h2>"
    yield _columns({f"{hour:02}": count for hour, count in enumerate(report.hours)})


def _sample(report: Report) -> str:
    rows = "".join(
        f'<tr><td class="t">{escape(_moment(each.sent_at))}</td>'
        f'<td class="t">{escape(each.speaker)}</td><td>{escape(each.text)}</td></tr>'
        for each in report.sample
    )
    return f"<table>{rows}</table>"


def _moment(iso: str) -> str:
    """To the minute and without a zone, which not every export's clock has."""
    return iso[:16].replace("T", " ")


def _gaps(report: Report) -> str:
    lines = (
        f"<li>{gap.days} days: {escape(gap.after[:10])} to {escape(gap.before[:10])}</li>"
        for gap in report.gaps
    )
    return f"<h2>Silences</h2><ul>{''.join(lines)}</ul>" if report.gaps else ""


def _left_out(report: Report) -> str:
    if not report.skipped:
        return ""
    rows = "".join(
        f'<tr><td>{escape(kind)}</td><td class="n">{count:,}</td><td style="width:70%">'
        f"{_lines(report.skipped_lines.get(kind, []), count)}</td></tr>"
        for kind, count in report.skipped.items()
    )
    return f"<h2>Left out</h2><table>{rows}</table>"


def _lines(lines: Sequence[int], count: int) -> str:
    more = ", …" if count > len(lines) else ""
    return f"line{'s' * (count > 1)} {', '.join(map(str, lines))}{more}" if lines else ""


def _aliases(report: Report) -> str:
    if not report.aliases:
        return ""
    rows = "".join(
        f"<tr><td><code>--alias &quot;{escape(each.alias)}={escape(each.name)}&quot;</code></td>"
        f"<td>{escape(each.reason)}</td></tr>"
        for each in report.aliases
    )
    return f"<h2>Perhaps one person</h2><table>{rows}</table>"
