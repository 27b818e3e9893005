"""What was paid, planned, claimed and measured, put together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.roi.cash_flows import MEASURED, programme
from crmlab.roi.reach import customer_months

AS_OF = pd.Timestamp("2025-12-31")
EFFECT = Estimate(10.0, 6.0, 14.0, "USD", 500, "margin caused per customer and month")
REACHED = pd.DataFrame({"from_date": pd.to_datetime(["2025-07-01", "2025-10-01"]), "customers": [40, 60]})


def table(*rows):
    return pd.DataFrame(rows, columns=["scenario", "date", "kind", "category", "amount"]).astype(
        {"date": "datetime64[us]"}
    )


FLOWS = table(
    ("actual", "2025-01-01", "cost", "set-up", 1000.0),
    ("actual", "2025-07-01", "cost", "licence", 300.0),
    ("actual", "2025-12-01", "benefit", "margin", 9000.0),
    ("actual", "2025-12-01", "benefit", "labour", 200.0),
    ("actual", "2026-01-01", "cost", "licence", 310.0),
    ("actual", "2026-02-01", "cost", "audit", 50.0),
    ("base", "2025-07-01", "cost", "licence", 999.0),
    ("base", "2026-01-01", "cost", "licence", 300.0),
    ("base", "2026-06-30", "benefit", "margin", 8000.0),
    ("base", "2026-06-30", "benefit", "labour", 100.0),
    ("bold", "2027-06-30", "benefit", "margin", 30000.0),
)


def measured(flows=FLOWS, **options):
    given = {"as_of": AS_OF, "effect": EFFECT, "reached": REACHED, "unit": "USD", "effect_persistence": 1.0}
    return programme(flows, **(given | options))


def claimed(flows=FLOWS, **options):
    return programme(flows, **({"as_of": AS_OF, "unit": "USD"} | options))


def amounts(found):
    return found.counted().groupby(["kind", "category", "status"])["amount"].sum().to_dict()


def test_actual_up_to_the_as_of_date_and_planned_after_it():
    """A flow recorded ahead of its day is a plan, and counts only where the plan has none of its kind."""
    assert amounts(claimed()) == {
        ("cost", "set-up", "actual"): 1000,
        ("cost", "licence", "actual"): 300,
        ("cost", "licence", "planned"): 300,
        ("cost", "audit", "planned"): 50,
        ("benefit", "margin", "actual"): 9000,
        ("benefit", "labour", "actual"): 200,
        ("benefit", "margin", "planned"): 8000,
        ("benefit", "labour", "planned"): 100,
    }
    assert amounts(claimed(plan="none such"))[("cost", "licence", "planned")] == 310
    assert claimed(plan="bold").last.isoformat() == "2027-06-30"


def test_what_was_measured_takes_the_place_of_the_claims():
    found = amounts(measured())
    assert found[("benefit", MEASURED, "actual")] == pytest.approx(10 * (40 * 6 + 60 * 3))
    assert found[("benefit", MEASURED, "planned")] == pytest.approx(10 * 100 * 6)
    assert not [key for key in found if key[1] in ("margin", "labour")]
    assert amounts(measured(claims_kept=["labour"]))[("benefit", "labour", "planned")] == 100


def test_the_effect_wears_off():
    found = measured(effect_persistence=0.5)
    years = np.clip((found.reached["date"] - AS_OF).dt.days, 0, None) / 365
    assert found.weights() == pytest.approx(found.reached["customer_months"] * 0.5**years)
    assert measured(effect_persistence=0.0).weights()[-1] == 0


def test_parts():
    """Up to the as-of date, and after it: together they are all."""
    found = measured()
    past, ahead = found.to_date(), found.ahead()
    assert set(past.counted()["status"]) == {"actual"} and set(ahead.counted()["status"]) == {"planned"}
    assert len(past.counted()) + len(ahead.counted()) == len(found.counted())
    assert (past.start, ahead.start) == (pd.Timestamp("2025-01-01"), AS_OF)
    with pytest.raises(FitError, match="no cash flow is planned after the as-of date"):
        programme(FLOWS.head(2), as_of=AS_OF).ahead()
    with pytest.raises(FitError, match="nothing was paid up to the as-of date"):
        programme(FLOWS[FLOWS["scenario"] == "base"], as_of="2024-01-01").to_date()


def test_nothing_paid_yet_is_judged_by_the_plan():
    found = claimed(FLOWS[FLOWS["scenario"] != "actual"])
    assert set(found.flows["status"]) == {"planned"} and found.flows["amount"].sum() == 999 + 300 + 8100


def test_claims_and_what_was_measured_stand_side_by_side():
    rows = measured(claims_kept=["labour"]).claims().set_index("period")
    assert rows["claimed"].tolist() == [9200, 8100, 17300] and rows["kept"].tolist() == [200, 100, 300]
    first = rows["measured"].iloc[0]
    assert (first.value, first.low, first.high, first.n) == pytest.approx((4200, 2520, 5880, 500))
    assert claimed().claims()["measured"].tolist() == [None] * 3 and claimed().claims()["kept"].tolist() == [0] * 3


def test_table_names_what_counts():
    rows = measured(claims_kept=["labour"]).table().set_index("category")
    assert rows["kind"].tolist() == ["cost"] * 3 + ["benefit"] * 3
    assert rows["counted"].to_dict()["margin"] == "no" and rows["counted"].to_dict()["labour"] == "yes"
    assert rows.loc["licence", ["to_date", "planned", "total"]].tolist() == [300, 300, 600]
    assert rows.loc[MEASURED, "total"] == pytest.approx(10200)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (measured(), "The programme cost $1,300 up to 31 December 2025, and $350 is planned after that. Up to then the "
         "measured effect brought $4,200 (95% interval $2,500 to $5,900, n = 500); the client claims $9,200. The "
         "return counts what was measured, and no claim."),
        (measured(claims_kept=["labour"]), "The return counts what was measured and, as claimed, labour."),
        (claimed(), "No effect of the programme was measured: the return rests on the $9,200 of benefits that the "
         "client claims to date"),
        (programme(FLOWS.head(2), as_of=AS_OF, unit="USD"), "The programme cost $1,300 up to 31 December 2025; no cost "
         "is planned after that."),
        (claimed(end="2026-01-31"), "Costs of $50.00 fall after the last day that counts, and are left out. Claimed "
         "benefits of $8,100 fall after"),
        (measured(reached=pd.concat([REACHED, pd.DataFrame({"from_date": [pd.NaT], "customers": [1]})])),
         "One customer was reached on no known day, and brings nothing here."),
    ],
)  # fmt: skip
def test_summary(found, said):
    assert said in found.summary()


def test_end_and_flows_before_the_start():
    found = measured(end="2026-03-31")
    assert found.reached["date"].max() == pd.Timestamp("2026-03-31") and found.left_out["benefit"] == 8100
    with pytest.raises(FitError, match="no cash flow of the programme falls on a day that counts"):
        claimed(end="2020-01-01")


@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(1, 50)), max_size=8), st.integers(0, 900), st.integers(0, 900)
)
def test_customer_months_are_days_over_the_days_of_the_month(rows, as_of, last):
    start = pd.Timestamp("2024-01-01")
    reached = pd.DataFrame(rows, columns=["day", "customers"]).astype(int)
    reached = pd.DataFrame(
        {"from_date": start + pd.to_timedelta(reached["day"], unit="D"), "customers": reached["customers"]}
    )
    as_of, last = (start + pd.Timedelta(days=day) for day in (as_of, last))
    found = customer_months(reached, as_of, last)
    expected = 0.0
    for row in reached.itertuples():
        days = pd.date_range(row.from_date, last) if row.from_date <= last else pd.DatetimeIndex([])
        expected += row.customers * float((1 / days.days_in_month.to_numpy()).sum())
    assert found["customer_months"].sum() == pytest.approx(expected, abs=1e-9)
    assert not ((found["date"] > as_of) & (found["status"] == "actual")).any()


def test_months_to_date_part_at_an_as_of_date_within_a_month():
    found = customer_months(REACHED.head(1), pd.Timestamp("2025-07-10"), pd.Timestamp("2025-08-31"))
    assert found["customer_months"].tolist() == pytest.approx([40 * 10 / 31, 40 * 21 / 31, 40])
    assert found["status"].tolist() == ["actual", "planned", "planned"]


def test_all_is_translated(untranslated):
    found = measured(claims_kept=["labour"], end="2026-01-31")
    own = {"labour", "margin", "set-up", "licence", "audit", "December"}
    assert set(untranslated(found.summary())) <= own
    assert set(untranslated(" ".join(found.table()[["category", "kind", "counted"]].to_numpy().ravel()))) <= own
    assert set(untranslated(" ".join(found.claims()["period"]))) <= own


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"flows": FLOWS.head(0)}, FitError, "no actual flow, and none of a plan named base"),
        ({"flows": FLOWS.drop(columns="kind")}, ValueError, "missing: kind"),
        ({"effect_persistence": 1.2}, ValueError, "`effect_persistence` must be a share from 0 to 1, got 1.2"),
        ({"reached": None}, ValueError, "an `effect` needs `reached`"),
    ],
)
def test_says_what_is_wrong(options, error, message):
    with pytest.raises(error, match=message):
        measured(**options)
