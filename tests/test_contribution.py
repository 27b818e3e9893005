"""Contribution by group: by hand, at its limits, against the truth and in coverage."""

import json

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab import tables
from crmlab.contribution import contribution_by_group
from tests.bench.coverage_contribution import coverage

pytestmark = pytest.mark.usefixtures("any_size")

CUSTOMERS = pd.DataFrame(
    {"customer_id": range(12), "revenue": [5.0] * 6 + [10.0] * 3 + [20, 10, 10], "margin": [2.0] * 6 + [1.0] * 6}
)
PROFILES = pd.DataFrame({"customer_id": range(12), "region": ["n"] * 6 + ["s"] * 3 + ["w", "e", None]})


def by_region(customers=CUSTOMERS, **options):
    return contribution_by_group(customers, PROFILES, by="region", unit="CNY", **{"fewest": 2, **options})


def test_hand_case():
    groups = by_region().groups.set_index("group")
    assert groups.index.tolist() == ["n", "s", "Others", "Not known"]
    assert groups["customers"].tolist() == [6, 3, 2, 1]
    assert groups["revenue"].tolist() == [30, 30, 30, 10]
    assert [share.value for share in groups["revenue_share"]] == pytest.approx([0.3, 0.3, 0.3, 0.1])
    assert [share.value for share in groups["margin_share"]] == pytest.approx([12 / 18, 3 / 18, 2 / 18, 1 / 18])
    assert [rate.value for rate in groups["margin_rate"]] == pytest.approx([0.4, 0.1, 2 / 30, 0.1])
    share = groups.loc["n", "revenue_share"]
    assert 0 < share.low < 0.3 < share.high < 1 and share.n == 12
    assert groups.loc["n", "margin_rate"].no_interval == "fewer than 10 observations"


def test_summary_says_who_contributes_most_to_both():
    text = by_region().summary()
    assert text.startswith("By region, n contributes most: 30.0% of revenue (95% interval")
    assert "n also contributes most to net profit: 66.7% (95% interval" in text
    other = by_region(CUSTOMERS.assign(margin=[1.0] * 6 + [9.0] * 6)).summary()
    assert "Net profit comes first from s: " in other


def test_without_margin():
    found = by_region(CUSTOMERS[["customer_id", "revenue"]])
    assert found.margin is None and "margin" not in found.groups and "profit" not in found.summary()


@pytest.mark.parametrize(
    ("customers", "message"),
    [
        (CUSTOMERS.assign(revenue=0.0), "Revenue is not above zero in all"),
        (CUSTOMERS.assign(margin=-1.0), "Net profit is not above zero in all"),
        (CUSTOMERS.iloc[11:], "No region can be told apart"),
    ],
)
def test_nothing_to_share(customers, message):
    found = by_region(customers)
    assert message in found.summary()
    shown = tables.table(
        found.table(), title="t", formats={k: v for k, v in found.formats.items() if k in found.groups}, currency="CNY"
    )
    assert "nan" not in str(shown.content).lower()


def test_one_customer_and_losses():
    alone = by_region(CUSTOMERS.head(1)).groups.iloc[0]["revenue_share"]
    assert alone.value == 1 and alone.low is None
    losses = by_region(CUSTOMERS.assign(revenue=[-5.0] * 6 + [10.0] * 6)).groups.set_index("group")["revenue_share"]
    assert losses["n"].value == pytest.approx(-1.0) and losses["n"].low < -1.0 < losses["n"].high


def test_all_is_translated(untranslated):
    assert untranslated(by_region().summary()) == ["n", "n"]


def test_says_what_is_wrong():
    with pytest.raises(ValueError, match="`customers` must have the columns customer_id, revenue; missing: revenue"):
        by_region(CUSTOMERS[["customer_id"]])


def test_intervals_cover():
    found = coverage("contribution", draws=60)
    assert (found > 0.83).all() and found.mean() == pytest.approx(0.95, abs=0.025)


def test_margin_rates_of_xinglin(example):
    """Before the programme the margin rate is .3 for all industries; with it, .09 is added."""
    client = crmlab.open("xinglin")
    truth = json.loads((example / "data/xinglin/truth.json").read_text(encoding="utf-8"))
    profiles = client.table("customers").collect().to_pandas()
    log = client.table("transactions").collect().to_pandas()
    exposure = client.table("exposure").collect().to_pandas().set_index("customer_id")
    start = pd.to_datetime(log["customer_id"].map(exposure["from_date"]))
    treated = (log["date"] >= start + pd.Timedelta(days=30)).to_numpy()
    early = (log["date"] < "2025-07-01").to_numpy()
    rate = truth["margin"]["rate"]
    for rows, expected in ((early, rate), (treated, rate + truth["programme"]["margin_rate_added"])):
        customers = log[rows].groupby("customer_id", as_index=False)[["amount", "margin"]].sum()
        found = contribution_by_group(customers.rename(columns={"amount": "revenue"}), profiles, by="industry")
        held = [each.low <= expected <= each.high for each in found.groups["margin_rate"]]
        assert np.mean(held) >= 5 / 6
