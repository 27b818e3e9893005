"""Cells of customers: how many, their means and covariances; and panels made by hand for the tests of effects."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from crmlab.absence import FitError
from crmlab.aggregate.exposure_months import NEVER, ExposureMonths
from crmlab.uplift.cells import cells


def panel(values, start, *, entry=0, before=None, observed=None, cost=None, revenue=None) -> ExposureMonths:
    """A panel of customers by months; `start` is the first month with the programme, `NEVER` for none."""
    values = np.asarray(values, dtype=float)
    n, length = values.shape
    start = np.broadcast_to(np.asarray(start), n).astype("int64")
    customers = pd.DataFrame(
        {
            "customer_id": [f"c{place:06d}" for place in range(n)],
            "treated": start < NEVER,
            "from_date": pd.NaT,
            "cost": np.full(n, np.nan) if cost is None else np.where(start < NEVER, cost, np.nan),
            "entry": np.broadcast_to(np.asarray(entry), n).astype("int64"),
            "before": np.where(start < NEVER, start - 1, NEVER) if before is None else before,
            "start": start,
        }
    )
    months = pd.date_range("2023-01-01", periods=length, freq="MS")
    seen = np.ones(length, dtype=bool) if observed is None else np.asarray(observed)
    outcomes = {"margin": sparse.csr_array(values)}
    outcomes["revenue"] = sparse.csr_array(2 * values if revenue is None else np.asarray(revenue, dtype=float))
    return ExposureMonths(customers, months, seen, outcomes, 0, 0)


def noise(rng, n: int, length: int) -> np.ndarray:
    """Customers who differ from one another, skewed, and months that hang together within each."""
    level = rng.gamma(2.0, 50.0, n)[:, None]
    own = rng.normal(0, 15, (n, length)).cumsum(axis=1) * 0.3 + rng.normal(0, 25, (n, length))
    return level + own + 10 * np.sin(np.arange(length) / 2)


def waves(rng, n: int, starts=(12, 15, 18, NEVER)) -> np.ndarray:
    """Starts of customers, as many of each, in random order."""
    return rng.permutation(np.resize(np.array(starts), n))


def test_moments_are_those_of_the_customers():
    rng = np.random.default_rng(0)
    values, start = noise(rng, 400, 24), waves(rng, 400)
    found = cells(panel(values, start, entry=0), "margin", history_months=3)
    assert found.n.sum() == 400 and found.treated == 300
    for cell in range(len(found.n)):
        members = values[start == found.start[cell]]
        assert found.mean[cell] == pytest.approx(members.mean(axis=0))
        assert found.covariance[cell] == pytest.approx(np.cov(members.T))
    assert found.treated_months == sum(24 - each for each in (12, 15, 18)) * 100


def test_customers_are_with_those_won_at_the_same_time():
    rng = np.random.default_rng(1)
    entry = rng.integers(0, 20, 2_000)
    start = np.where(rng.random(2_000) < 0.5, 14, NEVER)
    found = cells(panel(noise(rng, 2_000, 24), start, entry=entry), "margin", history_months=3)
    # bands end 12, 6, 3 and 0 months before the start
    assert sorted(set(found.entry)) == [0, 2, 8, 11, 14]
    assert found.n[found.entry == 8].sum() == ((entry > 2) & (entry <= 8)).sum()
    # those won after the only start are compared with nobody
    assert found.n.sum() == (entry <= 14).sum()
    few = cells(panel(noise(rng, 100, 24), start[:100], entry=entry[:100]), "margin", history_months=3)
    assert sorted(set(few.entry)) == [11, 14]


def test_a_customer_alone_in_a_cell_takes_the_others_spread():
    rng = np.random.default_rng(2)
    start = np.array([6] * 30 + [8] + [NEVER] * 30)
    found = cells(panel(noise(rng, 61, 12), start), "margin", history_months=3)
    alone = found.n == 1
    assert alone.sum() == 1
    assert np.diag(found.covariance[alone][0]).min() > 100


def test_says_what_is_wrong():
    rng = np.random.default_rng(3)
    with pytest.raises(FitError, match="the programme has reached nobody for a whole month yet"):
        cells(panel(noise(rng, 20, 12), NEVER), "margin", history_months=3)
    with pytest.raises(FitError, match="the transactions tell no profit"):
        cells(panel(noise(rng, 20, 12), 6), "profit", history_months=3)
