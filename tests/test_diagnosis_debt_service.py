"""Debt service: schedules against numpy-financial, cover by hand, the largest loan, stress."""

from dataclasses import replace

import numpy as np
import numpy_financial
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab import tables
from crmlab.absence import FitError
from crmlab.diagnosis.debt_capacity import KEPT, Stress, debt_capacity
from crmlab.diagnosis.debt_service import debt_service
from crmlab.diagnosis.loan import REPAYMENTS, Loan
from tests.test_diagnosis_retained_revenue import projected

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

BOOK = projected(*np.random.default_rng(4).lognormal(8, 1, 200), monthly=0.02, months=36)
LOAN = Loan(term_months=36, annual_interest_rate=0.06, margin=0.5, fixed_costs_a_year=50_000.0)


def test_annuity_by_hand():
    """100 over two months at 12% a year: 100 / (1 / 1.01 + 1 / 1.01**2) = 50.7512."""
    schedule = Loan(term_months=2, annual_interest_rate=0.12).schedule(100.0)
    assert schedule["service"].tolist() == pytest.approx([50.751244, 50.751244])
    assert schedule["interest"].tolist() == pytest.approx([1.0, 0.502488], rel=1e-5)
    assert schedule["balance"].tolist() == pytest.approx([50.248756, 0.0], abs=1e-6)


@pytest.mark.parametrize(("months", "rate"), [(1, 0.05), (36, 0.06), (120, 0.2), (60, 1e-7)])
def test_annuity_is_that_of_numpy_financial(months, rate):
    schedule = Loan(term_months=months, annual_interest_rate=rate).schedule(5000.0)
    periods = np.arange(1, months + 1)
    assert schedule["service"].to_numpy() == pytest.approx(-numpy_financial.pmt(rate / 12, months, 5000.0), rel=1e-6)
    assert schedule["interest"].to_numpy() == pytest.approx(
        -numpy_financial.ipmt(rate / 12, periods, months, 5000.0), rel=1e-5, abs=1e-8
    )


def test_other_repayments_by_hand():
    equal = Loan(term_months=4, annual_interest_rate=0.12, repayment="equal_principal").schedule(100.0)
    assert equal["principal"].tolist() == pytest.approx([25.0] * 4)
    assert equal["interest"].tolist() == pytest.approx([1.0, 0.75, 0.5, 0.25])
    bullet = Loan(term_months=3, annual_interest_rate=0.12, repayment="bullet").schedule(100.0)
    assert bullet["service"].tolist() == pytest.approx([1.0, 1.0, 101.0])
    free = Loan(term_months=4, annual_interest_rate=0.0).schedule(100.0)
    assert free["service"].tolist() == pytest.approx([25.0] * 4)


@given(
    months=st.integers(1, 120),
    rate=st.floats(0, 0.5),
    repayment=st.sampled_from(REPAYMENTS),
    amount=st.floats(1, 1e9),
)
def test_a_schedule_repays_the_loan_and_is_worth_it(months, rate, repayment, amount):
    schedule = Loan(term_months=months, annual_interest_rate=rate, repayment=repayment).schedule(amount)
    assert schedule["principal"].sum() == pytest.approx(amount, rel=1e-6)
    assert schedule["balance"].iloc[-1] == pytest.approx(0, abs=1e-6 * amount)
    worth = schedule["service"] @ (1 + rate / 12) ** -schedule["month"].to_numpy(float)
    assert worth == pytest.approx(amount, rel=1e-6)


def test_cover_by_hand():
    """Revenue 200 a month, half of it margin, 600 a year fixed: 600 a year of cash, on 100 and 10 months at no rate."""
    loan = Loan(term_months=18, annual_interest_rate=0.0, margin=0.5, fixed_costs_a_year=600.0)
    revenue = np.full(18, 200.0)
    # 900 repaid over 18 months are 600 in the first year and 300 in the half year after it
    assert loan.cover(revenue, 900.0).tolist() == pytest.approx([1.0, 1.0])
    assert loan.cover(revenue, 450.0).tolist() == pytest.approx([2.0, 2.0])
    assert loan.life_cover(revenue, 450.0) == pytest.approx(2.0)
    assert loan.largest(revenue) == pytest.approx(900 / 1.2)
    falling = np.append(np.full(12, 200.0), np.full(6, 120.0))
    assert loan.cover(falling, 900.0).tolist() == pytest.approx([1.0, 0.2])


