"""Revenue of today's customers over a loan's term: hand-computed contracts, bounds, intervals that cover."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab import tables
from crmlab.absence import FitError
from crmlab.clv import fit_bg_nbd, fit_gamma_gamma
from crmlab.diagnosis.retained_revenue import retained_revenue
from crmlab.diagnosis.revenue_sources import contract_revenue, purchase_revenue
from crmlab.intervals import Estimate, wilson
from tests.bench.coverage_retained_revenue import contracts_of, coverage, purchases_of
from tests.bench.coverage_warning import ConstantRetention
from tests.test_churn_worth import Law

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


class Geometric:
    """Customers who leave with the same chance in every month, which is known."""

    def __init__(self, monthly: float):
        self.stays = 1 - monthly

    def survival(self, periods):
        return self.stays ** np.asarray(periods, dtype=float)

    def draw_survival(self, periods, *, draws, seed):
        return np.array([self.survival(periods)] * draws)


def contracts(*values, tenure=1):
    ids = [f"C{place}" for place in range(len(values))]
    return pd.DataFrame({"customer_id": ids, "tenure_months": tenure, "value": np.array(values, dtype=float)})


def projected(*values, monthly=0.1, months=12, tenure=1, draws=200):
    source = contract_revenue(contracts(*values, tenure=tenure), Geometric(monthly), months=months, draws=draws)
    return retained_revenue(source, currency="EUR", months=months)


HISTORY = purchases_of(np.random.default_rng(5), 300, 12)[0]
SHOPS = (fit_bg_nbd(HISTORY), fit_gamma_gamma(HISTORY))


def bought(**options):
    return purchase_revenue(HISTORY, *SHOPS, months=12, **options)


def test_contracts_by_hand():
    found = projected(1200.0, 600.0, months=3, draws=800)
    # 150 a month, paid at the end of each month by who is still there
    assert found.path["expected"].tolist() == pytest.approx([150 * 0.9, 150 * 0.81, 150 * 0.729])
    assert found.path["contracts"].tolist() == found.path["expected"].tolist() and "purchases" not in found.path
    assert found.total.value == pytest.approx(150 * 2.439) and found.total.unit == "EUR" and found.customers == 2
    assert found.second_year.value == pytest.approx(0.9**12)
    assert {k: round(each.value, 6) for k, each in found.largest.items()} == {1: 0.666667}
    assert found.futures().mean(axis=0) == pytest.approx(found.path["expected"].to_numpy(), rel=0.05)


def test_age_counts():
    """Who has outlasted the dangerous months leaves less: S(n + k) / S(n) of a contract in its month n + 1."""
    law = Law(1.0, 5.0)
    source = contract_revenue(contracts(12.0, tenure=25), law, months=2, draws=2000)
    found = retained_revenue(source, currency="EUR", months=2)
    stays = law.survival([25, 26]) / law.survival(24)
    assert found.path["expected"].tolist() == pytest.approx(stays.tolist())
    assert found.futures().mean(axis=0) == pytest.approx(stays, rel=0.02)


def test_stress_by_hand():
    found = projected(*[1200.0] * 400, months=2, monthly=0.1, draws=200)
    assert found.futures(2.0).mean(axis=0) == pytest.approx(40_000 * np.array([0.8, 0.64]), rel=0.01)
    assert found.futures(20.0).sum() == 0, "with a chance of one, all leave in the first month"
    assert found.futures(1.0, 10).mean(axis=0) == pytest.approx(39_000 * np.array([0.9, 0.81]), rel=0.01)


def test_contracts_of_many_periods_end_on_their_borders():
    source = contract_revenue(contracts(12.0), Geometric(0.5), months=24, period_months=12)
    # in its first month, the contract has eleven to go; then half leave
    assert source.by_month[:11].tolist() == [1.0] * 11 and source.by_month[11] == 0.5


def test_purchases_follow_the_models():
    source = bought(refund_rate=0.1, draws=400)
    found = retained_revenue(source, currency="EUR", months=12)
    year = SHOPS[0].conditional_expected_purchases(12 * 4.345, HISTORY) @ SHOPS[1].conditional_mean(HISTORY)
    assert found.total.value == pytest.approx(0.9 * year, rel=1e-6)
    assert found.futures().sum(axis=1).mean() == pytest.approx(found.total.value, rel=0.05)
    assert found.summary().endswith("Only purchases are counted; customers still to be won are not.")


def test_both_sources_add_up():
    here, book, _paid = contracts_of(np.random.default_rng(6), 200, 12)
    one = contract_revenue(here, Geometric(0.03), months=12)
    alone = [retained_revenue(source, currency="EUR", months=12) for source in (one, bought())]
    found = retained_revenue(one, bought(), currency="EUR", months=12)
    assert found.total.value == pytest.approx(sum(each.total.value for each in alone))
    assert found.futures() == pytest.approx(alone[0].futures() + alone[1].futures())
    assert list(found.table()) == ["year", "months", "contracts", "purchases", "revenue"]
    assert found.summary().startswith("Today’s customers should bring revenue of €")
    tables.of(found, title="Test", currency="EUR")


@settings(max_examples=20, deadline=None)
@given(
    values=st.lists(st.floats(1, 1e6), min_size=1, max_size=30),
    monthly=st.floats(0.001, 0.6),
    churn=st.floats(1, 8),
    lost=st.integers(0, 10),
)
def test_more_churn_or_fewer_customers_never_bring_more(values, monthly, churn, lost):
    found = projected(*values, monthly=monthly, months=6, draws=40)
    base = found.futures()
    assert (found.futures(churn) <= base + 1e-6 * sum(values)).all()
    assert (found.futures(1.0, lost) <= base + 1e-6 * sum(values)).all()
    assert ((found.path["low"] <= found.path["expected"]) & (found.path["expected"] <= found.path["high"])).all()


def test_purchases_fall_with_churn():
    found = retained_revenue(bought(draws=40), currency="EUR", months=12)
    assert (found.futures(2.0) <= found.futures()).all() and found.futures(2.0).sum() < found.futures().sum()


def test_order_of_rows_does_not_matter():
    book = contracts(*np.random.default_rng(1).lognormal(8, 1, 50))
    source = contract_revenue(book.sample(frac=1, random_state=2), Geometric(0.05), months=12)
    other = retained_revenue(source, currency="EUR", months=12)
    found = retained_revenue(contract_revenue(book, Geometric(0.05), months=12), currency="EUR", months=12)
    assert other.path["expected"].tolist() == pytest.approx(found.path["expected"].tolist())
    assert [each.value for each in other.largest.values()] == pytest.approx([e.value for e in found.largest.values()])


def test_many_contracts_are_stood_for_by_some(monkeypatch):
    values = np.random.default_rng(3).lognormal(8, 1, 3000)
    every = projected(*values, draws=200).total
    monkeypatch.setattr("crmlab.diagnosis.revenue_sources._MOST", 300)
    some = projected(*values, draws=200)
    assert some.total.value == every.value and some.total.low <= every.low and some.total.high >= every.high
    assert some.futures().sum(axis=1).mean() == pytest.approx(every.value, rel=0.02)


def test_one_contract_has_an_interval_from_nothing_on():
    found = projected(1200.0, months=12)
    assert found.total.low == 0 and found.total.high == pytest.approx(1200)
    assert found.futures(1.0, 1).sum() == 0 and set(found.largest) == {1}
    # of nothing, all is as good as nothing
    assert found.second_year.low == 0 and found.largest[1].value == 1


def test_a_retention_rate_alone_serves_too():
    source = contract_revenue(contracts(1200.0, 2400.0), ConstantRetention(wilson(80, 100)), months=12)
    assert source.by_month[11] == pytest.approx(300 * 0.8)


def test_what_cannot_be_projected_says_why():
    with pytest.raises(FitError, match="neither contracts nor purchases can be projected"):
        retained_revenue(None, None, currency="EUR")
    with pytest.raises(FitError, match="no contract that runs has a value"):
        contract_revenue(contracts(0.0, np.nan), Geometric(0.1))
    with pytest.raises(FitError, match="there are none"):
        contract_revenue(contracts().assign(tenure_months=1), Geometric(0.1))
    with pytest.raises(ValueError, match="`months` must be a positive integer, got 0"):
        contract_revenue(contracts(1.0), Geometric(0.1), months=0)
    with pytest.raises(ValueError, match="`refund_rate` must be a share"):
        purchase_revenue(HISTORY, *SHOPS, refund_rate=2.0)
    with pytest.raises(ValueError, match="the sources must look 12 months ahead, with as many draws each"):
        retained_revenue(
            contract_revenue(contracts(1.0), Geometric(0.1), draws=50), bought(), currency="EUR", months=12
        )
    with pytest.raises(ValueError, match="`churn` must be 1 or more"):
        projected(1200.0).futures(0.5)


def test_results_are_published_and_translated(untranslated):
    found = projected(1200.0, 600.0, months=24)
    assert all(isinstance(each, Estimate) for each in found.metrics().values())
    assert set(untranslated(found.summary())) <= {"EUR"}


def test_intervals_cover():
    shares = coverage("contracts", draws=20, customers=150, futures=80)
    assert shares[["total", "least cover", "second year"]].min() >= 0.8
    assert coverage("purchases", draws=10, customers=150, futures=80)["total"] >= 0.7
