r"""Present value, internal rate of return and payback of dated cash flows.

Dates are exact, a year has 365 days (Actual/365):

.. math:: NPV = \sum_i a_i (1 + d)^{-t_i}, \qquad t_i = \frac{\mathrm{days}(i)}{365}

An internal rate is a `d` at which this is zero. There may be none or several, at most as many as the flows change sign.
All are found: times a power of :math:`1 + d` that lies between two flows of different sign, the derivative of the sum
changes sign once less, and between its roots the sum has at most one. What has several rates has no rate of return.

References
----------
Norstrom (1972), A sufficient condition for a unique nonnegative internal rate of return, JFQA 7, 1835-1839.
Polya and Szego (1976), Problems and theorems in analysis II, part V, chapter 1.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.messages import N_, _, sentences
from crmlab.roi.cash_flows import Programme

DAYS_PER_MONTH = 365.25 / 12
# logarithm of one plus the lowest and highest rate that is looked for
_LEAST, _MOST = np.log(1e-6), np.log(1e6)
_ROUNDING = 1e-13

ONE_SIGN = N_("the flows are all costs or all benefits, so that no rate makes them worth zero")
NO_RATE = N_("no rate makes the flows worth zero, or only one beyond all measure")
SEVERAL = N_("several rates make the flows worth zero, so that none of them is the return")
BENEFITS_FIRST = N_("benefits come before costs, so that the rate is one that is paid and not one that is earned")


def net_present_value(dates, amounts, *, annual_rate: float, on=None) -> float:
    """What dated flows are worth on a day, in the unit of the amounts; flows before that day gain interest.

    Parameters
    ----------
    dates, amounts
        Of the flows, costs negative; in any order.
    annual_rate
        0.1 is 10% a year of 365 days; above -1.
    on
        The day; that of the first flow unless given.

    Raises
    ------
    ValueError
        If dates and amounts are not equally many, one of them is missing, or the rate is not above -1.
    """
    dates, amounts = _flows(dates, amounts)
    if not len(dates):
        return 0.0
    first = dates.min() if on is None else pd.Timestamp(on)
    return float(amounts @ discount_factors(dates, on=first, annual_rate=annual_rate))


def discount_factors(dates, *, on, annual_rate: float) -> np.ndarray:
    """What a unit of money on each day is worth on the day `on`; at a rate above zero, more than one before it.

    Raises
    ------
    ValueError
        If the rate is not above -1.
    """
    if not annual_rate > -1:
        raise ValueError(f"`annual_rate` must be above -1, got {annual_rate}")
    days = (pd.DatetimeIndex(dates) - pd.Timestamp(on)).days.to_numpy(dtype=float)
    return (1 + annual_rate) ** (-days / 365)


def internal_rates(dates, amounts) -> tuple[float, ...]:
    """All annual rates at which dated flows are worth zero, ascending: 0.1 is 10% a year.

    Rates are looked for from -0.999999 to 999,999. There may be none; dates and amounts as of `net_present_value`.

    Examples
    --------
    >>> days = pd.Timestamp("2021-01-01") + pd.to_timedelta([0, 365, 730], unit="D")
    >>> [round(rate, 6) for rate in internal_rates(days, [-100, 230, -132])]
    [0.1, 0.2]
    """
    dates, amounts = _flows(dates, amounts)
    by_day = pd.Series(amounts, dates).groupby(level=0).sum()
    by_day = by_day[by_day != 0]
    if len(by_day) < 2:
        return ()
    times = (by_day.index - by_day.index[0]).days.to_numpy(dtype=float) / 365
    found = _roots(times, by_day.to_numpy() / np.abs(by_day).max(), _LEAST, _MOST)
    return tuple(float(np.expm1(root)) for root in found)


def payback_day(dates, amounts) -> pd.Timestamp | None:
    """The day from which the sum of the flows (costs negative) stays at zero or above; None if it ends below zero."""
    dates, amounts = _flows(dates, amounts)
    by_day = pd.Series(amounts, dates).groupby(level=0).sum()
    total = by_day.cumsum()
    below = np.flatnonzero(total < -1e-9 * np.abs(amounts).max(initial=0.0))
    if not len(total) or not len(below):
        return total.index[0] if len(total) else None
    return None if below[-1] == len(total) - 1 else total.index[below[-1] + 1]


def months_to_payback(dates, amounts) -> float | None:
    """Months (of 365.25 / 12 days) from the first flow to `payback_day`; None where there is none."""
    day = payback_day(dates, amounts)
    return None if day is None else (day - pd.DatetimeIndex(dates).min()).days / DAYS_PER_MONTH


@dataclass(frozen=True, eq=False)
class Returns:
    """What a programme returns if every figure comes as expected; no intervals: `simulation.simulate` gives them.

    Attributes
    ----------
    benefits_pv, costs_pv
        Present values at the programme's start, in its currency.
    roi
        Present value of benefits less costs, over that of costs: 0.2 is a fifth more than was put in; None where there
        are no costs.
    irr
        The internal rate of return, a share a year; None where there is none, or several (`rates`): `irr_reason`
        says why.
    payback, discounted_payback
        Months from the first flow until the sum of the flows, or of their present values, stays above zero; None if it
        does not before they end.
    curve
        One row per day with a flow: `date`, `net`, `cumulative`, `discounted` (cumulative present value), in currency,
        and `status`.
    """

    formats: ClassVar[dict[str, str]] = {"measure": "text", "value": "text"}
    labels: ClassVar[dict[str, str]] = {"measure": N_("Measure"), "value": N_("Value")}

    programme: Programme
    benefits_pv: float
    costs_pv: float
    roi: float | None
    irr: float | None
    irr_reason: str
    rates: tuple[float, ...]
    payback: float | None
    discounted_payback: float | None
    curve: pd.DataFrame

    @property
    def npv(self) -> float:
        """Net present value at the programme's start, in its currency; above zero, the programme pays."""
        return self.benefits_pv - self.costs_pv

    def table(self) -> pd.DataFrame:
        """One row per measure, in words with its unit."""
        unit = self.programme.unit
        rows = [
            (_("Present value of benefits"), language.quantity(self.benefits_pv, unit)),
            (_("Present value of costs"), language.quantity(self.costs_pv, unit)),
            (_("Net present value"), language.quantity(self.npv, unit)),
            (_("Return on investment"), _share(self.roi)),
            (_("Internal rate of return, a year"), _share(self.irr)),
            (_("Payback"), _months(self.payback)),
            (_("Discounted payback"), _months(self.discounted_payback)),
        ]
        return pd.DataFrame(rows, columns=["measure", "value"])

    def summary(self) -> str:
        """The rate and the payback; the present value is told with its interval by the simulation."""
        rate = _("There is no internal rate of return: {reason}.").format(reason=_(self.irr_reason))
        if self.irr is not None:
            rate = _("The internal rate of return is {rate} a year.").format(rate=_share(self.irr))
        elif self.rates:
            rate = _("There is no single internal rate of return, but {n}, between {low} and {high}: {reason}.").format(
                n=language.number(len(self.rates)),
                low=_share(self.rates[0]),
                high=_share(self.rates[-1]),
                reason=_(self.irr_reason),
            )
        if len(self.rates) == 1 and self.irr is None:
            rate = _("The flows are worth zero at {rate} a year, but {reason}.").format(
                rate=_share(self.rates[0]), reason=_(self.irr_reason)
            )
        return sentences(rate, self._paid_back())

    def _paid_back(self) -> str:
        if self.payback is None:
            return _("The costs are not paid back by {end}.").format(end=language.day(self.programme.last))
        if self.payback == 0:
            return _("There is nothing to pay back: the sum of the flows is never below zero.")
        if self.discounted_payback is None:
            return _("The costs are paid back after {months}, but not with interest.").format(
                months=_months(self.payback)
            )
        if self.discounted_payback == self.payback:
            return _("The costs are paid back after {months}, with interest or without.").format(
                months=_months(self.payback)
            )
        return _("The costs are paid back after {months}, with interest after {discounted}.").format(
            months=_months(self.payback), discounted=_months(self.discounted_payback)
        )


