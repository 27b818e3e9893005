"""Customer lifetime value: purchases expected of each customer times what a purchase is expected to bring.

How often customers buy comes from `crmlab.purchases`, how much they spend from `crmlab.spend`; the fits of both are
offered here.

References
----------
Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for customer base analysis, JMR 42, 415-430.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import sampling
from crmlab.intervals import Estimate
from crmlab.language import number, quantity
from crmlab.likelihood import FitError, prediction, prediction_bounds
from crmlab.messages import N_, _
from crmlab.purchases import UNITS_PER_MONTH, PurchaseModel, fit_bg_nbd, fit_mbg_nbd, fit_pareto_nbd
from crmlab.spend import SpendModel, fit_gamma_gamma

__all__ = [
    "FitError",
    "LifetimeValue",
    "PurchaseModel",
    "SpendModel",
    "customer_lifetime_value",
    "expected_lifetime_value",
    "fit_bg_nbd",
    "fit_gamma_gamma",
    "fit_mbg_nbd",
    "fit_pareto_nbd",
]


@dataclass(frozen=True, eq=False)
class LifetimeValue:
    """What customers are expected to bring over the horizon, in the spend model's currency, discounted to today.

    Attributes
    ----------
    customers
        One row per customer: customer_id, p_alive (0 to 1), expected_purchases, expected_spend (per purchase), clv, and
        clv_low to clv_high, in which what the customer will have brought falls; these two are left out above 200,000
        customers (`crmlab.sampling.MOST`), of whom a random sample then stands for all in the simulated futures.
    groups
        One row per group of customers, if groups were given: group, customers, their share of them, clv (an Estimate)
        and its share of the total.
    total, mean
        Over all customers and per customer. The intervals hold what customers will have brought at the end, not
        only what they are expected to.
    outcomes
        What each customer brought in each simulated future, one row per future; none above 200,000 customers.
    """

    group_formats: ClassVar[dict[str, str]] = {
        "group": "text",
        "customers": "integer",
        "customer_share": "share",
        "clv": "estimate",
        "clv_share": "share",
    }
    group_labels: ClassVar[dict[str, str]] = {
        "group": N_("Group"),
        "customer_share": N_("Share of customers"),
        "clv": N_("Lifetime value"),
        "clv_share": N_("Share of lifetime value"),
    }

    customers: pd.DataFrame
    groups: pd.DataFrame
    total: Estimate
    mean: Estimate
    horizon_months: int
    annual_discount_rate: float
    margin: float
    refund_rate: float
    outcomes: np.ndarray = field(repr=False)

    def table(self) -> pd.DataFrame:
        """Customers, the most valuable first."""
        return self.customers.sort_values(["clv", "customer_id"], ascending=[False, True], ignore_index=True)

    def summary(self) -> str:
        """What customers should bring over the horizon, in all with its interval, and per customer."""
        return self._summary_message().format(
            horizon=quantity(self.horizon_months, "months"),
            n=number(len(self.customers)),
            total=self.total.text(),
            evidence=self.total.evidence(),
            rate=quantity(self.annual_discount_rate, "share"),
            mean=self.mean.text(),
        )

    def _summary_message(self) -> str:
        if self.margin == 1 and not self.refund_rate:
            return _(
                "Over the next {horizon} the {n} customers should spend {total} {evidence}, discounted at {rate} a "
                "year; that is {mean} per customer."
            )
        if self.margin == 1:
            return _(
                "Over the next {horizon} the {n} customers should spend {total} {evidence}, net of refunds and "
                "discounted at {rate} a year; that is {mean} per customer."
            )
        if not self.refund_rate:
            return _(
                "Over the next {horizon} the {n} customers should bring a margin of {total} {evidence}, discounted at "
                "{rate} a year; that is {mean} per customer."
            )
        return _(
            "Over the next {horizon} the {n} customers should bring a margin of {total} {evidence}, net of refunds and "
            "discounted at {rate} a year; that is {mean} per customer."
        )


def customer_lifetime_value(
    purchases: PurchaseModel,
    spend: SpendModel,
    customers: pd.DataFrame,
    *,
    horizon_months: int = 12,
    annual_discount_rate: float = 0.1,
    margin: float = 1.0,
    refund_rate: float = 0.0,
    groups: pd.Series | None = None,
    confidence_level: float = 0.95,
    draws: int = 200,
    seed: int = 0,
) -> LifetimeValue:
    r"""Discounted value of the purchases expected of each customer (Fader, Hardie and Lee 2005, JMR 42, 415-430).

    .. math:: CLV = \sum_{k=1}^{h} \frac{E[\text{purchases in month } k] \, E[\text{spend}] \, m (1 - f)}{(1+d)^{k/12}}

    Parameters
    ----------
    customers
        One row per customer: customer_id, frequency, recency, T (in the time unit of `purchases`), monetary_value.
    horizon_months
        How many months to look ahead; a month is 4.345 weeks, as in lifetimes.
    annual_discount_rate
        A purchase is discounted from the end of its month; 0.1 is 10% a year.
    margin
        Share of revenue that is left after the cost of what was sold, above 0 and up to 1.
    refund_rate
        Share of revenue that is paid back, 0 to 1.
    groups
        The group of each customer, in their order, such as a segment or region; empty ones count to none.
    draws
        Simulated futures behind the intervals. In each, the parameters of both models and each customer's purchases and
        amounts are drawn anew; the discount is the customer's expected one.
    spend
        As `fit_gamma_gamma` fits it.

    Raises
    ------
    ValueError
        If there are no customers, `groups` are of another number, a term is out of its range, or `draws` are too few.
    """
    terms = (horizon_months, annual_discount_rate, margin, refund_rate)
    frame, kept = _expected(purchases, spend, customers, *terms)
    month = UNITS_PER_MONTH[purchases.time_unit]
    total, n = float(frame["clv"].sum()), len(frame)
    group, names = pd.factorize(pd.Series(groups).to_numpy(), sort=True) if groups is not None else (np.full(n, -1), [])
    if len(group) != n:
        raise ValueError(f"`groups` must name the group of each of {n} customers, got {len(group)}")
    chosen = sampling.sample(n, seed)
    some = customers if len(chosen) == n else customers.iloc[chosen]
    futures = purchases.simulate_purchases(horizon_months * month, some, draws=draws, seed=seed)
    amounts = spend.simulate_amounts(some, futures, draws=draws, seed=seed + 1)
    each = np.zeros((draws, n if len(chosen) == n else 0), dtype=np.float32)
    # the first place is that of those without a group, the last that of all
    sums, apart = (np.empty((draws, len(names) + 2)) for _sign in range(2))
    of, left, half = group[chosen] + 1, kept[chosen], sampling.halves(len(chosen))
    for draw, (buyers, amount) in enumerate(amounts):
        brought = left[buyers] * amount
        for found, weight in ((sums, brought), (apart, brought * half[buyers])):
            found[draw] = np.append(np.bincount(of[buyers], weight, len(names) + 1), weight.sum())
        if each.size:
            each[draw, buyers] = brought
    if len(chosen) < n:
        sums = sampling.of_all(sums, apart, *_expected_sums(frame["clv"].to_numpy(), group, chosen, len(names)))
    of_groups, totals = sums[:, :-1], sums[:, -1]
    if each.size:
        low, high = prediction_bounds(each, confidence_level)
        frame["clv_low"], frame["clv_high"] = np.minimum(low, frame["clv"]), np.maximum(high, frame["clv"])
    horizon = quantity(horizon_months, "months")
    shown: dict[str, Any] = {"unit": spend.currency, "n": n, "confidence_level": confidence_level}
    return LifetimeValue(
        frame,
        _of_groups(frame["clv"].to_numpy(), group, names, of_groups[:, 1:], shown),
        prediction(
            total,
            totals,
            label=_("customer lifetime value over {horizon}, all customers").format(horizon=horizon),
            **shown,
        ),
        prediction(
            total / n,
            totals / n,
            label=_("customer lifetime value over {horizon}, per customer").format(horizon=horizon),
            **shown,
        ),
        horizon_months,
        annual_discount_rate,
        margin,
        refund_rate,
        each,
    )


def expected_lifetime_value(
    purchases: PurchaseModel,
    spend: SpendModel,
    customers: pd.DataFrame,
    *,
    horizon_months: int = 12,
    annual_discount_rate: float = 0.1,
    margin: float = 1.0,
    refund_rate: float = 0.0,
) -> pd.DataFrame:
    """The `customers` of `customer_lifetime_value`, arguments as there, without intervals, which take longer."""
    return _expected(purchases, spend, customers, horizon_months, annual_discount_rate, margin, refund_rate)[0]


def _expected(
    purchases, spend, customers, horizon_months, annual_discount_rate, margin, refund_rate
) -> tuple[pd.DataFrame, np.ndarray]:
    """Each customer's expected value, and what is left of a dollar, on average, of what the customer is to bring."""
    _check_terms(horizon_months, annual_discount_rate, margin, refund_rate)
    if customers.empty:
        raise ValueError("`customers` must hold at least one customer, got none")
    ends = np.arange(1, horizon_months + 1)
    discount = (1 + annual_discount_rate) ** (-ends / 12)
    # discounted monthly steps, summed by parts; the second row is the last level, undiscounted
    weights = np.stack([discount - np.append(discount[1:], 0.0), np.eye(len(ends))[-1]])
    month = UNITS_PER_MONTH[purchases.time_unit]
    p_alive, (discounted, expected) = purchases.purchases_ahead(ends * month, weights, customers)
    kept = margin * (1 - refund_rate) * np.divide(discounted, expected, out=np.ones_like(expected), where=expected > 0)
    expected_spend = spend.conditional_mean(customers)
    frame = pd.DataFrame(
        {
            "customer_id": customers["customer_id"].to_numpy(),
            "p_alive": p_alive,
            "expected_purchases": expected,
            "expected_spend": expected_spend,
            "clv": expected * expected_spend * kept,
        }
    )
    return frame, kept


