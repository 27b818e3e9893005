import numpy as np
import pytest

from crmlab.credit.behaviour import default_outcomes
from crmlab.credit.expected_loss import expected_credit_loss
from crmlab.credit.recovery import loss_given_default
from crmlab.credit.scorecard import default_model
from tests.bench import coverage_credit
from tests.test_credit_behaviour import plan, summary

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def loss(payments, *, given=0.5, customers=None, features=None, **options):
    customers = payments[["customer_id"]] if customers is None else customers
    outcomes = default_outcomes(payments)
    model = default_model(outcomes, customers, features=features or {})
    lost = loss_given_default(payments, given=given)
    return expected_credit_loss(payments, outcomes, model, customers, lost, currency="CNY", **options)


def young(n=30):
    """Customers with a year of payments ahead, and as many older ones of whom a tenth defaulted in month 4."""
    old = [plan(f"O{place}", "2022-01-01", *[0] * 12) for place in range(n - n // 10)]
    bad = [plan(f"B{place}", "2022-01-01", 0, *[200] * 8) for place in range(n // 10)]
    return summary(*old, *bad, *[plan(f"Y{place}", "2024-12-31", *[None] * 12) for place in range(n)])


def test_loss_is_probability_times_share_times_exposure():
    found = loss(young())
    rows = found.customers.set_index("customer_id")
    # with half a default and half a good customer added
    assert rows.loc["Y0", "probability"] == pytest.approx(3.5 / 31)
    assert rows.loc["Y0", "expected_loss"] == pytest.approx(3.5 / 31 * 0.5 * 1200)
    assert found.total.value == pytest.approx(30 * 3.5 / 31 * 0.5 * 1200)
    assert found.total.low < found.total.value < found.total.high
    assert found.share.value == pytest.approx(3.5 / 31 * 0.5)
    assert found.metrics() == {"expected_credit_loss": found.total, "expected_credit_loss_rate": found.share}
    assert "is expected to be lost in the next 12 months, 5.6% of the exposure." in found.summary()


def test_those_in_default_are_certain():
    found = loss(summary(*[plan(f"D{place}", "2023-06-01", *[None] * 9) for place in range(3)]))
    assert found.customers["probability"].tolist() == [1, 1, 1]
    assert found.total.value == pytest.approx(3 * 900 * 0.5)
    assert found.total.no_interval == "the same in nearly every simulated future"
    assert found.summary().endswith("Customers in default already account for 100.0% of it.")
    table = found.table()
    assert table["group"].tolist() == ["In default", "Not in default", "All"]
    assert table["customers"].tolist() == [3, 0, 3] and table["expected_loss"].tolist() == [1350, 0, 1350]


def test_nothing_is_open():
    found = loss(summary(plan("A", "2023-01-01", *[0] * 12)))
    assert (found.total.value, found.total.no_interval, found.share) == (0, "nothing is open", None)
    assert found.summary() == "Nothing is open, so that no credit loss is to be expected in the next 12 months."


def test_nothing_can_be_said_of_the_young_alone():
    found = loss(summary(plan("A", "2024-10-01", 0, 0, *[None] * 9)))
    assert found.total is None and found.metrics() == {} and len(found.table()) == 0
    assert found.summary() == (
        "The credit loss to expect cannot be estimated: no customer has been observed for the whole window."
    )


def test_no_default_so_far_does_not_mean_none_to_come():
    payments = summary(
        *[plan(f"O{place}", "2022-01-01", *[0] * 12) for place in range(20)],
        *[plan(f"Y{place}", "2024-12-31", *[None] * 12) for place in range(20)],
    )
    found = loss(payments)
    assert found.total.value == pytest.approx(20 * 0.5 / 21 * 0.5 * 1200)
    assert found.total.low == 0 < found.total.high


def test_a_customer_who_is_not_in_the_table_counts_as_usual():
    base = coverage_credit.draw_customers(400, np.random.default_rng(5))
    rows, _fate = coverage_credit.draw_payments(base, np.random.default_rng(6))
    payments = coverage_credit.payment_summary(rows, until=coverage_credit.AS_OF)
    some = base[["customer_id", "grade", "capital"]].iloc[5:]
    found = loss(payments, customers=some, features=coverage_credit.FEATURES)
    assert found.customers["expected_loss"].notna().all() and len(found.customers) == 400


def test_the_same_seed_gives_the_same_interval():
    first, again = (loss(young(), seed=3).total for _ in range(2))
    assert (first.low, first.high) == (again.low, again.high)
    assert loss(young(), seed=4).total.high != pytest.approx(first.high, rel=1e-12) or first.low == 0


def test_misuse_is_named():
    with pytest.raises(ValueError, match="`horizon_months` must be above 0, got 0"):
        loss(young(), horizon_months=0)
    with pytest.raises(ValueError, match="`draws` must be at least 39"):
        loss(young(), draws=10)


def test_intervals_cover_what_comes():
    found = coverage_credit.coverage(draws=12, customers=300, large=10_000)
    assert (found["covered"] >= 8 / 12).all()
    assert found.loc["expected credit loss", "draws"] == 12
    assert found["covered"].mean() > 0.9
