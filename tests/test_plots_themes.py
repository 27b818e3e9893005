from types import SimpleNamespace
from xml.etree import ElementTree

import pandas as pd
import pytest

from crmlab import intervals, plots
from crmlab.intervals import Estimate
from crmlab.messages import speaking
from crmlab.plots.svg import LIGHT
from crmlab.plots.themes import theme_trends, themes_by_size

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def result(score=("", "lower", ""), trend=("", "", "rising"), months=4, nps=(40.0, -30.0, None), source="comments"):
    names = ["staff · ward · caring", "物流 · 延误 · 发货", "<b>price</b> · cost"]
    rows = pd.DataFrame({"theme": names, "score": score, "trend": trend})
    rows["share"] = [intervals.wilson(part, 100) for part in (40, 20, 10)]
    rows["nps"] = [None if value is None else Estimate(value, value - 20, value + 20, "points", 30) for value in nps]
    rows["change"] = [Estimate(value, value - 1, value + 1, "percentage points", 100) for value in (0.2, -0.4, 3.0)]
    days = pd.date_range("2025-01-01", periods=months, freq="MS")
    course = pd.DataFrame(
        [(name, day, 5, 20, 0.1 + 0.1 * at, 0.05, 0.5) for at, name in enumerate(names) for day in days],
        columns=["theme", "month", "comments", "of", "share", "low", "high"],
    )
    return SimpleNamespace(themes=rows, months=course, source=source, summary=lambda: "The comments show 3 themes.")


FIGURES = [
    (
        themes_by_size,
        "Least recommended by those who write of “物流 · 延误 · 发货”: NPS −30",
        "staff · ward · caring 40.0% (95% interval 30.9% to 49.8%, n = 100), net promoter score 40 points",
    ),
    (theme_trends, "Growing: “<b>price</b> · cost”", "<b>price</b> · cost 3.0 percentage points a year"),
]
NAMES = [function.__name__ for function, *_ in FIGURES]


@pytest.mark.parametrize(("function", "finding", "words"), FIGURES, ids=NAMES)
def test_figures_state_their_finding_and_fit_their_page(function, finding, words):
    content = plots.figure(function, result()).content
    assert content["title"] == finding
    assert words in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        root = ElementTree.fromstring(content[kind])
        assert root.attrib["viewBox"].split()[2] == str(width)
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        assert "<b>" not in content[kind]
        for text in root.iter("text"):
            assert 0 <= float(text.attrib.get("x", 0)) <= width, text.text
    assert plots.figure(function, result()).content == content


def test_what_cannot_be_told_apart_does_not_stand_out():
    plain = result(score=("", "", ""), trend=("", "", ""))
    assert (
        themes_by_size(plain).get_title(loc="left") == "The largest theme, “staff · ward · caring”: 40.0% of comments"
    )
    assert theme_trends(plain).get_title(loc="left") == "No theme has grown or shrunk by more than chance would do"
    for function in (themes_by_size, theme_trends):
        assert "var(--c2)" not in plots.figure(function, plain).content["wide"]
        assert "var(--c2)" in plots.figure(function, result()).content["wide"]


def test_notes_without_scores_have_no_column_of_them():
    notes = result(score=("", "", ""), nps=(None, None, None), source="notes")
    content = plots.figure(themes_by_size, notes).content
    assert content["title"].endswith("of notes") and ">NPS<" not in content["wide"]
    assert ">NPS<" in plots.figure(themes_by_size, result()).content["wide"]


def test_shrinking_themes_are_told_so():
    assert theme_trends(result(trend=("", "falling", ""))).get_title(loc="left").startswith("Shrinking: “物流")


def test_comments_of_one_month_tell_of_no_trend():
    axes = theme_trends(result(months=1))
    assert axes.get_title(loc="left") == "The comments are of one month, and tell of no trend"
    assert axes.get_label() == "The comments are of one month, and tell of no trend."


@pytest.mark.parametrize("months", [2, 10, 40, 150])
def test_courses_of_any_length_have_a_readable_axis(months):
    axes = theme_trends(result(months=months))
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert 2 <= len(labels) <= 13 and len(set(labels)) == len(labels)


def test_figures_are_drawn_in_chinese():
    with speaking("zh"):
        for function, *_rest in FIGURES:
            assert plots.figure(function, result()).content["title"]
