"""Can the revenue of today's customers serve a loan: cover by year and under stress, and how much churn it bears."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.diagnosis.debt_capacity import STRESSES, Stress, long_enough, possible, stressed
from crmlab.diagnosis.loan import Loan
from crmlab.diagnosis.retained_revenue import RetainedRevenue
from crmlab.intervals import Estimate, wilson
from crmlab.likelihood import prediction
from crmlab.messages import N_, _, sentences

# how many times today's churn is looked at for the one that is too much
_FACTORS = np.array([1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0])
_BEYOND = N_("some futures bear more churn than was looked at")


@dataclass(frozen=True, eq=False)
class DebtService:
    """A loan served from the revenue of today's customers.

    Attributes
    ----------
    amount
        Of the loan, in the currency of the revenue.
    years
        One row per year of the loan: `year`, `cash` and `cover` (estimates), `service` (interest and principal due),
        and the chance `breach`, 0 to 1, that the cover lies below the covenant.
    least, life_cover
        Cover (cash over debt service: 1 is just enough, more is better) in the year where it is least; and cash over
        the whole term, discounted at the loan's rate, over the amount.
    breach
        Share of the simulated futures in which the covenant is broken in some year.
    stressed
        One row per stress: `stress`, `cover` (the least) and `breach`; `stress_labels` and `stress_formats` show it.
    break_even
        How many times today's churn it takes for cash to fall below debt service in some year: 1 where it does already,
        10 where it takes as much or more.
    """

    labels: ClassVar[dict[str, str]] = {
        "year": N_("Year of the loan"), "cash": N_("Cash available"), "service": N_("Debt service"),
        "cover": N_("Debt-service cover"), "breach": N_("Chance below the covenant"),
    }  # fmt: skip
    formats: ClassVar[dict[str, str]] = {"year": "integer", "service": "money", "breach": "share"}
    stress_labels: ClassVar[dict[str, str]] = {
        "stress": N_("What goes worse"), "cover": labels["cover"], "breach": labels["breach"],
    }  # fmt: skip
    stress_formats: ClassVar[dict[str, str]] = {"stress": "text", "cover": "estimate", "breach": "share"}

    loan: Loan
    amount: float
    years: pd.DataFrame
    least: Estimate
    life_cover: Estimate
    breach: Estimate
    stressed: pd.DataFrame
    break_even: Estimate
    futures: int

    def table(self) -> pd.DataFrame:
        """`years`: one row per year of the loan, with cash, debt service and cover."""
        return self.years

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them."""
        return {
            "debt_service_cover": self.least,
            "loan_life_cover": self.life_cover,
            "covenant_breach": self.breach,
            "break_even_churn": self.break_even,
        }

    def summary(self) -> str:
        """Whether the loan can be served, how surely, and how much more churn it bears."""
        values = {
            "cover": self.least.text(), "evidence": self.least.evidence(), "breach": self.breach.text(),
            "covenant": language.number(self.loan.covenant, 2), "n": language.number(self.futures),
        }  # fmt: skip
        verdict = _("The loan may break its covenant: its least cover is {cover} {evidence}, {covenant} is asked for.")
        if self.least.low >= self.loan.covenant:
            verdict = _("The loan is covered: its least cover is {cover} {evidence}, {covenant} is asked for.")
        elif self.least.high < self.loan.covenant:
            verdict = _("The loan is not covered: its least cover is {cover} {evidence}, {covenant} is asked for.")
        chance = _("The covenant is broken in {breach} of {n} simulated futures.")
        return sentences(verdict.format(**values), chance.format(**values), self._bears())

    def _bears(self) -> str:
        if self.break_even.value <= _FACTORS[0]:
            return _("Even at today’s churn, cash falls below debt service.")
        if self.break_even.value >= _FACTORS[-1]:
            most = language.number(float(_FACTORS[-1]))
            return _("Cash would cover debt service even at {most} times today’s churn.").format(most=most)
        return _("Cash would fall below debt service at {factor} times today’s churn {evidence}.").format(
            factor=self.break_even.text(), evidence=self.break_even.evidence()
        )


