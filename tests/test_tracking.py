"""The forecast week by week: by hand, in step with the holdout, and covered by its intervals."""

from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd
import pytest

from crmlab.aggregate import purchases_after
from crmlab.plots.tracking import tracking_by_week, tracking_so_far
from crmlab.tracking import track_forecast
from tests.bench.coverage_clv import CALIBRATION_WEEKS, simulate_purchases, summarise
from tests.test_aggregate_transactions import cdnow_sample
from tests.test_purchases import fitted, known, sample

WINDOW = {"calibration_end": "1997-09-30", "holdout_end": "1998-06-30"}


def cdnow_weeks() -> pd.DataFrame:
    return purchases_after(cdnow_sample(), **WINDOW)


@pytest.mark.parametrize("in_engine", [False, True])
def test_purchases_are_counted_in_the_step_of_their_day(in_engine):
    log = pd.DataFrame(
        [
            ("a", "2025-01-05", 10), ("a", "2025-02-01", 10), ("a", "2025-02-01", 5), ("a", "2025-02-07", 10),
            ("a", "2025-02-08", 10), ("a", "2025-02-20", -3), ("a", "2025-02-24", 1), ("a", "2025-03-01", 9),
            ("b", "2025-01-31", 10), ("b", "2025-02-07", 10), ("new", "2025-02-02", 10), ("new", "2025-02-09", 10),
        ],
        columns=["customer_id", "date", "amount"],
    ).assign(date=lambda log: pd.to_datetime(log["date"]))  # fmt: skip
    source = duckdb.sql("select * from log") if in_engine else log
    found = purchases_after(source, calibration_end="2025-01-31", holdout_end="2025-02-24")
    assert found["purchases"].tolist() == [3, 1, 0, 1]
    assert found["days"].tolist() == [7, 14, 21, 24]
    assert found["ends_on"].dt.strftime("%m-%d").tolist() == ["02-07", "02-14", "02-21", "02-24"]


def test_steps_need_a_period_to_lie_in():
    with pytest.raises(ValueError, match="`holdout_end` must come after `calibration_end` 2025-01-31, got 2025-01-31"):
        purchases_after(cdnow_sample(), calibration_end="2025-01-31", holdout_end="2025-01-31")


def test_steps_add_up_to_the_holdout():
    calibration, later = sample(), cdnow_weeks()
    assert later["purchases"].sum() == calibration["frequency_holdout"].sum()
    found = track_forecast(fitted("bg_nbd"), calibration, later, draws=50)
    last = found.steps.iloc[-1]
    assert last["actual_so_far"] == 1882
    assert last["predicted_so_far"] == pytest.approx(1653, abs=2)
    assert found.steps["predicted"].sum() == pytest.approx(last["predicted_so_far"])
    total = fitted("bg_nbd").conditional_expected_purchases(39, calibration).sum()
    assert last["predicted_so_far"] == pytest.approx(total)
    assert found.table().columns.tolist()[0] == "ends_on"
    assert found.leaves is None
    assert "stayed within the forecast's interval to the end" in found.summary()
    assert "about 5% would by chance" in found.summary()
    assert "about 0.5% would by chance" in replace(found, confidence_level=0.995).summary()


def test_a_forecast_that_is_left_behind_says_since_when():
    later = cdnow_weeks().assign(purchases=lambda steps: steps["purchases"] * 2)
    found = track_forecast(fitted("bg_nbd"), sample(), later, draws=50)
    outside = found.steps["actual_so_far"] > found.steps["high_so_far"]
    assert found.leaves == found.steps["ends_on"][outside].iloc[0] and outside.iloc[-1]
    assert "left the forecast's interval for good in the week to" in found.summary()
    assert "outgrew" in tracking_so_far(found).get_title(loc="left")


@pytest.mark.parametrize("name", ["bg_nbd", "mbg_nbd", "pareto_nbd"])
def test_simulated_times_follow_the_expected_course(name):
    """Not the sum alone: the purchases of each step, whose times are drawn, follow the law's own expectation."""
    customers = sample()
    ends = np.array([4.0, 10.0, 20.0, 39.0])
    model = known(name)
    totals = model.simulate_totals(ends, customers, draws=150, seed=3)
    expected = model.conditional_expected_purchases(ends, customers).sum(axis=1)
    error = totals.std(axis=0) / np.sqrt(len(totals))
    assert (np.abs(totals.mean(axis=0) - expected) < 4 * error).all()
    assert model.expected_totals(ends, customers) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["bg_nbd", "pareto_nbd"])
def test_intervals_of_weeks_and_sums_cover(name):
    """Over simulated customer bases, weeks and sums so far lie in their 95% intervals as often as stated."""
    inside = []
    for seed in range(12):
        log = simulate_purchases(name, 300, np.random.default_rng([seed, 300]))
        week = np.floor(log["week"] - CALIBRATION_WEEKS).astype(int)
        counts = week[(week >= 0) & (week < 39)].value_counts().reindex(range(39), fill_value=0)
        later = pd.DataFrame({"days": 7 * np.arange(1, 40), "purchases": counts.to_numpy()})
        later["ends_on"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(later["days"], unit="D")
        steps = track_forecast(known(name), summarise(log), later, draws=79, seed=seed).steps
        for suffix in ("", "_so_far"):
            actual = steps[f"actual{suffix}"]
            inside.append((suffix, ((actual >= steps[f"low{suffix}"]) & (actual <= steps[f"high{suffix}"])).mean()))
    shares = pd.DataFrame(inside, columns=["of", "share"]).groupby("of")["share"].mean()
    # counts are whole, so that weeks of few purchases are covered more often than stated
    assert 0.92 <= shares[""] <= 0.995
    assert 0.85 <= shares["_so_far"] <= 1.0


def test_a_last_week_cut_short_is_in_the_sum_alone():
    later = purchases_after(cdnow_sample(), calibration_end="1997-09-30", holdout_end="1998-06-23")
    later = pd.concat([later, later.tail(1).assign(days=later["days"].max() + 1, purchases=0)], ignore_index=True)
    found = track_forecast(fitted("bg_nbd"), sample(), later, draws=50)
    assert len(found.whole) == len(found.steps) - 1 == 38
    assert len(tracking_by_week(found).lines[0].get_xdata()) == 38
    assert len(tracking_so_far(found).lines[0].get_xdata()) == 39


@pytest.mark.parametrize("draw", [tracking_so_far, tracking_by_week])
def test_figures_show_forecast_and_fact(draw):
    found = track_forecast(fitted("bg_nbd"), sample(), cdnow_weeks(), draws=50)
    ax = draw(found)
    assert ax.get_title(loc="left") and "interval" in ax.get_label()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["forecast", "bought"]
    drawn = {tuple(line.get_ydata()) for line in ax.lines}
    column = "actual_so_far" if draw is tracking_so_far else "actual"
    assert tuple(found.steps[column]) in drawn
