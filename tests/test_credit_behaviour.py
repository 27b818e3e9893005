import pandas as pd
import pytest

from crmlab.aggregate import payment_summary
from crmlab.credit.behaviour import default_outcomes, payment_behaviour, utilisation

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
UNTIL = "2024-12-31"


def plan(customer, first, *days_late, amount=100.0):
    """Monthly instalments; each paid so many days late, or never (None)."""
    due = pd.date_range(first, periods=len(days_late), freq="30D")
    paid = [pd.NaT if late is None else day + pd.Timedelta(days=late) for day, late in zip(due, days_late, strict=True)]
    frame = pd.DataFrame({"customer_id": customer, "due_on": due, "amount": amount, "paid_on": pd.to_datetime(paid)})
    return frame.assign(paid_amount=frame["amount"].where(frame["paid_on"].notna()))


def summary(*plans):
    return payment_summary(pd.concat(plans), until=UNTIL)


def portfolio():
    """Ten who pay on time, five who pay ten days late, one who stopped paying."""
    good = [plan(f"G{n}", "2023-06-01", *[0] * 12) for n in range(10)]
    late = [plan(f"L{n}", "2023-06-01", *[10] * 12) for n in range(5)]
    return summary(*good, *late, plan("D", "2023-06-01", 0, 0, *[None] * 10))


def test_behaviour_of_a_small_portfolio():
    found = payment_behaviour(portfolio(), currency="CNY")
    # 10 x 12 and 2 of 16 x 12
    assert found.on_time_share.value == pytest.approx(122 / 192)
    assert found.on_time_share.low < 122 / 192 < found.on_time_share.high
    assert found.payment_cycle.value == pytest.approx(600 / 182)
    assert (found.overdue.value, found.overdue.unit, found.to_come.value) == (1000, "CNY", 0)
    assert found.overdue_share.value == pytest.approx(1000 / 19200)
    assert (found.default_rate.value, found.default_rate.n) == (1 / 16, 16)
    assert found.ageing["amount"].tolist() == [0, 0, 0, 1000]
    assert found.ageing["customers"].tolist() == [0, 0, 0, 1]
    assert found.in_default == 1
    text = found.summary()
    assert text.startswith("Customers paid 63.5% of their instalments on time (95% interval ")
    assert "CN¥1,000 is overdue, 5.2% of what was due so far" in text
    assert text.endswith("1 customer is in default.")
    assert list(found.table()) == ["measure", "estimate"] and len(found.table()) == 7


def test_nothing_overdue():
    found = payment_behaviour(summary(plan("A", "2024-01-01", 0, 0)))
    assert found.summary().endswith("Nothing is overdue.")
    assert found.on_time_share.low is None and found.on_time_share.no_interval
    assert found.overdue.value == 0


def test_nothing_can_be_judged_yet():
    found = payment_behaviour(summary(plan("A", "2025-01-05", None)))
    assert found.summary() == "No instalment can be judged yet: none has been paid or is overdue."
    assert found.on_time_share is None and found.default_rate is None
    assert set(found.estimates()) == {"overdue_amount", "to_come_amount"}


def test_everyone_in_default():
    found = payment_behaviour(summary(*[plan(f"D{n}", "2023-06-01", *[None] * 9) for n in range(3)]))
    assert (found.on_time_share.value, found.overdue_share.value, found.default_rate.value) == (0, 1, 1)
    assert found.payment_cycle is None
    assert "3 customers are in default" in found.summary()


def test_customers_observed_too_briefly_are_neither_good_nor_bad():
    payments = summary(
        plan("old good", "2023-06-01", *[0] * 12),
        plan("old bad", "2023-06-01", *[None] * 9),
        plan("late bad", "2022-06-01", *[0] * 12, *[None] * 3),
        plan("young good", "2024-06-01", *[0] * 5),
        plan("young bad", "2024-06-01", *[None] * 5),
    )
    found = default_outcomes(payments).set_index("customer_id")
    assert found["observed"].to_dict() == {
        "old good": True, "old bad": True, "late bad": True, "young good": False, "young bad": False
    }  # fmt: skip
    # fifteen months after the first instalment is a default, but not one within the window
    assert found.loc[found["observed"], "default"].to_dict() == {"old good": False, "old bad": True, "late bad": False}
    assert default_outcomes(payments, window_months=24).set_index("customer_id")["default"]["late bad"]


def test_utilisation_of_those_who_have_a_limit():
    payments = summary(plan("A", "2025-01-01", None, amount=50.0), plan("B", "2025-01-01", None, amount=10.0))
    limits = pd.DataFrame({"customer_id": ["A", "B"], "credit_limit": [200.0, None]})
    found = utilisation(payments, limits, limit="credit_limit")
    assert (found.value, found.n) == (0.25, 1)
    assert utilisation(payments, limits.assign(credit_limit=0.0), limit="credit_limit") is None
    with pytest.raises(ValueError, match="must have the column capital; it has customer_id, credit_limit"):
        utilisation(payments, limits, limit="capital")
    portfolio_limits = pd.DataFrame({"customer_id": portfolio()["customer_id"], "credit_limit": 500.0})
    whole = utilisation(portfolio(), portfolio_limits, limit="credit_limit")
    assert whole.value == pytest.approx(1000 / 8000) and whole.low < 0.125 < whole.high


def test_misuse_is_named():
    with pytest.raises(ValueError, match="`window_months` must be above 0, got 0"):
        default_outcomes(portfolio(), window_months=0)
    with pytest.raises(ValueError, match="must have at least one row"):
        payment_behaviour(portfolio().head(0))
    with pytest.raises(ValueError, match="missing: judged"):
        payment_behaviour(portfolio().drop(columns="judged"))