def test_service_over_the_years():
    found = debt_service(BOOK, LOAN, 400_000.0)
    assert found.years["year"].tolist() == [1, 2, 3] and found.futures == 200
    assert found.least.value == pytest.approx(found.years["cover"].iloc[-1].value)
    expected = LOAN.cover(BOOK.path["expected"].to_numpy(), 400_000.0)
    assert [each.value for each in found.years["cover"]] == pytest.approx(expected.tolist())
    drawn = LOAN.cover(BOOK.futures(), 400_000.0).min(axis=1)
    assert found.breach.value == pytest.approx((drawn < 1.2).mean())
    assert found.stressed["cover"].iloc[0].value == pytest.approx(found.least.value)
    assert set(found.metrics()) == {"debt_service_cover", "loan_life_cover", "covenant_breach", "break_even_churn"}
    tables.of(found, title="Test", currency="EUR")


def test_every_interval_has_the_level_of_the_revenue():
    revenue = replace(BOOK, total=replace(BOOK.total, confidence_level=0.8))
    found = debt_service(revenue, LOAN, 400_000.0)
    assert {each.confidence_level for each in found.metrics().values()} == {0.8}
    usual = debt_service(BOOK, LOAN, 400_000.0).breach
    assert usual.low < found.breach.low < found.breach.high < usual.high


@pytest.mark.parametrize(
    ("amount", "verdict", "bears"),
    [
        (60_000.0, "The loan is covered", "times today’s churn"),
        (2_000_000.0, "The loan is not covered", "Even at today’s churn, cash falls below debt service."),
    ],
)
def test_the_verdict(amount, verdict, bears):
    said = debt_service(BOOK, LOAN, amount).summary()
    assert said.startswith(verdict) and bears in said and "of 200 simulated futures" in said


def test_break_even_churn_is_where_cash_meets_debt_service():
    found = debt_service(BOOK, LOAN, 300_000.0)
    factor = found.break_even.value
    least = LOAN.cover(BOOK.futures(factor), 300_000.0).min(axis=1)
    assert 1 < found.break_even.low < factor < found.break_even.high < 10
    assert np.median(least) == pytest.approx(1, abs=0.02)


def test_little_churn_cannot_be_too_much():
    safe = projected(*[1200.0] * 100, monthly=0.0005, months=12)
    found = debt_service(safe, Loan(term_months=12), 1_000.0)
    assert found.break_even.value == 10 and found.break_even.low is None
    assert found.summary().endswith("Cash would cover debt service even at 10 times today’s churn.")


def test_the_largest_loan_keeps_the_covenant_and_one_somewhat_larger_does_not():
    found = debt_capacity(BOOK, LOAN)
    amount = found.amount.value
    kept = [(LOAN.cover(BOOK.futures(), size).min(axis=1) >= LOAN.covenant).mean() for size in (amount, 1.03 * amount)]
    assert kept[0] >= KEPT > kept[1]
    assert found.stressed["capacity"].iloc[0] == amount == found.terms["capacity"].iloc[-1]
    assert found.terms["term"].tolist() == [12, 24, 36]
    assert found.summary().startswith("The largest loan over 36 months at 6.0% that keeps a debt-service cover of 1.20")
    tables.of(found, title="Test", currency="EUR")


