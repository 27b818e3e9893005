"""The course of the score: change or noise, control limits, events."""

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from crmlab import tables
from crmlab.absence import FitError
from crmlab.nps.change import change_test, control_limits
from crmlab.nps.moments import NPS, moments
from crmlab.nps.over_time import named_days, over_time, period_name
from tests.bench.coverage_nps import answers, changed, coverage

EVEN, BETTER = (25, 15, 10), (40, 8, 2)


def given(*splits, by="quarter", who=None):
    values = np.concatenate([np.repeat([10, 7, 0], split) for split in splits])
    cell = np.repeat(range(len(splits)), [sum(split) for split in splits])
    starts = pd.date_range("2023-01-01", periods=len(splits), freq="QS" if by == "quarter" else "MS")
    return answers(values, range(len(values)) if who is None else who, cell, by=by, names=list(starts))


def test_noise_is_not_called_news():
    found = over_time(given((25, 15, 10), (22, 18, 10), (28, 12, 10), (24, 15, 11)))
    assert not found.changed and found.p_value > 0.5 and not found.periods["news"].any()
    told = found.summary()
    assert told.startswith("The score has not changed beyond what chance brings over 4 periods (p = 0.")
    assert "In the last period, Q4 2023, it was 26 points" in told
    assert told.endswith("No period lies outside the control limits: none by itself is news.")


def test_a_step_is_found_where_it_is():
    found = over_time(given(EVEN, EVEN, EVEN, BETTER, BETTER, BETTER), events={"2023-10-05": "new desk"})
    assert found.changed and found.step == pd.Timestamp("2023-10-01") and found.p_value < 0.001
    assert (found.before.value, found.after.value) == pytest.approx((30, 76))
    assert found.change.value == pytest.approx(46) and found.change.low < 46 < found.change.high
    assert "risen from 30" in found.summary() and "with Q4 2023: by 46" in found.summary()
    assert found.table()["events"].tolist() == ["", "", "", "new desk", "", ""]


def test_a_trend_is_told_as_one():
    rising = [(10 + 6 * at, 30 - 3 * at, 20 - 3 * at) for at in range(6)]
    for splits, word in ((rising, "risen"), (rising[::-1], "fallen")):
        found = over_time(given(*splits))
        assert found.changed and found.step is None and f"The score has {word} steadily" in found.summary()


def test_a_period_outside_the_limits_is_news():
    found = over_time(given(EVEN, EVEN, EVEN, EVEN, (5, 5, 40), EVEN, EVEN, EVEN))
    assert found.periods["news"].tolist() == [False] * 4 + [True] + [False] * 3
    assert "One period lies outside the control limits: Q1 2024." in found.summary()
    assert found.table()["reading"].tolist()[3:5] == ["within the limits", "below the limits"]
    assert len(tables.of(found, title="t").content["rows"]) == 8


def test_limits_narrow_with_answers_and_stay_on_the_scale():
    low, high = control_limits(moments(given((5, 0, 0), (90, 5, 5), (900, 50, 50))))
    assert (high <= 1).all() and (np.diff(high - low) < 0).all()
    same = control_limits(moments(given((5, 0, 0), (5, 0, 0))))
    assert np.allclose(same, 1)


def test_people_who_answer_in_every_period_make_change_surer_and_alike_answers_limits_wider():
    splits = (EVEN, EVEN, (32, 10, 8), (32, 10, 8))
    alone = change_test(moments(given(*splits)), np.arange(4.0))[0]
    same = change_test(moments(given(*splits, who=np.tile(range(50), 4))), np.arange(4.0))[0]
    assert same < alone
    own = [
        np.diff(control_limits(moments(given(*splits, who=who))), axis=0)[0] for who in (None, np.repeat(range(40), 5))
    ]
    assert (own[1] > own[0]).all()


def test_nothing_that_varies_has_not_changed():
    found = over_time(given((5, 0, 0), (9, 0, 0)))
    assert (found.p_value, found.step, found.changed) == (1.0, None, False)


@pytest.mark.usefixtures("any_size")
def test_two_periods_of_one_answer_each():
    found = over_time(given((1, 0, 0), (0, 0, 1), by="month"))
    assert not found.changed and found.names() == ["Jan 2023", "Feb 2023"]


def test_one_period_cannot_change():
    for by in ("month", "quarter"):
        with pytest.raises(FitError, match=f"all answers are of one {by}, so that no change can be told"):
            over_time(given(EVEN, by=by))


def test_events_are_days_with_names():
    assert named_days({"2024-03-01": "b", date(2024, 1, 1): "a", datetime(2024, 2, 1, 5): 7}) == {
        date(2024, 1, 1): "a",
        date(2024, 2, 1): "7",
        date(2024, 3, 1): "b",
    }
    with pytest.raises(ValueError, match="`events` must name days as YYYY-MM-DD, got 'soon'"):
        over_time(given(EVEN, EVEN), events={"soon": "x"})
    found = over_time(given(EVEN, EVEN), events={"2022-01-01": "before", "2023-05-01": "in", "2027-01-01": "after"})
    assert list(found.events.values()) == ["in"]


def test_misuse_is_named():
    with pytest.raises(ValueError, match="`answers` must be by month or quarter, got touchpoint"):
        over_time(answers([1, 2], [1, 2], [0, 1], by="touchpoint"))


def test_periods_in_words():
    day = pd.Timestamp("2024-07-01")
    assert (period_name(day, "quarter"), period_name(day, "month")) == ("Q3 2024", "Jul 2024")


def test_the_same_seed_gives_the_same_chance():
    found = moments(given(EVEN, EVEN, (30, 10, 10)))
    assert change_test(found, np.arange(3.0), seed=3) == change_test(found, np.arange(3.0), seed=3)
    assert np.isfinite(found.means(NPS)).all()


def test_a_step_is_found_by_simulation():
    found = coverage(changed, 20)
    assert found["found"] > 0.7 and found["change"] > 0.75


def test_all_is_translated(untranslated):
    for splits in ((EVEN, EVEN), (EVEN, EVEN, BETTER, BETTER), (EVEN, EVEN, EVEN, (5, 5, 40), EVEN, EVEN)):
        found = over_time(given(*splits), events={"2023-02-01": "z"})
        assert untranslated(found.summary()) == []
        assert set(untranslated(" ".join(map(str, found.table()["reading"])))) == set()
