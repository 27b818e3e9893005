import json
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree

import pytest

from crmlab import plots
from crmlab.diagnosis.movement import movement
from crmlab.diagnosis.scoring import diagnose
from crmlab.diagnosis.targets import indicators
from crmlab.intervals import Estimate
from crmlab.plots.diagnosis import indicator_scores, score_course, score_movement, score_overview
from crmlab.plots.svg import LIGHT

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

JUNE, SEPTEMBER = date(2026, 6, 30), date(2026, 9, 30)
VALUES = {
    "data_completeness": 0.9, "response_rate": 0.2, "clv_to_cac": 2.5, "revenue_growth": 0.04,
    "conversion_rate": 0.25, "project_success_rate": 0.7, "csat": 0.75, "nps": 25.0, "reopen_rate": 0.1,
    "response_within": 0.8, "resolution_within": 0.6, "retention_rate": 0.8, "renewal_rate": 0.85,
    "top_10_share": 0.3, "overdue_share": 0.05, "default_rate": 0.04,
}  # fmt: skip


def diagnosis(before=None, **changes):
    values = {name: value for name, value in (VALUES | changes).items() if value is not None}
    found = {
        name: Estimate(value, value * 0.95, value * 1.05, "share", 500, name) if value else None
        for name, value in values.items()
    }
    return diagnose(found, indicators(), before=before, draws=200)


def published(found):
    metrics = json.loads(json.dumps({name: metric.to_dict() for name, metric in found.metrics().items()}))
    return JUNE, metrics, found.entry()


OLD = published(diagnosis(csat=0.72, nps=None, retention_rate=0.75))
NOW = diagnosis(before=OLD[1])
FEW = diagnose({"retention_rate": Estimate(0.7, 0.66, 0.74, "share", 90, "kept")}, indicators(), draws=200)
SOUND = diagnose({"retention_rate": Estimate(0.9, None, None, "share", 90, no_interval="x")}, indicators(), draws=200)
MOVED = movement([OLD], NOW, SEPTEMBER)
STILL = movement([published(NOW)], NOW, SEPTEMBER)

FIGURES = [
    (score_overview, NOW, "Rated B; weakest: Customer experience, 48 of 100 points", "Risk: "),
    (
        score_overview,
        FEW,
        "Too little is known for a rating; weakest of what is known: Customer retention",
        "Risk: not known",
    ),
    (score_overview, replace(FEW, coverage=0.4, rating="D"), "Provisionally rated D; weakest of what is", "not known"),
    (indicator_scores, NOW, "Satisfaction (CSAT) costs most: 5.3 of the ", "Satisfaction (CSAT): 20, 5.3 lost"),
    (indicator_scores, SOUND, "Every indicator reaches its target", "Retention rate: 100, 0.0 lost"),
    (
        score_movement,
        MOVED,
        "+5.9 points since 30 June 2026; better and worse values alone: +4.0",
        "Bridge from 64.1 to 70.0",
    ),
    (score_movement, STILL, "Since 30 June 2026, the score has not changed", "has not changed."),
    (score_course, MOVED, "Over 2 dates, the score went from 64 to 70 points", "30 June 2026: 64.1, rating C"),
]
NAMES = [f"{function.__name__}{place}" for place, (function, *_rest) in enumerate(FIGURES)]


@pytest.mark.parametrize(("function", "result", "finding", "words"), FIGURES, ids=NAMES)
def test_figures_state_their_finding_and_fit_their_page(function, result, finding, words):
    content = plots.figure(function, result).content
    assert content["title"].startswith(finding)
    assert words in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        root = ElementTree.fromstring(content[kind])
        assert root.attrib["viewBox"].split()[2] == str(width)
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in root.iter("text"):
            assert 0 <= float(text.attrib.get("x", 0)) <= width, text.text
    assert plots.figure(function, result).content == content


def test_the_foremost_indicators_are_drawn_and_the_others_counted():
    drawn = indicator_scores(NOW)
    widths = [bar.get_width() for bar in drawn.patches]
    assert widths == [score.value for score in NOW.scored["score"].head(12)]
    lost = NOW.scored["loss"].iloc[12:].sum()
    assert drawn.get_xlabel() == f"score; 4 others lose {lost:.1f} points"


def test_earlier_scores_are_drawn_where_they_differ():
    labels = [NOW.scored["label"].iloc[place] for place in range(12)]
    changed = {"Satisfaction (CSAT)", "Retention rate"} & set(labels)
    hollow = [dots for dots in indicator_scores(NOW).collections if getattr(dots, "get_sizes", list)() == [64]]
    assert len(hollow) == len(changed) == 2


def test_the_bridge_leads_from_the_score_before_to_this_one():
    drawn = score_movement(MOVED)
    before, now = (score.value for score in MOVED.course["score"])
    assert drawn.patches[0].get_x() == pytest.approx(before)
    last = drawn.patches[-1]
    assert last.get_x() + last.get_width() == pytest.approx(now)


def test_the_course_has_an_interval_at_every_date():
    bars = [line for line in score_course(MOVED).collections if hasattr(line, "get_segments")]
    ends = [tuple(point[1] for point in bar.get_segments()[0]) for bar in bars]
    assert ends == [(score.low, score.high) for score in MOVED.course["score"]]