@settings(max_examples=30, deadline=None)
@given(
    churn=st.floats(1, 4),
    lost=st.integers(0, 10),
    margin=st.floats(0.1, 1),
    rate=st.floats(0, 0.3),
    more=st.floats(1, 3),
    repayment=st.sampled_from(REPAYMENTS),
)
def test_worse_terms_never_cover_more(churn, lost, margin, rate, more, repayment):
    loan = Loan(term_months=36, annual_interest_rate=0.05, repayment=repayment, margin=0.5, fixed_costs_a_year=1000.0)
    asked = [Stress("as it is"), Stress("worse", churn=churn, lost=lost, margin=margin, rate=rate)]
    found = debt_service(BOOK, loan, 400_000.0, stresses=asked).stressed
    assert found["cover"].iloc[1].value <= found["cover"].iloc[0].value * (1 + 1e-2)
    assert found["breach"].iloc[1] >= found["breach"].iloc[0]
    as_it_is, worse = debt_capacity(BOOK, loan, stresses=asked).stressed["capacity"]
    assert worse <= as_it_is
    covers = [loan.cover(BOOK.futures(), amount).min(axis=1) for amount in (400_000.0, more * 400_000.0)]
    # a larger loan covers less wherever there is cash, and lies no further below nothing where there is none
    assert (np.maximum(covers[1], 0) <= np.maximum(covers[0], 0) + 1e-12).all()


def test_one_contract_is_a_gamble():
    found = debt_service(projected(12_000.0, months=12), Loan(term_months=12), 5_000.0)
    assert found.stressed["stress"].tolist()[3] == "Without top 1" and len(found.stressed) == 7
    assert found.stressed["cover"].iloc[3].value == 0 and found.breach.value > 0.2
    assert debt_capacity(projected(12_000.0, months=12), Loan(term_months=12)).amount.value == 0


def test_no_cash_carries_no_loan():
    found = debt_capacity(BOOK, Loan(term_months=36, fixed_costs_a_year=1e9))
    assert found.amount.value == 0 and found.summary().startswith("No loan keeps a debt-service cover of 1.20")


def test_a_free_bullet_loan_has_no_cover_before_its_end():
    found = debt_service(BOOK, Loan(term_months=36, annual_interest_rate=0.0, repayment="bullet"), 400_000.0)
    assert found.years["cover"].iloc[0] is None and found.least.value == found.years["cover"].iloc[2].value
    tables.of(found, title="Test", currency="EUR")


def test_what_serves_the_loan_in_words():
    assert Loan().serves_from("EUR").startswith("No cost is known: all revenue counts as cash")
    assert Loan(margin=0.4).serves_from("EUR") == (
        "Cash to serve debt from is 40.0% of revenue; no fixed costs are stated."
    )
    assert LOAN.serves_from("EUR").endswith("50.0% of revenue, less fixed costs of €50,000 a year.")


@pytest.mark.parametrize("amount", [None, 0.0])
def test_without_a_loan_there_is_no_cover(amount):
    with pytest.raises(FitError, match="no loan is given"):
        debt_service(BOOK, LOAN, amount)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"term_months": 0}, "`term_months` must be a positive integer, got 0"),
        ({"annual_interest_rate": -0.1}, "`annual_interest_rate` must be 0 or more"),
        ({"repayment": "balloon"}, "`repayment` must be one of annuity, equal_principal, bullet, got 'balloon'"),
        ({"covenant": 0.0}, "`covenant` must be above 0"),
        ({"margin": 1.5}, "`margin` must be a share above 0 and up to 1"),
        ({"fixed_costs_a_year": -1.0}, "`fixed_costs_a_year` must be 0 or more"),
    ],
)
def test_terms_that_make_no_sense(terms, message):
    with pytest.raises(ValueError, match=message):
        Loan(**terms)
    with pytest.raises(ValueError, match="revenue must be projected over 48 months, got 36"):
        debt_capacity(BOOK, Loan(term_months=48))


def test_all_is_translated(untranslated):
    found, capacity = debt_service(BOOK, LOAN, 300_000.0), debt_capacity(BOOK, LOAN)
    for text in (found.summary(), capacity.summary(), LOAN.serves_from("EUR"), *found.stressed["stress"]):
        assert set(untranslated(text)) <= {"EUR"}, text
