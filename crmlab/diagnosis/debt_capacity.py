"""The largest loan that the revenue of today's customers carries, as expected and when things go worse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.diagnosis.loan import YEAR, Loan
from crmlab.diagnosis.retained_revenue import RetainedRevenue
from crmlab.intervals import Estimate
from crmlab.messages import N_, _

# chance with which the largest loan keeps its covenant
KEPT = 0.95
_BOUND_OF_FUTURES = N_("itself the bound that so many of the simulated futures keep")


@dataclass(frozen=True)
class Stress:
    """What goes worse than expected.

    Attributes
    ----------
    title
        In English; translated where it is shown.
    churn, margin
        Factors on today's chances to leave, 1 or more, and on the margin.
    lost
        How many of the largest customers are gone at once, 0 to 10.
    rate
        What is added to the annual interest rate: 0.02 is two percentage points.
    """

    title: str
    churn: float = 1.0
    lost: int = 0
    margin: float = 1.0
    rate: float = 0.0


STRESSES = (
    Stress(N_("As expected")),
    Stress(N_("Churn × 1.5"), churn=1.5),
    Stress(N_("Churn × 2"), churn=2.0),
    Stress(N_("Without top 1"), lost=1),
    Stress(N_("Without top 5"), lost=5),
    Stress(N_("Without top 10"), lost=10),
    Stress(N_("Margin −10%"), margin=0.9),
    Stress(N_("Rate +2 points"), rate=0.02),
    Stress(N_("Four at once"), churn=1.5, lost=1, margin=0.9, rate=0.02),
)


@dataclass(frozen=True, eq=False)
class DebtCapacity:
    """The largest loan that the revenue of today's customers carries.

    Attributes
    ----------
    amount
        In the currency of the revenue: that keeps the covenant in every year in 95% of the simulated futures.
    stressed, terms
        The same, one row per stress, and per term of so many years: `revenue` (expected over the term), `capacity`;
        `term_labels` and `term_formats` show the latter.
    """

    labels: ClassVar[dict[str, str]] = {
        "stress": N_("What goes worse"), "revenue": N_("Retained revenue"), "capacity": N_("Largest loan"),
    }  # fmt: skip
    formats: ClassVar[dict[str, str]] = {"revenue": "money", "capacity": "money"}
    term_labels: ClassVar[dict[str, str]] = {
        "term": N_("Term in months"), "revenue": labels["revenue"], "capacity": labels["capacity"],
    }  # fmt: skip
    term_formats: ClassVar[dict[str, str]] = {"term": "integer", "revenue": "money", "capacity": "money"}

    loan: Loan
    amount: Estimate
    stressed: pd.DataFrame
    terms: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """`stressed`: one row per stress, with retained revenue over the term and the largest loan."""
        return self.stressed

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them."""
        return {"debt_capacity": self.amount}

    def summary(self) -> str:
        """How much can be lent over the term, at which rate and covenant."""
        values = {
            "amount": self.amount.text(), "covenant": language.number(self.loan.covenant, 2),
            "rate": language.quantity(self.loan.annual_interest_rate, "share"),
            "term": language.quantity(self.loan.term_months, "months"),
            "kept": language.quantity(KEPT, "share", digits=0),
        }  # fmt: skip
        if not self.amount.value > 0:
            return _(
                "No loan keeps a debt-service cover of {covenant} in {kept} of the simulated futures: what today’s "
                "customers bring does not pay for the fixed costs."
            ).format(**values)
        return _(
            "The largest loan over {term} at {rate} that keeps a debt-service cover of {covenant} in {kept} of the "
            "simulated futures is {amount}."
        ).format(**values)


def debt_capacity(revenue: RetainedRevenue, loan: Loan, *, stresses: Sequence[Stress] = STRESSES) -> DebtCapacity:
    """The largest loan on these terms, under each stress, and over each number of whole years.

    Parameters
    ----------
    revenue
        Projected over the term at least.
    loan, stresses
        As of `debt_service.debt_service`.

    Raises
    ------
    ValueError
        If revenue is projected over less than the term, or in fewer than 19 futures.
    """
    long_enough(revenue, loan)
    rows = []
    for stress in possible(stresses, revenue):
        terms, futures = stressed(revenue, loan, stress)
        rows.append({"stress": _(stress.title), "revenue": float(futures.sum(axis=1).mean()),
                     "capacity": _kept(terms.largest(futures))})  # fmt: skip
    futures = revenue.futures()
    years = [replace(loan, term_months=months) for months in range(YEAR, loan.term_months + 1, YEAR)] or [loan]
    terms = [
        {"term": each.term_months, "revenue": float(futures[:, : each.term_months].sum(axis=1).mean()),
         "capacity": _kept(each.largest(futures[:, : each.term_months]))}
        for each in years
    ]  # fmt: skip
    label = _("largest loan that keeps the covenant")
    amount = Estimate(
        _kept(loan.largest(futures[:, : loan.term_months])), None, None, revenue.unit, revenue.customers, label,
        no_interval=_BOUND_OF_FUTURES,
    )  # fmt: skip
    return DebtCapacity(loan, amount, pd.DataFrame(rows), pd.DataFrame(terms))


def possible(stresses: Sequence[Stress], revenue: RetainedRevenue) -> list[Stress]:
    """The stresses, without the loss of more customers than there are."""
    return [stress for stress in stresses if stress.lost <= revenue.customers]


def stressed(revenue: RetainedRevenue, loan: Loan, stress: Stress) -> tuple[Loan, np.ndarray]:
    """Terms of the loan and revenue over its months, with what goes worse."""
    terms = replace(
        loan, margin=loan.margin * stress.margin, annual_interest_rate=loan.annual_interest_rate + stress.rate
    )
    return terms, revenue.futures(stress.churn, stress.lost)[:, : loan.term_months]


def _kept(amounts: np.ndarray) -> float:
    """The amount that so many of the futures bear, by the rank that a further one falls below with no more chance.

    Rounded down to three digits: more would say more than is known.
    """
    rank = int((1 - KEPT) * (len(amounts) + 1) + 1e-9)
    if rank < 1:
        raise ValueError(f"`draws` must be at least {round(1 / (1 - KEPT)) - 1}, got {len(amounts)}")
    amount = float(np.sort(amounts)[rank - 1])
    if not amount > 0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(amount)) - 2)
    return float(step * np.floor(amount / step + 1e-9))


def long_enough(revenue: RetainedRevenue, loan: Loan) -> None:
    """Check that revenue is projected over the term.

    Raises
    ------
    ValueError
        If it is not.
    """
    if revenue.months < loan.term_months:
        raise ValueError(f"revenue must be projected over {loan.term_months} months, got {revenue.months}")
