"""Present value, internal rates, payback: against published numbers, numpy-financial and the roots of polynomials."""

import numpy as np
import numpy_financial
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crmlab.roi.cash_flows import programme
from crmlab.roi.returns import (
    DAYS_PER_MONTH,
    internal_rates,
    months_to_payback,
    net_present_value,
    payback_day,
    returns,
)

START = pd.Timestamp("2021-01-01")
AMOUNTS = st.lists(st.integers(-1000, 1000).map(float), min_size=1, max_size=12)


def years(n):
    """Days whole years of 365 days apart."""
    return START + pd.to_timedelta(365 * np.arange(n), unit="D")


def flows(*rows, scenario="actual"):
    """Rows of (months after the start, amount): costs below zero."""
    return pd.DataFrame(
        [
            (scenario, START + pd.DateOffset(months=month), "cost" if amount < 0 else "benefit", "x", abs(amount))
            for month, amount in rows
        ],
        columns=["scenario", "date", "kind", "category", "amount"],
    )


def found(*rows, **options):
    return returns(programme(flows(*rows), **({"as_of": "2025-12-31", "unit": "USD"} | options)))


def test_acceptance():
    """acceptance.md, npv and irr: numpy-financial."""
    npv = net_present_value(years(5), [-40000, 5000, 8000, 12000, 30000], annual_rate=0.08)
    assert npv == pytest.approx(3065.22, abs=0.005)
    assert internal_rates(years(5), [-100, 39, 59, 55, 20]) == pytest.approx((0.28095,), abs=5e-6)


@given(AMOUNTS, st.floats(-0.5, 2))
def test_npv_is_that_of_numpy_financial(amounts, rate):
    npv = net_present_value(years(len(amounts)), amounts, annual_rate=rate)
    assert npv == pytest.approx(numpy_financial.npv(rate, amounts), rel=1e-9, abs=1e-6)


@given(AMOUNTS)
def test_irr_is_that_of_numpy_financial_where_there_is_one(amounts):
    rates = internal_rates(years(len(amounts)), amounts)
    expected = numpy_financial.irr(amounts)
    if len(rates) == 1 and np.isfinite(expected) and -0.99 < expected < 1e4:
        assert rates[0] == pytest.approx(expected, rel=1e-6, abs=1e-7)


@given(st.lists(st.integers(-20, 20).map(float), min_size=2, max_size=9))
def test_all_rates_are_found(amounts):
    """Against the real roots of the polynomial in 1 / (1 + rate), those that touch zero without crossing aside."""
    assume(any(amounts))
    roots = np.roots(np.trim_zeros(amounts[::-1], "f"))
    real = np.sort(1 / roots[(np.abs(roots.imag) < 1e-9) & (roots.real > 1e-5) & (roots.real < 1e5)].real - 1)
    others = roots[(np.abs(roots.imag) >= 1e-9) & (np.abs(roots.imag) < 1e-3)]
    assume(not len(others) and (len(real) < 2 or np.diff(real).min() > 1e-3))
    assert internal_rates(years(len(amounts)), amounts) == pytest.approx(tuple(real), rel=1e-5, abs=1e-6)


@given(st.lists(st.floats(-0.5, 3), min_size=1, max_size=5, unique=True).map(sorted))
def test_flows_made_from_rates_have_those_rates(rates):
    """(1 - (1 + r) x) for each rate, multiplied out."""
    assume(len(rates) == 1 or np.diff(rates).min() > 0.05)
    amounts = np.array([1.0])
    for rate in rates:
        amounts = np.convolve(amounts, [-1.0, 1 + rate])
    assert internal_rates(years(len(amounts)), amounts) == pytest.approx(tuple(rates), abs=1e-5)


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(-500, 500).map(float)), min_size=2, max_size=60))
def test_every_rate_makes_the_flows_worth_nothing(rows):
    days = [START + pd.Timedelta(days=day) for day, _amount in rows]
    amounts = [amount for _day, amount in rows]
    by_day = pd.Series(amounts, days).groupby(level=0).sum()
    signs = np.sign(by_day[by_day != 0].to_numpy())
    rates = internal_rates(days, amounts)
    assert len(rates) <= (np.diff(signs) != 0).sum() and list(rates) == sorted(rates)
    for rate in rates:
        terms = np.abs(amounts) @ (1 + rate) ** (-np.array([day for day, _amount in rows]) / 365)
        assert net_present_value(days, amounts, annual_rate=rate, on=START) == pytest.approx(0, abs=1e-6 * terms)


