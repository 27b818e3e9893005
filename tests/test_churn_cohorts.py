"""The cohort triangle."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from crmlab import tables
from crmlab.absence import FitError
from crmlab.aggregate.contracts import contract_months
from crmlab.churn.cohorts import cohort_retention
from tests.test_aggregate_contracts import contracts

pytestmark = pytest.mark.usefixtures("any_size")

UNTIL = date(2025, 6, 30)
BOOK = contracts(
    ("a", "2025-03-01", None),
    ("b", "2025-03-20", "2025-05-10"),
    ("c", "2025-04-05", "2025-04-20"),  # gone within the first month
    ("c", "2025-06-05", None),  # and back
    ("d", "2025-04-05", None),
    ("e", "2025-06-30", None),
)


def months(book=BOOK, **options):
    return contract_months(book, until=UNTIL, **options)


def test_by_hand():
    found = cohort_retention(months())
    shares = found.matrix()
    assert shares.index.tolist() == [pd.Timestamp(day) for day in ("2025-03-31", "2025-04-30", "2025-06-30")]
    want = [[1, 1, 0.5, 0.5], [0.5, 0.5, 1, np.nan], [1, np.nan, np.nan, np.nan]]
    assert shares.to_numpy() == pytest.approx(np.array(want), nan_ok=True)
    assert found.length == 1 and found.left_out == 0
    assert (found.table()["customers"].tolist(), found.table()["age"].tolist()) == ([2, 2, 1], [3, 2, 0])
    tables.of(found, title="Cohorts")


def test_longer_cohorts_show_an_age_once_all_of_them_reached_it():
    """Of March to June, the last came in June, so that nothing but the start is known of all."""
    found = cohort_retention(months(), length_months=2)
    shares = found.matrix()
    assert shares.index.tolist() == [pd.Timestamp("2025-04-30"), pd.Timestamp("2025-06-30")]
    assert shares.iloc[0].tolist() == [0.75, 0.75] and found.triangle["customers"].tolist() == [4, 4, 1]


def many(kept_before: int, kept_after: int, cohorts: int = 6) -> pd.DataFrame:
    """Cohorts of a hundred, month after month, who leave after half a year or stay."""
    start = pd.date_range("2023-10-05", periods=cohorts, freq="MS")
    entries = []
    for place, first in enumerate(start):
        kept = kept_before if place < cohorts // 2 else kept_after
        leaves = first + pd.DateOffset(months=6)
        entries += [(f"{place} {each}", first, None if each < kept else leaves) for each in range(100)]
    return contracts(*entries)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (60, 62, "After 12 months, the cohorts cannot be told apart: of the earlier half 60.0% still have a contract"),
        (60, 90, "Later cohorts stay longer: after 12 months, 90.0% of the later half still have a contract"),
        (90, 60, "Later cohorts leave sooner: after 12 months, 60.0% of the later half still have a contract"),
        (100, 100, "After 12 months, the cohorts cannot be told apart"),
        (0, 0, "After 12 months, the cohorts cannot be told apart"),
    ],
)
def test_cohorts_are_compared_where_they_can_be(before, after, words):
    assert cohort_retention(months(many(before, after)), length_months=1).summary().startswith(words)


def test_cohorts_that_differ_without_a_trend():
    first, second = many(90, 60, 2), many(90, 60, 2)
    later = second["start"] + pd.DateOffset(months=2)
    second = second.assign(customer_id="again " + second["customer_id"], start=later, end=second["end"])
    found = cohort_retention(months(pd.concat([first, second])), length_months=1)
    assert "the cohorts differ, with no trend" in found.summary()


def test_a_single_cohort_speaks_for_itself():
    found = cohort_retention(months(BOOK.head(2)))
    assert found.p_value is None and found.compared_at is None
    assert found.summary().startswith(
        "Of the customers won up to 31 March 2025, 50.0% still have a contract 3 months later (95% interval 9.5% to"
    )


def test_the_shortest_length_that_leaves_few_cohorts_is_taken():
    assert cohort_retention(months(many(60, 60, 14))).length == 3
    long = contracts(*((str(year), f"{year}-01-01", None) for year in range(2016, 2026)))
    assert cohort_retention(months(long)).length == 12


def test_cohorts_from_before_the_record_are_left_out():
    found = cohort_retention(months(observed_from="2025-03-15"))
    assert found.left_out == 2 and found.matrix().index[0] == pd.Timestamp("2025-04-30")
    assert "2 customers who came before all contracts were on record are in no cohort." in found.summary()
    with pytest.raises(FitError, match="no customer came since all contracts are on record"):
        cohort_retention(months(observed_from=UNTIL))


def test_cohorts_of_the_last_month_say_nothing_yet():
    with pytest.raises(FitError, match="no cohort whose start is on record has been followed for long enough"):
        cohort_retention(months(BOOK.tail(1)))


def test_no_contract_and_misuse_are_said():
    with pytest.raises(FitError, match="no customer came since"):
        cohort_retention(months(BOOK.head(0)))
    with pytest.raises(ValueError, match="`length_months` must be a positive integer, got 0"):
        cohort_retention(months(), length_months=0)


def test_all_is_translated(untranslated):
    for found in (cohort_retention(months(observed_from="2025-03-15")), cohort_retention(months(BOOK.head(2)))):
        assert set(untranslated(found.summary())) <= {"March", "April", "June"}