def debt_service(
    revenue: RetainedRevenue, loan: Loan, amount: float | None, *, stresses: Sequence[Stress] = STRESSES
) -> DebtService:
    """Cover of a loan of `amount` by year, at its least, and under stress.

    Parameters
    ----------
    revenue
        Projected over the term at least.
    loan, amount
        Its terms, and how much is lent, in the currency of the revenue; None or 0 where no loan is given.
    stresses
        What the plan must stand: see `STRESSES`.

    Raises
    ------
    FitError
        If no loan is given.
    ValueError
        If `amount` is below 0, or revenue is projected over less than the term.
    """
    if not amount:
        raise FitError(_("no loan is given"))
    if amount < 0:
        raise ValueError(f"`amount` must be above 0, got {amount}")
    long_enough(revenue, loan)
    expected = revenue.path["expected"].to_numpy()[: loan.term_months]
    futures = revenue.futures()[:, : loan.term_months]
    level = {"confidence_level": revenue.total.confidence_level}
    shown: dict[str, Any] = {"n": revenue.customers} | level
    ratio = shown | {"unit": "ratio", "label": _("least debt-service cover of a year")}
    cover, drawn = loan.cover(expected, amount), loan.cover(futures, amount)
    cash, of_years = loan.by_year(loan.cash(expected)), loan.by_year(loan.cash(futures))
    service = loan.by_year(loan.schedule(amount)["service"])
    years = [
        {"year": place + 1, "cash": prediction(float(cash[place]), of_years[:, place], unit=revenue.unit,
                                               label=_("cash available"), **shown),
         "service": float(service[place]),
         "cover": prediction(float(cover[place]), drawn[:, place], **ratio) if service[place] > 0 else None,
         "breach": float((drawn[:, place] < loan.covenant).mean())}
        for place in range(len(cover))
    ]  # fmt: skip
    life = loan.life_cover(expected, amount), loan.life_cover(futures, amount)
    broken = int((drawn.min(axis=1) < loan.covenant).sum())
    return DebtService(
        loan,
        amount,
        pd.DataFrame(years),
        prediction(float(cover.min()), drawn.min(axis=1), **ratio),
        prediction(float(life[0]), life[1], **(ratio | {"label": _("loan life cover")})),
        wilson(broken, len(drawn), label=_("simulated futures in which the covenant is broken"), **level),
        _under_stress(stresses, revenue, loan, amount, ratio),
        _break_even(revenue, loan, amount, shown),
        len(drawn),
    )


def _under_stress(stresses, revenue: RetainedRevenue, loan: Loan, amount: float, shown: dict) -> pd.DataFrame:
    rows = []
    for stress in possible(stresses, revenue):
        terms, futures = stressed(revenue, loan, stress)
        least = terms.cover(futures, amount).min(axis=1)
        # known exactly as long as neither who leaves nor who is there is touched
        touched = stress.churn > 1 or stress.lost
        expected = futures.mean(axis=0) if touched else revenue.path["expected"].to_numpy()[: loan.term_months]
        cover = prediction(float(terms.cover(expected, amount).min()), least, **shown)
        rows.append({"stress": _(stress.title), "cover": cover, "breach": float((least < loan.covenant).mean())})
    return pd.DataFrame(rows)


def _break_even(revenue: RetainedRevenue, loan: Loan, amount: float, shown: dict) -> Estimate:
    """In each future, the factor on churn at which the least cover falls to 1; between those looked at, by a line."""
    label = _("times today’s churn that debt service bears")
    least = np.array(
        [loan.cover(revenue.futures(factor)[:, : loan.term_months], amount).min(axis=1) for factor in _FACTORS]
    )
    short = least < 1
    place = np.where(short.any(axis=0), short.argmax(axis=0), len(_FACTORS))
    inside, column = np.clip(place, 1, len(_FACTORS) - 1), np.arange(least.shape[1])
    above, below = least[inside - 1, column], least[inside, column]
    share = np.clip(np.divide(above - 1, above - below, out=np.zeros_like(above), where=above > below), 0, 1)
    factors = _FACTORS[inside - 1] + share * (_FACTORS[inside] - _FACTORS[inside - 1])
    factors = np.select([place == 0, place == len(_FACTORS)], [_FACTORS[0], _FACTORS[-1]], factors)
    found = prediction(float(np.median(factors)), factors, unit="ratio", label=label, **shown)
    # beyond the factors looked at, nothing more is known than that
    return found if found.high < _FACTORS[-1] else replace(found, low=None, high=None, no_interval=_BEYOND)
