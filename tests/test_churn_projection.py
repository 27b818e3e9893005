"""Retention projected, and the projection against what then happened."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest

from crmlab import tables
from crmlab.absence import FitError
from crmlab.aggregate.contracts import contract_months
from crmlab.churn.projection import projection_check, renewals, retention_projection
from tests.bench.coverage_retention import base, coverage
from tests.test_aggregate_contracts import contracts

UNTIL = date(2025, 12, 31)
BOOK = base(np.random.default_rng(8), 1500)


def rows(*entries):
    return pd.DataFrame(entries, columns=["start", "end", "relationships"]).astype({"end": float})


def test_renewals_by_hand():
    made = rows((-5, -3, 2), (-5, np.nan, 4), (-2, -2, 9), (-2, 0, 1), (0, np.nan, 7))
    left, running, entered = renewals(made, 0, None, 1)
    assert left.tolist() == [0, 3, 0, 0, 0, 0], "who left within the first month is in no period"
    assert running.tolist() == [0, 0, 0, 0, 4, 0] and entered.sum() == 0
    # as known two months ago, who leaves later is still there
    assert [counts.tolist() for counts in renewals(made, -2, None, 1)[:2]] == [[0, 2, 0, 0], [0, 0, 4, 0]]


def test_renewals_since_the_record_began():
    """The record begins at the end of month -3: those who had left by then are not in it."""
    made = rows((-5, -3, 2), (-5, -1, 3), (-5, np.nan, 4))
    left, running, entered = renewals(made, 0, -3, 1)
    assert (left[3], running[4], entered[1]) == (3, 4, 7) and left.sum() == 3


def test_renewals_of_yearly_contracts():
    made = rows((-30, -18, 5), (-30, -6, 2), (-30, np.nan, 3), (-7, -6, 1))
    left, running, _entered = renewals(made, 0, None, 12)
    # the one who left in a first year that is not over counts as there, and says nothing yet
    assert left.tolist() == [5, 2, 0] and running.tolist() == [0, 3, 0]


def test_both_models_are_fitted_and_tested():
    found = projection_check(BOOK, seed=1)
    assert found.tested and found.path["month"].tolist() == list(range(13))
    assert found.path["last_day"].iloc[0] == pd.Timestamp(2023, 12, 31)
    there = BOOK.rows[(BOOK.rows["start"] <= -12) & ~(BOOK.rows["end"] <= -12)]
    kept = there["end"].isna().sum() / len(there)
    assert found.customers == len(there) and found.path["actual"].iloc[-1] == kept
    for name in ("sbg", "bdw"):
        path = found.path
        assert ((path[f"{name}_low"] <= path[name]) & (path[name] <= path[f"{name}_high"])).all()
    assert found.holds and found.best == "sbg"
    assert found.summary() == (
        f"Fitted to what was known on 31 December 2023, the sBG model expected {found.retention.text()} of the "
        f"customers to stay for another 12 months {found.retention.evidence()}; {100 * kept:.1f}% did, which lies "
        "within that interval."
    )
    tables.of(found, title="Test")


def test_the_test_uses_nothing_that_came_later():
    """Whatever happens in the last year, the forecast stays the same."""
    changed = BOOK.rows.copy()
    later = changed["end"] > -12
    changed.loc[later, "end"] = np.nan
    changed = pd.concat([changed, changed[changed["start"] > -12]])
    changed.loc[changed["start"] > -12, "relationships"] = 5
    other = projection_check(type(BOOK)(**(vars(BOOK) | {"rows": changed})), seed=1)
    forecast = projection_check(BOOK, seed=1).path.drop(columns="actual")
    pd.testing.assert_frame_equal(other.path.drop(columns="actual"), forecast)
    assert not other.holds and "which lies outside of that interval" in other.summary()


def test_the_better_model_speaks():
    rising = base(np.random.default_rng(9), 4000, c=1.6, alpha=1.0, beta=60.0)
    found = retention_projection(rising)
    assert found.best == "bdw" and not found.tested
    assert found.summary().startswith(
        f"Of the customers on 31 December 2024, the BdW model expects {found.retention.text()} to stay for another 12 "
        f"months {found.retention.evidence()}."
    )
    assert "A customer’s own chance to leave rises with age." in found.summary()


def yearly(customers=600):
    rng = np.random.default_rng(4)
    start = pd.Timestamp("2020-01-10") + pd.to_timedelta(rng.integers(0, 1700, customers), unit="D")
    years = rng.geometric(rng.beta(1, 4, customers))
    end = [
        first + pd.DateOffset(years=min(int(each), 90)) - pd.Timedelta(1, "D")
        for first, each in zip(start, years, strict=True)
    ]
    return contract_months(contracts(*zip(map(str, range(customers)), start, end, strict=True)), until=UNTIL)


def test_contracts_that_end_on_anniversaries_have_periods_of_a_year():
    found = projection_check(yearly())
    assert found.period_months == 12 and found.path["month"].tolist() == [0, 12] and found.holds
    assert retention_projection(yearly(), horizon_months=18).path["month"].tolist() == [0, 12, 24]


def test_customers_from_before_the_record():
    late = base(np.random.default_rng(10), 3000, observed_months=14)
    found = projection_check(late, seed=2)
    assert found.holds and found.models["sbg"].n < 3000
    with pytest.raises(
        FitError, match="no contract that ended before 1 January 2020, too late for a test over 18 months"
    ):
        projection_check(late, horizon_months=18)


@pytest.mark.parametrize(
    ("book", "message"),
    [
        (contracts(), "nobody had a contract on 31 December 2025"),
        (contracts(("a", "2024-01-01", "2025-01-31")), "nobody had a contract on 31 December 2025"),
        (contracts(("a", "2025-12-01", None)), "no customer has stayed for a whole period yet"),
        (contracts(("a", "2025-01-01", None), ("b", "2025-01-01", None)), "the sBG model needs customers who left"),
        (
            contracts(("a", "2025-11-01", "2025-12-10"), ("b", "2025-12-01", None)),
            "who outlasted a period, none of 1 did",
        ),
    ],
)
def test_data_that_cannot_carry_it_are_said_in_one_sentence(book, message):
    with pytest.raises(FitError, match=message):
        retention_projection(contract_months(book, until=UNTIL))


def test_a_few_customers_have_a_wide_interval():
    few = contracts(*((str(place), "2025-01-01", None if place else "2025-06-30") for place in range(6)))
    found = retention_projection(contract_months(few, until=UNTIL))
    assert found.retention.low < 0.5 and found.retention.high == 1 and found.retention.n == 5


def test_the_same_seed_gives_the_same_interval():
    both = [projection_check(BOOK, seed=3, draws=60).retention for _time in range(2)]
    assert both[0] == both[1] and dataclasses.asdict(both[0])["unit"] == "share"


def test_misuse_is_said():
    with pytest.raises(ValueError, match="`horizon_months` must be a positive integer, got 0"):
        retention_projection(BOOK, horizon_months=0)


def test_intervals_cover():
    assert coverage("projection", draws=25).between(0.84, 1).all()


def test_all_is_translated(untranslated):
    for found in (projection_check(BOOK, draws=60), retention_projection(BOOK, draws=60)):
        assert set(untranslated(found.summary())) <= {"December", "sBG", "BdW"}