def returns(programme: Programme) -> Returns:
    """Present values, return, internal rate and paybacks of a programme, if all comes as expected."""
    flows = programme.counted()
    factors = discount_factors(flows["date"], on=programme.start, annual_rate=programme.annual_discount_rate)
    present = flows["amount"].to_numpy() * factors
    is_cost = (flows["kind"] == "cost").to_numpy()
    costs, benefits = float(present[is_cost].sum()), float(present[~is_cost].sum())
    signed = np.where(is_cost, -1.0, 1.0) * flows["amount"].to_numpy()
    rates, reason = _single_rate(flows["date"], signed)
    return Returns(
        programme,
        benefits,
        costs,
        roi=(benefits - costs) / costs if costs > 0 else None,
        irr=rates[0] if not reason else None,
        irr_reason=reason,
        rates=rates,
        payback=months_to_payback(flows["date"], signed),
        discounted_payback=months_to_payback(flows["date"], signed * factors),
        curve=_curve(flows, signed, factors),
    )


def _single_rate(dates, signed) -> tuple[tuple[float, ...], str]:
    """All rates, and why none of them is the return: empty where one is."""
    rates = internal_rates(dates, signed)
    by_day = pd.Series(signed, pd.DatetimeIndex(dates)).groupby(level=0).sum()
    by_day = by_day[by_day != 0]
    if not ((by_day > 0).any() and (by_day < 0).any()):
        return (), ONE_SIGN
    if len(rates) != 1:
        return rates, SEVERAL if rates else NO_RATE
    return rates, BENEFITS_FIRST if by_day.iloc[0] > 0 else ""


