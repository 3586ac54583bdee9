"""lm/judging/plots.py: drawings that hold together whatever is drawn."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from lm.judging.intervals import Estimate
from lm.judging.plots import MOST_BARS, WIDTH, bars, curve, matrix

HOSTILE = '</text><script>alert("1")</script> & \'so\' "on"'


def drawn(svg: str) -> ElementTree.Element:
    """The drawing, if it is well-formed; everything in it lies inside."""
    root = ElementTree.fromstring(svg)
    assert [e.tag for e in root.iter() if e.tag == "script"] == []
    width, height = (float(n) for n in root.attrib["viewBox"].split()[2:])
    assert width == WIDTH
    for element in root.iter():
        assert 0 <= float(element.get("x", element.get("cx", 0))) <= width
        assert 0 <= float(element.get("y", element.get("cy", 0))) <= height
        assert float(element.get("width", 0)) >= 0
    assert not re.search(r"nan|inf\b", svg)
    return root


@pytest.mark.parametrize(
    "values",
    [[1.5], [0.0, 0.0], [-0.4, 0.2], [1e6, 1e-6], []],
    ids=["one", "nothing", "below zero", "far apart", "none"],
)
def test_bars_of_any_values(values: list[float]) -> None:
    """Zero, negative and far apart: bars start at zero and stay inside, labels are escaped."""
    estimates = [Estimate(v, v - 0.1, v + 0.1, 9) for v in values]
    root = drawn(bars([HOSTILE] * len(values), estimates, HOSTILE))
    assert len(root.findall("rect")) == len(values)
    assert root.attrib["aria-label"] == HOSTILE
    assert [e.findtext("title") for e in root.findall("text[@class='label side']")] == [
        HOSTILE for _ in values
    ]


def test_a_bar_without_an_interval() -> None:
    """Nothing is drawn where nothing is known."""
    root = drawn(bars(["A"], [Estimate(1.0, None, None, 1)], "t"))
    assert root.findall("path") == []


def test_a_page_of_bars_ends() -> None:
    """A group of hundreds shows its first."""
    many = [Estimate(1.0, 0.9, 1.1, 9)] * 200
    assert len(drawn(bars([f"n{i}" for i in range(200)], many, "t")).findall("rect")) == MOST_BARS


def test_who_was_not_asked_has_an_empty_row() -> None:
    """No share is not a share of zero."""
    root = drawn(matrix(["Ann", "Bob"], [(0.0, 0.0), (0.0, 1.0)], "t"))
    written = [each.text for each in root.findall("text")]
    assert [text for text in written if text and "%" in text] == ["0%", "100%"]


@pytest.mark.parametrize("count", [1, 2, 12])
def test_a_matrix_has_a_cell_for_every_pair(count: int) -> None:
    """Shares are written in the cells and who they are of in the tooltips."""
    names = [f"{i}{HOSTILE}" for i in range(count)]
    shares = [[1 / count] * count for _ in range(count)]
    root = drawn(matrix(names, shares, "t"))
    cells = root.findall("rect")
    assert len(cells) == count * count
    assert cells[-1].findtext("title") == (f"{names[-1]} taken for {names[-1]}: {1 / count:.0%}")


@pytest.mark.parametrize(
    "points",
    [(), ((1, 5.0, None),), ((1, 5.0, 8.0), (2, 4.0, None), (3, 4.0, 7.0)), ((0, 1.0, 1.0),)],
)
def test_a_curve_of_any_length(points: tuple[tuple[int, float, float | None], ...]) -> None:
    """An unfinished, a single and an empty curve are drawn too."""
    root = drawn(curve(points, "t"))
    held = [p for p in points if p[2] is not None]
    assert len(root.findall("circle[@class='held']")) == len(held)
    assert len(root.findall("path[@class='line loss']")) == bool(points)
