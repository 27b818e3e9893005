"""Retention over a period, with contracts and without."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from crmlab import tables
from crmlab.absence import Absent, FitError
from crmlab.aggregate.contracts import contract_months
from crmlab.aggregate.inactivity import inactivity
from crmlab.churn.retention import contract_retention
from crmlab.churn.silence import purchase_retention, still_active
from crmlab.intervals import wilson
from crmlab.purchases import PurchaseModel
from tests.bench.coverage_retention import coverage
from tests.test_aggregate_contracts import contracts
from tests.test_purchases import sample

UNTIL = date(2025, 12, 31)
GONE = "2025-05-15"
BOOK = contracts(
    *((f"kept {place}", "2024-03-10", None) for place in range(6)),
    ("back", "2024-03-10", "2025-02-28"),
    ("back", "2025-03-10", None),
    ("left", "2024-03-10", GONE),
    ("early", "2023-03-10", "2024-11-30"),
    ("new", "2025-03-10", None),
    ("short", "2025-03-10", "2025-03-20"),
    value=[10.0] * 8 + [30.0, 10.0, 10.0, 10.0],
)


def months(book=BOOK, **options):
    return contract_months(book, until=UNTIL, **options)


def test_by_hand():
    """Seven of eight stay, one of whom was without a contract for a few days; those who came since do not count."""
    found = contract_retention(months())
    assert found.rate == wilson(7, 8, label="retention rate over 12 months")
    assert found.churn == wilson(1, 8, label="churn rate over 12 months")
    assert found.value_rate.value == pytest.approx(0.7, abs=1e-3) and found.value_rate.n == 8
    lost = found.by_period.set_index("last_day")
    assert lost.loc["2025-05-31", "month_lost"] == 1 and lost["month_lost"].iloc[-1] == 0
    # 8 customers until April, 9 with the one who came in March, 8 after May
    assert found.monthly_churn.n == 8 * 3 + 9 * 2 + 8 * 7 and found.monthly_churn.value == pytest.approx(1 / 98)
    assert found.summary() == (
        "87.5% of the customers who had a contract 12 months ago have stayed (95% interval 52.9% to 97.8%, n = 8). "
        "In an average month, 1.0% left (95% interval 0.2% to 5.6%, n = 98). Of what their contracts were worth, "
        f"70.0% stayed {found.value_rate.evidence()}. Against the period before (0.0%), no change can be told."
    )


def test_a_customer_who_stays_away_for_longer_than_the_gap_is_lost_and_won_anew():
    found = contract_retention(months(gap_days=8))
    assert found.rate.value == 6 / 8 and found.monthly_churn.value == pytest.approx(2 / 98)
    assert contract_retention(months(gap_days=9)).rate.value == 7 / 8


def test_each_period_stands_with_its_month():
    found = contract_retention(months())
    assert found.by_period["last_day"].is_monotonic_increasing
    assert found.table()["last_day"].iloc[0] == pd.Timestamp(UNTIL)
    before = found.by_period.set_index("last_day").loc["2025-04-30"]
    assert (before["began"], before["kept"]) == (9, 8)
    tables.of(found, title="Retention")


@pytest.mark.usefixtures("any_size")
def test_groups_stand_with_their_rates():
    book = BOOK.assign(plan=["a"] * 4 + ["b"] * 4 + ["c", "c", "a", ""])
    found = contract_retention(months(book, by="plan"))
    assert dict(zip(found.groups["group"], found.groups["kept"], strict=True)) == {"a": 4, "b": 3, "c": 0}
    assert all(each is not None for each in found.groups["shrunken"])
    tables.table(found.group_table(), title="Groups", formats=found.group_formats, labels=found.group_labels)
    assert isinstance(contract_retention(months(book)).group_table(), Absent)
    assert "By plan, no difference in retention can be told." in found.summary()
    large = pd.concat([book.assign(customer_id=book["customer_id"] + f" {copy}") for copy in range(60)])
    assert "By plan, a stay most often:" in contract_retention(months(large, by="plan")).summary()


def test_before_the_record_began_nobody_is_counted():
    found = contract_retention(months(observed_from="2025-06-01"), period_months=6)
    assert len(found.by_period) == 1 and (found.rate.n, found.rate.value) == (8, 1.0)
    with pytest.raises(FitError, match="no contract that ended before 1 June 2025, so that who stayed over 12 months"):
        contract_retention(months(observed_from="2025-06-01"))


def test_everybody_left_and_nobody_left():
    ended = BOOK.assign(end=BOOK["end"].fillna(pd.Timestamp("2025-11-30")))
    found = contract_retention(months(ended))
    assert (found.rate.value, found.churn.value, found.value_rate.value) == (0, 1, 0)
    running = contract_retention(months(BOOK.assign(end=pd.NaT)))
    assert (running.rate.value, running.rate.n) == (1, 9)
    assert running.value_rate.value == 1 and running.value_rate.low < 1


@pytest.mark.parametrize(
    ("book", "message"),
    [
        (BOOK.head(0), "there is no contract"),
        (BOOK[BOOK["customer_id"] == "new"], "nobody had a contract on 31 December 2024"),
        (BOOK[BOOK["customer_id"] == "early"], "nobody had a contract on 31 December 2024"),
    ],
)
def test_data_that_cannot_carry_it_are_said_in_one_sentence(book, message):
    with pytest.raises(FitError, match=message):
        contract_retention(months(book))


def test_without_values_there_is_no_rate_of_them():
    found = contract_retention(months(BOOK.drop(columns="value")))
    assert found.value_rate is None and "worth" not in found.summary()
    assert contract_retention(months(BOOK.assign(value=0.0))).value_rate is None


def test_misuse_is_said():
    with pytest.raises(ValueError, match="`period_months` must be a positive integer, got 0"):
        contract_retention(months(), period_months=0)


def silent(returned, active=10, horizon=6):
    ends = pd.date_range("2024-06-30", periods=len(returned), freq="ME")
    rows = pd.DataFrame({"last_day": ends, "judged_on": ends + pd.offsets.MonthEnd(horizon), "group": None})
    log = pd.DataFrame(columns=["customer_id", "date", "amount"]).astype({"date": "datetime64[ns]", "amount": float})
    made = inactivity(log, until=UNTIL, window_months=6, horizon_months=horizon)
    return type(made)(rows.assign(active=active, returned=returned), UNTIL, 6, horizon, None, None)


def test_active_customers_buy_again_or_fall_silent():
    found = purchase_retention(silent([6, 4]))
    assert found.rate == wilson(4, 10, label="share of active customers who bought again within 6 months")
    assert found.churn.value == 0.6 and found.monthly_churn is None and found.value_rate is None
    assert found.by_period["last_day"].iloc[-1] == pd.Timestamp("2025-01-31")
    assert found.summary() == (
        f"40.0% of the active customers bought again within 6 months {found.rate.evidence()}; the others have fallen "
        "silent."
    )


def test_a_change_is_against_a_period_that_shares_no_day():
    more = purchase_retention(silent([100] * 6 + [200], active=400))
    assert more.summary().endswith("That is more than in the period before (25.0%).")
    less = purchase_retention(silent([200] + [150] * 5 + [100], active=400))
    assert less.summary().endswith("That is less than in the period before (50.0%).")
    same = purchase_retention(silent([200] * 7, active=400))
    assert same.summary().endswith("Against the period before (50.0%), no change can be told.")


def test_no_month_end_to_judge():
    with pytest.raises(FitError, match="the purchases do not reach back over 12 months"):
        purchase_retention(silent([]))
    with pytest.raises(FitError, match="nobody was active on 30 June 2024"):
        purchase_retention(silent([0], active=0))


def test_still_active_is_the_mean_of_p_alive():
    customers = sample()
    model = PurchaseModel(
        "bg_nbd", {"r": 0.24, "alpha": 4.4, "a": 0.8, "b": 2.4}, {}, 0.01 * np.eye(4), 0.0, len(customers), "week"
    )
    found = still_active(model, customers, draws=100)
    assert found.share.value == pytest.approx(model.p_alive(customers).mean())
    assert found.share.low < found.share.value < found.share.high and found.share.n == len(customers)
    assert found.summary().startswith("The BG/NBD model expects ")
    assert found.table()["share"].tolist() == [found.share]


@pytest.mark.parametrize(("name", "told"), [("bg_nbd", True), ("mbg_nbd", False)])
def test_a_model_that_can_say_nothing_of_those_who_bought_once_says_so(name, told):
    customers = pd.DataFrame({"frequency": [0] * 9 + [3], "recency": [0.0] * 9 + [20.0], "T": [30.0] * 10})
    values = {"r": 0.24, "alpha": 4.4, "a": 0.8, "b": 2.4}
    model = PurchaseModel(name, values, {}, 1e-4 * np.eye(4), 0.0, len(customers), "week")
    found = still_active(model, customers, draws=50)
    assert found.taken_for_active == pytest.approx(0.9 if told else 0)
    assert ("90% bought once only; the model takes them for active" in found.summary()) == told


@pytest.mark.parametrize(
    ("measure", "draws", "least"), [("retention", 40, 0.86), ("silence", 60, 0.86), ("activity", 8, 0.7)]
)
def test_intervals_cover(measure, draws, least):
    assert coverage(measure, draws=draws).between(least, 1).all()


def test_all_is_translated(untranslated):
    assert set(untranslated(contract_retention(months()).summary())) == set()
    assert set(untranslated(purchase_retention(silent([6, 4])).summary())) == set()