def _expected_sums(clv: np.ndarray, group: np.ndarray, chosen: np.ndarray, names: int) -> tuple:
    """Of no group, each group and all: what is expected of the sample and of all customers, and the sample's share."""

    def summed(of: np.ndarray, values) -> np.ndarray:
        found = np.bincount(of + 1, values, names + 1)
        return np.append(found, found.sum())

    sizes, sampled = summed(group, None), summed(group[chosen], None)
    share = np.divide(sampled, sizes, out=np.ones(len(sizes)), where=sizes > 0)
    return summed(group[chosen], clv[chosen]), summed(group, clv), share


def _of_groups(clv: np.ndarray, group: np.ndarray, names, outcomes: np.ndarray, shown: dict) -> pd.DataFrame:
    """Value of each group, the most valuable first."""
    label = _("customer lifetime value of the group")
    sizes = np.bincount(group + 1, minlength=len(names) + 1)[1:]
    sums = np.bincount(group + 1, clv, len(names) + 1)[1:]
    rows = [
        {
            "group": name,
            "customers": int(size),
            "customer_share": size / len(clv),
            "clv": prediction(float(value), outcomes[:, place], label=label, **(shown | {"n": int(size)})),
            "clv_share": value / clv.sum() if clv.sum() > 0 else 0.0,
        }
        for place, (name, size, value) in enumerate(zip(names, sizes, sums, strict=True))
    ]
    columns = ["group", "customers", "customer_share", "clv", "clv_share"]
    found = pd.DataFrame(rows, columns=columns)
    return found.iloc[np.argsort(-sums, kind="stable")].reset_index(drop=True)


def _check_terms(horizon_months, annual_discount_rate, margin, refund_rate):
    if horizon_months != int(horizon_months) or horizon_months < 1:
        raise ValueError(f"`horizon_months` must be a positive integer, got {horizon_months}")
    if not annual_discount_rate > -1:
        raise ValueError(f"`annual_discount_rate` must be above -1, got {annual_discount_rate}")
    if not 0 < margin <= 1:
        raise ValueError(f"`margin` must be a share above 0 and up to 1, got {margin}")
    if not 0 <= refund_rate <= 1:
        raise ValueError(f"`refund_rate` must be a share from 0 to 1, got {refund_rate}")