def test_two_rates_and_a_rate_that_touches():
    assert internal_rates(years(3), [-100, 230, -132]) == pytest.approx((0.1, 0.2))
    assert internal_rates(years(3), [-100, 220, -121]) == pytest.approx((0.1,), abs=1e-6)
    assert internal_rates(years(3), [-100, 200, -121]) == ()


@pytest.mark.parametrize("amounts", [[], [-5], [5], [0, 0], [-1, -2], [3, 0, 4], [-5, 5, 0][:1]])
def test_no_rate(amounts):
    assert internal_rates(years(len(amounts)), amounts) == ()


def test_exact_days_and_flows_on_one_day():
    """As a spreadsheet's XNPV counts: days over 365; two flows on one day are one."""
    days = pd.to_datetime(["2024-01-01", "2024-03-01", "2024-03-01"])
    expected = -100 + 110 / 1.1 ** (60 / 365)
    assert net_present_value(days, [-100, 60, 50], annual_rate=0.1) == pytest.approx(expected)
    assert internal_rates(days, [-100, 60, 50]) == pytest.approx((1.1 ** (365 / 60) - 1,))


def test_flows_before_the_day_gain_interest():
    assert net_present_value(years(2), [100, 0], annual_rate=0.1, on=years(2)[1]) == pytest.approx(110)
    assert net_present_value([], [], annual_rate=0.1) == 0


def test_payback_is_for_good():
    days = years(4)
    assert payback_day(days, [-100, 150, -80, 40]) == days[3]
    assert payback_day(days, [-100, 50, 50, 0]) == days[2]
    assert payback_day(days, [-100, 50, 20, 10]) is None
    assert payback_day(days, [10, 0, 0, 0]) == days[0]
    assert payback_day([], []) is None
    assert months_to_payback(days, [-100, 50, 50, 0]) == pytest.approx(730 / DAYS_PER_MONTH)


def test_returns_by_hand():
    result = found((0, -1000), (12, 800), (24, 800), annual_discount_rate=0.1)
    assert result.benefits_pv == pytest.approx(800 / 1.1 + 800 / 1.1**2)
    assert result.npv == pytest.approx(result.benefits_pv - 1000)
    assert result.roi == pytest.approx(result.npv / 1000)
    assert result.irr == pytest.approx(internal_rates(result.curve["date"], result.curve["net"])[0])
    assert round(result.payback) == round(result.discounted_payback) == 24
    assert result.curve["cumulative"].tolist() == [-1000, -200, 600]
    assert result.curve["discounted"].iloc[-1] == pytest.approx(result.npv)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(0, -1000), (12, 800), (24, 800)], "The internal rate of return is 38.0% a year. The costs are paid back"),
        ([(0, -100), (12, -50)], "no internal rate of return: the flows are all costs or.*not paid back by 1 J"),
        ([(0, -100)], "no internal rate of return: the flows are all costs"),
        ([(0, 100)], "nothing to pay back"),
        ([(0, 100), (12, -90)], "are worth zero at −10.0% a year, but benefits come before costs"),
        ([(0, -100), (12, 230), (24, -132)], "no single internal rate of return, but 2, between 10.0% and 20.0%"),
        ([(0, -100), (12, 200), (24, -121)], "no internal rate of return: no rate makes the flows worth zero"),
        ([(0, -100), (12, 105)], "paid back after 12 months, but not with interest"),
    ],
)  # fmt: skip
def test_summary(rows, said):
    result = found(*rows)
    assert pd.Series([result.summary()]).str.contains(said).all(), result.summary()
    assert len(result.table()) >= 7 and "nan" not in result.table().to_string().lower()


def test_without_costs_there_is_no_return_on_them():
    result = found((0, 100), (1, 50))
    assert result.roi is None and result.irr is None and result.payback == 0
    assert result.table().set_index("measure").loc["Return on investment", "value"] == "none"


def test_all_is_translated(untranslated):
    for rows in ([(0, -1000), (12, 800), (24, 800)], [(0, -100), (12, 230), (24, -132)], [(0, -100)]):
        result = found(*rows)
        assert set(untranslated(result.summary() + " ".join(result.table().to_numpy().ravel()))) <= {"January"}


@pytest.mark.parametrize(
    ("dates", "amounts", "message"),
    [
        ([START], [1, 2], "must be equally many, got 1 and 2"),
        ([pd.NaT], [1], "must not be empty in any flow"),
        ([START], [np.nan], "must not be empty in any flow"),
    ],
)
def test_says_what_is_wrong(dates, amounts, message):
    with pytest.raises(ValueError, match=message):
        internal_rates(dates, amounts)
    with pytest.raises(ValueError, match="`annual_rate` must be above -1, got -1"):
        net_present_value([START], [1], annual_rate=-1)