def _curve(flows: pd.DataFrame, signed: np.ndarray, factors: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame({"date": flows["date"], "net": signed, "present": signed * factors})
    frame["planned"] = (flows["status"] == "planned").to_numpy()
    by_day = frame.groupby("date", as_index=False).agg({"net": "sum", "present": "sum", "planned": "any"})
    by_day["cumulative"], by_day["discounted"] = by_day["net"].cumsum(), by_day["present"].cumsum()
    by_day["status"] = np.where(by_day["planned"], "planned", "actual")
    return by_day[["date", "net", "cumulative", "discounted", "status"]]


def _roots(times: np.ndarray, amounts: np.ndarray, low: float, high: float) -> list[float]:
    """All x from low to high at which the sum of amounts x exp(-x times) is zero, ascending."""
    from scipy.optimize import brentq

    changes = np.flatnonzero(np.sign(amounts[:-1]) * np.sign(amounts[1:]) < 0)
    if not changes.size:
        return []
    place = changes[len(changes) // 2]
    slope = amounts * ((times[place] + times[place + 1]) / 2 - times)
    ends = [low, *_roots(times, slope / np.abs(slope).max(), low, high), high]
    values = [_balance(end, times, amounts) for end in ends]
    found = []
    for place, (left, right) in enumerate(zip(values[:-1], values[1:], strict=True)):
        if left == 0:  # touches zero and turns back
            found.append(ends[place])
        elif right and left * right < 0:
            found.append(brentq(_balance, ends[place], ends[place + 1], (times, amounts), xtol=1e-14, rtol=1e-14))
    return found + [high] * (values[-1] == 0)


def _balance(x: float, times: np.ndarray, amounts: np.ndarray) -> float:
    """The sum over the sum of its terms' sizes, from -1 to 1; zero where it is zero but for rounding."""
    exponents = -x * times
    terms = amounts * np.exp(exponents - exponents.max())
    balance = float(terms.sum() / np.abs(terms).sum())
    return 0.0 if abs(balance) < _ROUNDING else balance


def _flows(dates, amounts) -> tuple[pd.DatetimeIndex, np.ndarray]:
    dates, amounts = pd.DatetimeIndex(dates), np.asarray(amounts, dtype=float)
    if len(dates) != len(amounts):
        raise ValueError(f"`dates` and `amounts` must be equally many, got {len(dates)} and {len(amounts)}")
    if dates.hasnans or not np.isfinite(amounts).all():
        raise ValueError("`dates` and `amounts` must not be empty in any flow")
    return dates, amounts


def _share(value: float | None) -> str:
    return _("none") if value is None else language.quantity(value, "share")


def _months(value: float | None) -> str:
    if value is None:
        return _("not before the flows end")
    rounded = round(value, 1)
    return _("1 month") if rounded == 1 else language.quantity(rounded, "months")
