"""The challenger: learns what a straight line cannot, takes what is not known, the same each time."""

import numpy as np
import pytest

from crmlab.absence import FitError
from crmlab.churn.challenger import fit_boosted_hazard
from crmlab.churn.hazard import fit_hazard
from crmlab.ranking import area_difference
from tests.test_churn_hazard import customers, panel


def bent(seed=0):
    """Whoever is far from the middle leaves."""
    rows = panel(seed=seed)
    rng = np.random.default_rng(seed + 50)
    chance = 1 / (1 + np.exp(2.5 - 1.2 * np.abs(rows["score"] - 3) ** 1.5))
    return rows.assign(events=(rng.random(len(rows)) < chance).astype(int))


def test_trees_see_a_bend_that_the_model_does_not():
    rows, new = bent(), bent(1)
    trees, model = fit_boosted_hazard(rows), fit_hazard(rows)
    frame = customers(new)
    gain = area_difference(
        new["events"], trees.probability(frame, months=1), model.probability(frame, months=1), frame["customer_id"],
        label="gain",
    )  # fmt: skip
    assert gain.low > 0.1


def test_grouped_rows_give_the_same_trees():
    rows = panel().assign(score=lambda frame: frame["score"].round())
    keys = ["score", "plan", "tenure_months", "log_tenure_months"]
    grouped = rows.groupby(keys, as_index=False)[["trials", "events"]].sum()
    frame = customers(rows)
    one, other = (fit_boosted_hazard(each).probability(frame, months=1) for each in (rows, grouped))
    # leaves need as many rows, whatever these stand for: near, not equal
    assert np.corrcoef(one, other)[0, 1] > 0.9 and one.mean() == pytest.approx(other.mean(), rel=0.05)


def test_same_rows_same_trees_and_unknown_values_are_taken():
    rows = panel(1_000)
    frame = customers(rows)
    first, again = (fit_boosted_hazard(rows).probability(frame, months=1) for _time in range(2))
    assert first.equals(again) and first.index.tolist() == frame["customer_id"].tolist()
    unknown = frame.assign(score=np.nan, plan=None)
    found = fit_boosted_hazard(rows).probability(unknown, months=1)
    assert found.between(0, 1).all() and found.notna().all()
    assert (fit_boosted_hazard(rows).probability(frame, months=3) > first.to_numpy()).all()


def test_one_kind_of_outcome_only():
    with pytest.raises(FitError, match="some who left and some who stayed"):
        fit_boosted_hazard(panel().assign(events=0))


def test_a_column_of_which_nothing_is_known_is_left_out():
    rows = panel(1_000)
    silent = rows.assign(response_hours=np.nan)
    one, other = (fit_boosted_hazard(each).probability(customers(each), months=1) for each in (rows, silent))
    assert one.tolist() == other.tolist()
