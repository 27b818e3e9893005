"""A loan: what it costs month by month, and how far the cash that is there covers it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.messages import _

YEAR = 12  # months
REPAYMENTS = ("annuity", "equal_principal", "bullet")


@dataclass(frozen=True)
class Loan:
    """The terms of a loan, and what the borrower has to serve it from.

    Attributes
    ----------
    term_months
        From payout to the last payment, which are made at the ends of months.
    annual_interest_rate
        Nominal: a twelfth of it is due each month; 0.06 is 6% a year.
    repayment
        `annuity` (the same sum every month), `equal_principal` (the same part of the amount, and interest on what is
        left) or `bullet` (interest, and the whole amount at the end).
    covenant
        Debt-service cover below which the loan agreement is broken.
    margin
        Share of revenue that is left after the cost of what was sold; None where that is not known, for all of it.
    fixed_costs_a_year
        That are paid before debt is served, in the currency of the revenue.

    Raises
    ------
    ValueError
        If a term is out of its range, or the repayment is none of the three.
    """

    term_months: int = 36
    annual_interest_rate: float = 0.06
    repayment: Literal["annuity", "equal_principal", "bullet"] = "annuity"
    covenant: float = 1.2
    margin: float | None = None
    fixed_costs_a_year: float = 0.0

    def __post_init__(self):
        if self.term_months != int(self.term_months) or self.term_months < 1:
            raise ValueError(f"`term_months` must be a positive integer, got {self.term_months}")
        if self.repayment not in REPAYMENTS:
            raise ValueError(f"`repayment` must be one of {', '.join(REPAYMENTS)}, got {self.repayment!r}")
        if not self.annual_interest_rate >= 0:
            raise ValueError(f"`annual_interest_rate` must be 0 or more, got {self.annual_interest_rate}")
        if not self.covenant > 0:
            raise ValueError(f"`covenant` must be above 0, got {self.covenant}")
        if self.margin is None:
            object.__setattr__(self, "margin", 1.0)
        if not 0 < self.margin <= 1:
            raise ValueError(f"`margin` must be a share above 0 and up to 1, got {self.margin}")
        if not self.fixed_costs_a_year >= 0:
            raise ValueError(f"`fixed_costs_a_year` must be 0 or more, got {self.fixed_costs_a_year}")

    def serves_from(self, unit: str) -> str:
        """What counts as cash, in words."""
        values = {
            "margin": language.quantity(self.margin, "share"),
            "costs": language.quantity(self.fixed_costs_a_year, unit),
        }
        if self.margin == 1 and not self.fixed_costs_a_year:
            return _("No cost is known: all revenue counts as cash to serve debt from, which is too much.")
        if not self.fixed_costs_a_year:
            return _("Cash to serve debt from is {margin} of revenue; no fixed costs are stated.").format(**values)
        return _("Cash to serve debt from is {margin} of revenue, less fixed costs of {costs} a year.").format(**values)

    def schedule(self, amount: float = 1.0) -> pd.DataFrame:
        """One row per month: `month`, `interest`, `principal`, `service` (both) and `balance` after it."""
        rate, months = self.annual_interest_rate / YEAR, np.arange(1, self.term_months + 1)
        if self.repayment == "bullet":
            balance = np.where(months < self.term_months, amount, 0.0)
        elif self.repayment == "equal_principal" or rate == 0:
            balance = amount * (1 - months / self.term_months)
        else:
            # what an annuity leaves after each payment: the value of those to come
            balance = amount * np.expm1((months - self.term_months) * np.log1p(rate))
            balance = balance / np.expm1(-self.term_months * np.log1p(rate)) + 0.0
        before = np.append(amount, balance[:-1])
        frame = pd.DataFrame({"month": months, "interest": rate * before, "principal": before - balance})
        return frame.assign(service=frame["interest"] + frame["principal"], balance=balance)

    def cash(self, revenue: np.ndarray) -> np.ndarray:
        """What is left of revenue (months in the last axis) to serve debt from."""
        return self.margin * np.asarray(revenue) - self.fixed_costs_a_year / YEAR

    def by_year(self, monthly) -> np.ndarray:
        """Sums over the years of the loan, the last of which may be shorter; months, and years, in the last axis."""
        return np.add.reduceat(np.asarray(monthly, dtype=float), np.arange(0, self.term_months, YEAR), axis=-1)

    def cover(self, revenue: np.ndarray, amount: float) -> np.ndarray:
        """Cash over debt service in each year (in the last axis): 1 is just enough; infinite where none is due."""
        cash, service = self.by_year(self.cash(revenue)), self.by_year(self.schedule(amount)["service"])
        return np.divide(cash, service, out=np.full_like(cash, np.inf), where=service > 0)

    def life_cover(self, revenue: np.ndarray, amount: float) -> np.ndarray:
        """Cash over the term, discounted at the loan's rate, over the amount: 1 is just enough."""
        months = np.arange(1, self.term_months + 1)
        return self.cash(revenue) @ (1 + self.annual_interest_rate / YEAR) ** -months / amount

    def largest(self, revenue: np.ndarray) -> np.ndarray:
        """The largest amount for which cover keeps the covenant in every year, 0 where there is none."""
        # debt service is in proportion to the amount
        return np.maximum(self.cover(revenue, 1.0).min(axis=-1) / self.covenant, 0.0)
