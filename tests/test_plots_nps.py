"""Figures of the score: findings, words, what is drawn where there is little, hostile names."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from crmlab.nps.comparison import compared
from crmlab.nps.over_time import over_time
from crmlab.nps.score import scores
from crmlab.nps.weighting import weighted_score
from crmlab.plots import figure
from crmlab.plots.nps import control_chart, score_by_group, score_distribution, weighted_beside_unweighted
from crmlab.plots.svg import LIGHT
from tests.bench.coverage_nps import answers
from tests.test_nps_comparison import COUNTS, given
from tests.test_nps_over_time import BETTER, EVEN
from tests.test_nps_over_time import given as periods
from tests.test_nps_weighting import given as regions

HOSTILE = "<script>alert(1)</script>"
SCORES = scores(answers([10, 9, 9, 8, 7, 6, 0], range(7)))
GROUPS = compared(given(), fewest=20)
COURSE = over_time(periods(EVEN, EVEN, BETTER, BETTER), events={"2023-08-01": "s"})
WEIGHTED = weighted_score(regions())
OTHERS = {name: (40, 30, 30) for name in "abcd"}
FIGURES = [
    (score_distribution, SCORES, "NPS +14: 42.9% promoters, 28.6% detractors", "10: 14.3%"),
    (score_by_group, GROUPS, "3 groups differ from the rest; y is the lowest: 0", "x 60 points (95% interval"),
    (control_chart, COURSE, "NPS has risen by 46 points", "Q3 2023: 76 points (95%"),
    (weighted_beside_unweighted, WEIGHTED, "Those who answer flatter: weighted to the customers, NPS is −5",
     "The weights move the score by −25.0 points; the largest gap is s: 75.0% of the customers"),
]  # fmt: skip
each = pytest.mark.parametrize(("function", "result", "finding", "words"), FIGURES)


@each
def test_title_is_the_finding_and_label_says_it_in_words(function, result, finding, words):
    content = figure(function, result).content
    assert content["title"].startswith(finding)
    assert words in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in ElementTree.fromstring(content[kind]).iter("text"):
            assert 0 <= float(text.attrib["x"]) <= width, text.text


@each
def test_all_is_translated(function, result, finding, words, untranslated):
    content = figure(function, result).content
    own = {"x", "y", "z", "n", "s", "August"}  # dates follow the locale
    assert set(untranslated(content["title"])) <= own and set(untranslated(content["label"])) <= own


def texts(function, result, kind="wide"):
    root = ElementTree.fromstring(figure(function, result).content[kind])
    return ["".join(element.itertext()) for element in root.iter("text")]


@pytest.mark.parametrize(
    ("function", "result", "finding"),
    [
        (score_distribution, scores(answers([10] * 10, range(10))), "NPS +100: 100.0% promoters, 0.0% detractors"),
        (score_distribution, scores(answers([0], [0])), "NPS −100"),
        (score_by_group, compared(given({"x": (5, 3, 2), "y": (5, 3, 2)}), fewest=1), "No group can be told apart"),
        (score_by_group, compared(given({"x": (9, 0, 0)}), fewest=1), "No group can be told apart"),
        (score_by_group, compared(given({"x": (60, 30, 10), "y": (5, 3, 42), "z": (3, 3, 1)}), fewest=1), "2 groups"),
        (score_by_group, compared(given(OTHERS | {"z": (75, 20, 5)})), "Only z differs from the rest, and lies above"),
        (score_by_group, compared(given(OTHERS | {"z": (10, 20, 70)})), "Only z differs from the rest, and lies below"),
        (control_chart, over_time(periods(EVEN, EVEN)), "No change beyond chance"),
        (control_chart, over_time(periods(BETTER, BETTER, EVEN, EVEN)), "NPS has fallen by 46 points"),
        (control_chart, over_time(periods((3, 0, 2), (2, 0, 3), by="month")), "No change beyond chance"),
        (weighted_beside_unweighted, weighted_score(regions({"n": (60, 20, 20, 20), "s": (10, 20, 20, 10)})),
         "Weighted to the customers, NPS stays where it is: +20"),
        (weighted_beside_unweighted, weighted_score(regions({"n": (60, 20, 20, 900), "s": (10, 20, 70, 20)})),
         "Those who answer are harsher"),
    ],
)  # fmt: skip
def test_little_to_draw_and_other_findings(function, result, finding):
    content = figure(function, result).content
    assert content["title"].startswith(finding)
    assert "nan" not in content["label"].lower()


def test_groups_that_differ_are_diamonds():
    collections = score_by_group(GROUPS).collections
    dots, diamonds = (len(part.get_offsets()) for part in collections[-2:])
    assert (dots, diamonds) == (2, 3)


def test_events_are_named_where_they_happened():
    assert "s" in texts(control_chart, COURSE)
    many = {f"2023-0{month}-01": f"{HOSTILE} {'春季促销活动' * 8}" for month in range(1, 8)}
    content = figure(control_chart, over_time(periods(EVEN, EVEN, BETTER, BETTER), events=many)).content
    assert "<script" not in content["wide"] and HOSTILE in content["label"]


def test_many_periods_name_only_some():
    course = over_time(periods(*[EVEN] * 36, by="month"))
    assert sum(" 202" in text for text in texts(control_chart, course, "narrow")) <= 5


def test_names_are_text_and_cut_to_fit():
    found = compared(given({HOSTILE: COUNTS["x"], "北岭国有林场" * 9: COUNTS["y"]}), fewest=1)
    content = figure(score_by_group, found).content
    assert "<script" not in content["wide"] and HOSTILE in content["label"]
    assert any(text.endswith("…") and text.startswith("北岭") for text in texts(score_by_group, found, "narrow"))


def test_limits_are_drawn_across_their_period():
    axes = control_chart(COURSE)
    low, high = axes.get_ylim()
    assert low <= min(COURSE.periods["lower"]) and high >= max(COURSE.periods["upper"])
    assert np.isfinite(axes.get_xlim()).all() and isinstance(COURSE.periods, pd.DataFrame)
