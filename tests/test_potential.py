"""Existing, future and potential value."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crmlab import tables
from crmlab.clv import customer_lifetime_value
from crmlab.intervals import from_standard_error
from crmlab.potential import value_outlook
from tests.bench.coverage_contribution import coverage
from tests.test_purchases import fitted, sample
from tests.test_spend import spend

CUSTOMERS = sample().head(200).reset_index(drop=True)
IDS = CUSTOMERS["customer_id"]
WORTH = customer_lifetime_value(fitted("bg_nbd"), spend(), CUSTOMERS, margin=0.5, draws=50)
PROFILES = pd.DataFrame({"customer_id": IDS, "segment": ["x"] * 150 + ["y"] * 45 + ["z"] * 5})
OFFERS = pd.DataFrame(
    {
        "customer_id": [IDS[0], IDS[0], IDS[1], IDS[2], IDS[3], "nobody"],
        "outcome": [None, "open", "won", "lost", None, None],
        "amount": [100.0, 300.0, 1e6, 1e6, None, 1e6],
    }
)
RATE = from_standard_error(0.4, 0.02, unit="share", n=500, within=(0, 1))


def brought(**columns):
    frame = pd.DataFrame({"customer_id": IDS[:100], "revenue": 10.0}).assign(**columns)
    return SimpleNamespace(customers=frame, months=12)


def outlook(periods=None, **options):
    return value_outlook(
        brought() if periods is None else periods, WORTH, fitted("bg_nbd"), spend(), CUSTOMERS, draws=50, **options
    )


def test_hand_case():
    found = outlook(profiles=PROFILES, by="segment", opportunities=OFFERS, win_rate=RATE)
    rows = found.customers
    assert rows["existing"].tolist() == [5.0] * 100 + [0.0] * 100
    assert rows["pipeline"][:4].tolist() == pytest.approx([0.4 * 0.5 * 400, 0, 0, 0])
    assert rows["potential"].to_numpy() == pytest.approx(rows["future"] + rows["pipeline"])
    assert rows["growth"].to_numpy() == pytest.approx(rows["potential"] - rows["existing"])
    groups = found.groups.set_index("group")
    assert groups["customers"].to_dict() == {"x": 150, "y": 45, "Others": 5}
    assert sum(each.value for each in groups["future"]) == pytest.approx(WORTH.total.value)
    assert found.total["future"] is WORTH.total
    assert found.total["potential"].value == pytest.approx(WORTH.total.value + 80)
    assert groups.loc["x", "potential"].high >= groups.loc["x", "future"].high
    large = outlook(opportunities=OFFERS.assign(amount=OFFERS["amount"] * 100), win_rate=RATE).total["potential"]
    assert large.value > 8_000 and large.high - large.low > 15_000


def test_margin_is_taken_where_it_is_known():
    assert outlook(brought(margin=3.0)).total["existing"].value == pytest.approx(300)


def test_the_same_draws_make_the_interval_of_all_that_lifetime_value_has():
    alone = outlook().groups.iloc[0]
    assert alone["group"] == "All customers"
    assert [alone["future"].low, alone["future"].high] == pytest.approx([WORTH.total.low, WORTH.total.high])


def test_high_potential_is_small_today_and_large_tomorrow():
    found = outlook(opportunities=OFFERS.assign(customer_id=IDS[150]), win_rate=RATE)
    chosen = found.customers[found.customers["high_potential"]]
    assert 0 < len(chosen) <= 20 and (chosen["existing"] <= found.customers["existing"].median()).all()
    assert chosen["growth"].min() >= found.customers["growth"].quantile(0.9) - 1e-9
    assert chosen.loc[chosen["growth"].idxmax(), "customer_id"] == IDS[150]


def test_nobody_grows():
    rich = brought()
    rich.customers = pd.DataFrame({"customer_id": IDS, "revenue": 1e6})
    found = outlook(rich)
    assert not found.customers["high_potential"].any()
    assert "No customer is small today and large tomorrow." in found.summary()


def test_summary():
    text = outlook(opportunities=OFFERS, win_rate=RATE).summary()
    assert text.startswith("In the last 12 months the 200 customers brought $500; on their present course they should")
    assert "With their open opportunities it is $" in text and "small today and large tomorrow, with " in text
    assert "opportunities" not in outlook().summary()


def test_nobody_brought_anything_and_nothing_is_open():
    nobody = SimpleNamespace(customers=pd.DataFrame({"customer_id": [], "revenue": []}), months=12)
    found = outlook(nobody, opportunities=OFFERS.head(0), win_rate=RATE)
    assert found.total["existing"].value == 0
    shown = tables.table(found.table(), title="t", formats=found.formats)
    assert "nan" not in str(shown.content).lower()


def test_one_customer():
    one = CUSTOMERS.head(1)
    worth = customer_lifetime_value(fitted("bg_nbd"), spend(), one, draws=50)
    found = value_outlook(brought(), worth, fitted("bg_nbd"), spend(), one, draws=50)
    assert found.groups["customers"].tolist() == [1] and np.isfinite(found.total["potential"].high)


def test_all_is_translated(untranslated):
    found = outlook(opportunities=OFFERS, win_rate=RATE)
    assert untranslated(found.summary()) == untranslated(found.table()["group"][0]) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opportunities": OFFERS[["outcome"]], "win_rate": RATE}, "missing: customer_id, amount"),
    ],
)
def test_says_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        outlook(**options)


def test_customers_must_be_those_of_the_value():
    with pytest.raises(ValueError, match="`customers` must be those of `worth`, in the same order"):
        value_outlook(brought(), WORTH, fitted("bg_nbd"), spend(), CUSTOMERS[::-1])


def test_intervals_cover():
    assert (coverage("outlook", draws=20) >= 0.75).all()
