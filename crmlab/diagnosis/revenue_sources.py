"""What today's customers will pay, month by month: under contract and in purchases, in many simulated futures.

A contract pays the same sum at the end of every month for as long as its customer stays; a purchase pays when it
happens. In each future the parameters of the models, who leaves and when, and what is bought are drawn anew.

`churn` says how many times today's chance to leave each chance becomes, 1 or more. Without contracts nobody says that
they leave: what falls then is what the customers buy from month to month, and each fall becomes so many times as large.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import tee
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab.absence import FitError
from crmlab.churn.staying import Durations, checked, hazard_of, lasting
from crmlab.messages import _
from crmlab.purchase_futures import Future
from crmlab.purchases import UNITS_PER_MONTH, PurchaseModel
from crmlab.spend import SpendModel

# of more contracts than these, so many drawn by chance stand for all but the largest
_MOST = 20_000
# sums by future, month and slot (a large customer, or all the others together), for a factor on churn
Simulated = Callable[[float], np.ndarray]


@dataclass(frozen=True, eq=False)
class ContractRevenue:
    """Contracts that run.

    Attributes
    ----------
    customers
        `customer_id`, and `expected`: what each will pay over the months ahead, in the client's currency.
    by_month
        What all together will pay in each month.
    months, draws
        How far it looks ahead, 24 at least, and how many futures are simulated.
    """

    name: ClassVar[str] = "contracts"

    customers: pd.DataFrame
    months: int
    draws: int
    seed: int
    by_month: np.ndarray = field(repr=False)
    _paid: np.ndarray = field(repr=False)
    _tenure: np.ndarray = field(repr=False)
    _drawn: np.ndarray = field(repr=False)

    def simulated(self, slot: np.ndarray, slots: int) -> Simulated:
        """What comes in each future, by the slot that each customer falls in; the last holds all but the largest."""
        rng = np.random.default_rng([self.seed, 1])
        paid, kept, rest = self._paid, np.arange(len(slot)), np.flatnonzero(slot == slots - 1)
        if len(rest) > _MOST:
            some = rng.choice(rest, _MOST, replace=False)
            paid = np.where(slot == slots - 1, paid * paid[rest].sum() / paid[some].sum(), paid)
            kept = np.concatenate([np.flatnonzero(slot < slots - 1), some])
        paid, tenure, slot, width = paid[kept], self._tenure[kept], slot[kept], self.months + 1
        hazards = [hazard_of(survival) for survival in self._drawn]

        @cache
        def futures(churn: float = 1.0) -> np.ndarray:
            # the same chances at every churn, so that more of it never brings more
            rng = np.random.default_rng([self.seed, 2])
            found = np.empty((self.draws, self.months, slots))
            for place, hazard in enumerate(hazards):
                # in logarithms, where a month that takes all leaves what stood before it as it is
                curve = np.append(0.0, -np.log1p(-np.minimum(churn * hazard, 1 - 1e-12))).cumsum()
                left = np.searchsorted(curve, curve[tenure - 1] + rng.standard_exponential(len(tenure)))
                stayed = np.clip(left - tenure, 0, self.months)
                by_end = np.bincount(slot * width + stayed, paid, slots * width).reshape(slots, width)
                found[place] = by_end[:, :0:-1].cumsum(axis=1)[:, ::-1].T
            return found

        return futures


@dataclass(frozen=True, eq=False)
class PurchaseRevenue:
    """Customers who buy when they like; attributes as `ContractRevenue`."""

    name: ClassVar[str] = "purchases"

    customers: pd.DataFrame
    months: int
    draws: int
    seed: int
    by_month: np.ndarray = field(repr=False)
    _history: pd.DataFrame = field(repr=False)
    _purchases: PurchaseModel = field(repr=False)
    _spend: SpendModel = field(repr=False)
    _kept: float = field(repr=False)

    def simulated(self, slot: np.ndarray, slots: int) -> Simulated:
        """As `ContractRevenue.simulated`."""
        month = UNITS_PER_MONTH[self._purchases.time_unit]
        rng, shape = np.random.default_rng([self.seed, 3]), self._spend.params["p"]
        ahead, again = tee(self._purchases._futures(self.months * month, self._history, self.draws, rng))
        counts = (_counted(future, len(slot)) for future in again)
        amounts = self._spend.simulate_amounts(self._history, counts, draws=self.draws, seed=self.seed + 1)
        found = np.empty((self.draws, self.months, slots))
        for place, (future, (buyers, sums)) in enumerate(zip(ahead, amounts, strict=True)):
            who, times = _purchases(future, rng)
            parts = rng.gamma(shape, size=len(who))
            parts *= self._kept * (sums / np.maximum(np.bincount(who, parts, len(buyers)), 1e-300))[who]
            when = np.minimum(times // month, self.months - 1).astype(int)
            cells = when * slots + slot[buyers][who]
            found[place] = np.bincount(cells, parts, self.months * slots).reshape(self.months, slots)
        ends = month * np.arange(1, self.months + 2)
        each = np.diff(self._purchases.expected_totals(ends, self._history), prepend=0.0)
        fall = np.clip(1 - np.divide(each[1:], each[:-1], out=np.ones(self.months), where=each[:-1] > 0), 0, 1 - 1e-9)

        def futures(churn: float = 1.0) -> np.ndarray:
            return found * np.cumprod((1 - np.minimum(churn * fall, 1.0)) / (1 - fall))[:, None]

        return futures


def contract_revenue(
    customers: pd.DataFrame,
    model: Durations,
    *,
    months: int = 36,
    value_months: float = 12,
    period_months: int = 1,
    draws: int = 400,
    seed: int = 0,
) -> ContractRevenue:
    """What contracts that run will pay.

    Parameters
    ----------
    customers
        One row per customer with a contract: `customer_id`, `tenure_months` (1 in the first month) and `value`;
        contracts without a value count as nothing.
    model, period_months
        How many periods contracts last, and months in a period, as `churn.projection.RetentionProjection` has them.
    months
        How far to look ahead; two years at least are simulated.
    value_months
        Months that the value of a contract pays for.
    draws, seed
        How many futures are simulated, as many as of other sources; the same seed gives the same.

    Raises
    ------
    FitError
        If there is no contract with a value above 0.
    ValueError
        If `months` is not a positive integer.
    """
    tenure, ahead = checked(customers, 1.0, 0.0, _horizon(months), value_months)
    paid = customers["value"].fillna(0).to_numpy(float) / value_months
    if not (paid > 0).any():
        raise FitError(_("no contract that runs has a value"))
    periods = np.arange(tenure.max() + ahead + 1) // period_months
    survival, drawn = model.survival(periods), model.draw_survival(periods, draws=draws, seed=seed)
    ages, where = np.unique(tenure, return_inverse=True)
    stay = lasting(hazard_of(survival), ages, 1.0, ahead)
    expected = paid * stay.sum(axis=1)[where]
    each = pd.DataFrame({"customer_id": customers["customer_id"].to_numpy(), "expected": expected})
    return ContractRevenue(each, ahead, draws, seed, np.bincount(where, paid) @ stay, paid, tenure, drawn)


def purchase_revenue(
    customers: pd.DataFrame,
    purchases: PurchaseModel,
    spend: SpendModel,
    *,
    months: int = 36,
    refund_rate: float = 0.0,
    draws: int = 400,
    seed: int = 0,
) -> PurchaseRevenue:
    """What customers will buy, less refunds.

    Parameters
    ----------
    customers
        As `aggregate.customer_summary` gives them, in the time unit of `purchases`.
    refund_rate
        Share of what is bought that is paid back, 0 to 1.
    spend
        As `clv.fit_gamma_gamma` fits it.
    months
        How far to look ahead; two years at least are simulated.
    draws, seed
        How many futures are simulated, as many as of other sources; the same seed gives the same.

    Raises
    ------
    ValueError
        If `refund_rate` is not from 0 to 1, or `months` is not a positive integer.
    """
    if not 0 <= refund_rate <= 1:
        raise ValueError(f"`refund_rate` must be a share from 0 to 1, got {refund_rate}")
    ahead = _horizon(months)
    ends = UNITS_PER_MONTH[purchases.time_unit] * np.arange(1, ahead + 1)
    bought = purchases.purchases_ahead(ends, np.eye(ahead) - np.eye(ahead, k=-1), customers)[1]
    amounts = (1 - refund_rate) * spend.conditional_mean(customers)
    each = pd.DataFrame({"customer_id": customers["customer_id"].to_numpy(), "expected": bought.sum(axis=0) * amounts})
    return PurchaseRevenue(each, ahead, draws, seed, bought @ amounts, customers, purchases, spend, 1 - refund_rate)


def _horizon(months: int) -> int:
    if months != int(months) or months < 1:
        raise ValueError(f"`months` must be a positive integer, got {months}")
    # the second year beside the first says how revenue falls
    return max(int(months), 24)


def _purchases(future: Future, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Of each purchase in a future, the place of its customer among those who buy, and when it happens."""
    buys = future.bought > 0
    first, end, more, later = (each[buys] for each in (future.first, future.end, future.more, future.bought - 1))
    later = later.astype(int)
    # of `more` times spread evenly, the first ones are spread evenly up to the one after them: the first not to happen
    last = np.where(more > later, rng.beta(later + 1, np.maximum(more - later, 1)), 1.0)
    who = np.repeat(np.arange(len(later)), later)
    times = first[who] + rng.random(len(who)) * ((end - first) * last)[who]
    return np.concatenate([np.arange(len(later)), who]), np.concatenate([first, times])


def _counted(future: Future, customers: int) -> np.ndarray:
    bought = np.zeros(customers)
    bought[future.buyers] = future.bought
    return bought
