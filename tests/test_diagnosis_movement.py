import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.absence import FitError
from crmlab.diagnosis.indicators import Indicator
from crmlab.diagnosis.movement import BETTER, CAME, TARGETS, WEIGHTS, WENT, WORSE, movement
from crmlab.diagnosis.scoring import diagnose
from crmlab.intervals import Estimate

THREE = (
    Indicator("csat", "experience", "nps_analysis", 0.0, 1.0, 1, "Satisfaction (CSAT)"),
    Indicator("nps", "experience", "nps_analysis", 0.0, 1.0, 1, "NPS"),
    Indicator("retention_rate", "retention", "churn_modelling", 0.0, 1.0, 1, "Retention rate"),
)
JUNE, SEPTEMBER = date(2026, 6, 30), date(2026, 9, 30)


def score(judged=THREE, half=None, **values):
    found = {}
    for name, value in values.items():
        ends = (None, None) if half is None else (value - half, value + half)
        why = "a full count, not a sample" if half is None else ""
        found[name] = Estimate(value, *ends, "share", 100, name, no_interval=why)
    return diagnose(found, judged, draws=200)


def published(day, diagnosis):
    metrics = {name: metric.to_dict() for name, metric in diagnosis.metrics().items()}
    return day, json.loads(json.dumps(metrics)), json.loads(json.dumps(diagnosis.entry()))


def steps(before, now):
    found = movement([published(JUNE, before)], now, SEPTEMBER)
    assert found.steps["points"].sum() == pytest.approx(now.score.value - before.score.value)
    return found, {row.step: (row.kind, row.points) for row in found.steps.itertuples()}


def test_contributions_are_weights_times_changes_of_scores():
    before, now = score(csat=0.5, nps=0.4, retention_rate=0.8), score(csat=0.7, nps=0.3, retention_rate=0.8)
    found, moved = steps(before, now)
    assert moved == {"Satisfaction (CSAT)": (BETTER, pytest.approx(5)), "NPS": (WORSE, pytest.approx(-2.5))}
    assert found.change.value == pytest.approx(2.5)
    assert found.by_values == pytest.approx(2.5)


def test_what_is_newly_known_is_no_improvement():
    found, moved = steps(score(csat=0.5, retention_rate=0.8), score(csat=0.5, retention_rate=0.8, nps=0.9))
    assert found.by_values == 0
    assert moved["NPS"][0] == CAME
    assert found.change.value == pytest.approx(10)
    assert set(kind for kind, _points in moved.values()) <= {CAME, WEIGHTS}
    assert "No value has changed." in found.summary()
    assert "neither an improvement nor a decline" in found.summary()


def test_what_is_no_longer_known_is_named():
    _found, moved = steps(score(csat=0.5, retention_rate=0.8, nps=0.2), score(csat=0.5, retention_rate=0.8))
    assert moved["NPS"][0] == WENT
    assert moved["NPS"][1] > 0


def test_other_targets_are_a_step_of_their_own():
    easier = (Indicator("csat", "experience", "nps_analysis", 0.0, 0.8, 1, "Satisfaction (CSAT)"), *THREE[1:])
    _found, moved = steps(
        score(csat=0.4, nps=0.4, retention_rate=0.8), score(easier, csat=0.6, nps=0.4, retention_rate=0.8)
    )
    assert moved[TARGETS] == (TARGETS, pytest.approx((50 - 40) / 4))
    assert moved["Satisfaction (CSAT)"] == (BETTER, pytest.approx((75 - 50) / 4))


def test_the_course_holds_every_date_and_passes_over_those_without_a_score():
    first, second = score(csat=0.4), score(csat=0.6)
    history = [published(date(2026, 3, 31), first), (date(2026, 4, 30), {}, {}), published(JUNE, second)]
    course = movement(history, score(csat=0.9), SEPTEMBER).course
    assert course["date"].tolist() == [date(2026, 3, 31), JUNE, SEPTEMBER]
    assert [each.value for each in course["score"]] == pytest.approx([40, 60, 90])
    assert course["rating"].tolist() == ["D", "C", "A"]
    assert course["coverage"].tolist() == pytest.approx([0.25, 0.25, 0.25])


@pytest.mark.parametrize("history", [[], [(JUNE, {}, {})], [published(SEPTEMBER, score(csat=0.4))]])
def test_the_first_diagnosis_has_nothing_to_compare_with(history):
    with pytest.raises(FitError, match="no diagnosis of an earlier date"):
        movement(history, score(csat=0.4), SEPTEMBER)


@pytest.mark.parametrize(
    ("before", "now", "half", "words"),
    [
        (0.4, 0.6, 0.01, "Since 30 June 2026, the score rose by 20.0 points (95% interval "),
        (0.6, 0.4, 0.01, "Since 30 June 2026, the score fell by 20.0 points (95% interval "),
        (0.60, 0.61, 0.1, "Since 30 June 2026, no change of the score can be told: +1.0 points (95% interval "),
        (0.6, 0.6, None, "Since 30 June 2026, the score has not changed."),
    ],
)
def test_the_verdict_follows_the_interval_of_the_change(before, now, half, words):
    found = movement([published(JUNE, score(half=half, csat=before))], score(half=half, csat=now), SEPTEMBER)
    assert found.summary().startswith(words)


def test_the_interval_of_the_change_joins_those_of_both_scores():
    before, now = score(half=0.03, csat=0.4), score(half=0.04, csat=0.6)
    change = movement([published(JUNE, before)], now, SEPTEMBER).change
    assert change.high - change.value == pytest.approx(5, abs=1)
    assert change.value - change.low == pytest.approx(5, abs=1)


def test_a_fall_is_told_as_a_length():
    found = movement([published(JUNE, score(half=0.01, csat=0.6))], score(half=0.01, csat=0.4), SEPTEMBER)
    assert found.change.value == pytest.approx(-20)
    assert "−" not in found.summary().split(")")[0]


names = st.sets(st.sampled_from([each.name for each in THREE]), min_size=1)
values = st.lists(st.floats(0, 1), min_size=3, max_size=3)


@given(names, names, values, values, st.lists(st.floats(0.5, 2), min_size=3, max_size=3))
def test_steps_add_up_to_the_change_whatever_came_or_went(there, later, old, new, weights):
    other = tuple(
        Indicator(each.name, each.part, each.source, 0.0, weight, weight, each.label)
        for each, weight in zip(THREE, weights, strict=True)
    )
    held = dict(zip((each.name for each in THREE), zip(old, new, strict=True), strict=True))
    before = score(**{name: pair[0] for name, pair in held.items() if name in there})
    now = score(other, **{name: pair[1] for name, pair in held.items() if name in later})
    found = movement([published(JUNE, before)], now, SEPTEMBER)
    assert found.steps["points"].sum() == pytest.approx(now.score.value - before.score.value, abs=1e-6)


@given(values, values)
def test_values_that_are_all_better_bring_no_loss(old, gains):
    names = [each.name for each in THREE]
    before = score(**dict(zip(names, old, strict=True)))
    now = score(**{name: value + gain for name, value, gain in zip(names, old, gains, strict=True)})
    found = movement([published(JUNE, before)], now, SEPTEMBER)
    assert (found.steps["points"] >= 0).all()
    assert set(found.steps["kind"]) <= {BETTER}
