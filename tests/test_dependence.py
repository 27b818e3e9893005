"""What single customers contribute, by hand."""

import pandas as pd
import pytest

from crmlab.dependence import dependence, net_profit_share

CUSTOMERS = pd.DataFrame({"customer_id": list("abcd"), "revenue": [10.0, 60, 40, -10], "margin": [5.0, 5, 10, 0]})


def test_hand_case():
    found = dependence(CUSTOMERS, tops=(1, 2, 5), unit="USD")
    assert found.customers["customer_id"].tolist() == ["b", "c", "a", "d"]
    assert found.customers["revenue_share"].tolist() == pytest.approx([0.6, 0.4, 0.1, -0.1])
    assert found.customers["margin_share"].tolist() == pytest.approx([0.25, 0.5, 0.25, 0])
    assert {k: share.value for k, share in found.top.items()} == pytest.approx({1: 60 / 110, 2: 100 / 110})
    assert found.hhi.value == pytest.approx(1e4 * (60**2 + 40**2 + 10**2) / 110**2)
    assert found.equal_customers == pytest.approx(110**2 / 5300)
    assert found.hhi.no_interval == "a full count, not a sample"
    assert found.table()["value"].tolist() == pytest.approx([60 / 110, 100 / 110])


def test_summary():
    text = dependence(CUSTOMERS, tops=(1, 2)).summary()
    assert text == (
        "The largest customer brought 54.5% of revenue, the 2 largest 90.9% (all 4 counted). Revenue is spread as if "
        "over 2 customers of the same size (Herfindahl-Hirschman index: 4,380.2 points)."
    )
    assert dependence(CUSTOMERS.head(1)).summary() == "All revenue comes from one customer."


def test_all_is_translated(untranslated):
    assert untranslated(dependence(CUSTOMERS).summary()) == []


def test_equal_customers_have_the_least_index():
    found = dependence(pd.DataFrame({"customer_id": range(50), "revenue": 3.0}))
    assert found.hhi.value == pytest.approx(200) and found.top[10].value == pytest.approx(0.2)


def test_losses_in_all_leave_no_share():
    found = dependence(CUSTOMERS.assign(margin=-1.0))
    assert found.customers["margin_share"].isna().all()


def test_net_profit_share():
    customers = pd.DataFrame({"margin": [40.0, 10, 10, 10, 10, 5, 5, 5, 5, -3]})
    assert net_profit_share(customers).value == pytest.approx(0.5)
    assert net_profit_share(customers).label == "share of net profit from the top 20% of customers"
    assert net_profit_share(customers[[]]) is None
    assert net_profit_share(pd.DataFrame({"margin": [-1.0]})) is None


@pytest.mark.parametrize(
    ("customers", "tops", "message"),
    [
        (
            CUSTOMERS.assign(revenue=-1.0),
            (1,),
            "`revenue` must be above zero for at least one customer, got none among 4",
        ),
        (CUSTOMERS, (5,), "`tops` must be numbers of customers, 1 among them"),
        (CUSTOMERS[["margin"]], (1,), "missing: customer_id, revenue"),
    ],
)
def test_says_what_is_wrong(customers, tops, message):
    with pytest.raises(ValueError, match=message):
        dependence(customers, tops=tops)


def test_top_must_be_a_share():
    with pytest.raises(ValueError, match="`top` must lie between 0 and 1, got 2"):
        net_profit_share(CUSTOMERS, top=2)


def test_published_is_the_share_of_the_ten_largest():
    many = pd.DataFrame({"customer_id": range(20), "revenue": [10.0] * 20})
    assert dependence(many).metrics()["top_10_share"].value == pytest.approx(0.5)
    assert dependence(CUSTOMERS).metrics() == {}
