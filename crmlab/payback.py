r"""What a customer won today will bring, set against what winning one costs: CLV/CAC, and months to pay back.

The value of a new customer is the first purchase, and the repeat purchases that the model expects after it:

.. math:: V(h) = m (1 - f)\, E[M] \left(1 + \sum_{k=1}^{h} \frac{E[X(k)] - E[X(k-1)]}{(1+d)^{k/12}}\right)

with `m` margin, `f` refunds, `E[M]` expected spend, `E[X(k)]` repeat purchases expected within `k` months. The first
purchase is taken to be like any other, and to come when the customer is won.

References
----------
Fader, Hardie and Lee (2005), RFM and CLV, JMR 42, 415-430.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.acquisition import AcquisitionCost
from crmlab.groups import OTHERS, group_of, named
from crmlab.intervals import Estimate, z_score
from crmlab.likelihood import FitError, draw_params, prediction_bounds
from crmlab.messages import N_, _, sentences
from crmlab.model_choice import fit_purchase_model
from crmlab.purchases import UNITS_PER_MONTH, PurchaseModel
from crmlab.spend import SpendModel, fit_gamma_gamma

# customers of a channel below which it has no value of its own
_FEWEST = 100
# how far ahead a payback is looked for
MOST_MONTHS = 120
# how the table of `payback_by_channel` is headed
CHANNEL_LABELS = {
    "group": N_("Channel"),
    "cac": N_("Cost per customer won"),
    "value": N_("Value of a new customer"),
    "clv_to_cac": N_("Value over cost"),
    "months": N_("Months to pay back"),
}
_BEYOND = N_("not paid back within 120 months, or not in all of the draws")


@dataclass(frozen=True, eq=False)
class Payback:
    """Value of a new customer against the cost of winning one.

    Attributes
    ----------
    value
        Of a new customer over the horizon: margin in the currency of `spend`, net of refunds, discounted to today.
    clv_to_cac
        That value over the cost; above 1 winning customers pays.
    months
        Until the customer's value has paid the cost back, fewer are better; None where it does not within 120
        (`MOST_MONTHS`).
    curve
        By month from 0 to 120: `month`, `value`, `low`, `high` of what a new customer has brought by then.
    cac
        The cost it is set against.
    """

    value: Estimate
    clv_to_cac: Estimate
    months: Estimate | None
    curve: pd.DataFrame
    cac: Estimate
    horizon_months: int

    def table(self) -> pd.DataFrame:
        """One row per measure."""
        known = [each for each in (self.value, self.cac, self.clv_to_cac, self.months) if each is not None]
        return pd.DataFrame({"measure": [each.label for each in known], "estimate": known})

    def summary(self) -> str:
        """Whether a new customer pays over the horizon, and after how many months."""
        horizon = language.quantity(self.horizon_months, "months")
        low, high = self.clv_to_cac.low, self.clv_to_cac.high
        message = _("Over {horizon} a new customer may or may not pay: {ratio} times the cost {evidence}.")
        if (self.clv_to_cac.value if low is None else low) > 1:
            message = _("Over {horizon} a new customer brings {ratio} times what winning one costs {evidence}.")
        elif (self.clv_to_cac.value if high is None else high) < 1:
            message = _("Over {horizon} a new customer does not pay: {ratio} times the cost {evidence}.")
        ratio = message.format(
            horizon=horizon,
            ratio=language.number(self.clv_to_cac.value, 2),
            evidence=replace(self.clv_to_cac, unit="").evidence(),
        )
        if self.months is None:
            back = _("The cost is not paid back within {months}.").format(
                months=language.quantity(MOST_MONTHS, "months")
            )
        elif self.months.value == 0:
            back = _("The first purchase pays the cost back.")
        else:
            back = _("The cost is paid back after {months} {evidence}.").format(
                months=self.months.text(), evidence=self.months.evidence()
            )
        return sentences(ratio, back)


def payback(
    cac: Estimate,
    purchases: PurchaseModel,
    spend: SpendModel,
    *,
    margin: Estimate,
    horizon_months: int = 36,
    annual_discount_rate: float = 0.1,
    refund_rate: float = 0.0,
    draws: int = 200,
    seed: int = 0,
    confidence_level: float = 0.95,
) -> Payback:
    """Value of a new customer over the horizon, CLV/CAC and months to pay back, with intervals.

    Parameters
    ----------
    cac
        Cost of winning a customer, above zero: `acquisition_cost(...).total`, or that of a channel.
    margin
        Share of revenue that is kept, as `deductions.margin_share` gives it.
    draws
        Of the models' parameters, the margin and the cost, independently of one another.
    purchases, spend
        As `clv.fit_bg_nbd` or its kin, and `clv.fit_gamma_gamma`, fit them.
    horizon_months, annual_discount_rate, refund_rate
        As of `clv.customer_lifetime_value`; at most 120 months.

    Raises
    ------
    FitError
        If the cost of winning a customer is not known, or not above zero.
    ValueError
        If `horizon_months` is no whole number from 1 to 120, or `draws` are too few for the `confidence_level`.
    """
    if cac is None or not cac.value > 0:
        raise FitError("the cost of winning a customer cannot be told, or is zero")
    if horizon_months != int(horizon_months) or not 1 <= horizon_months <= MOST_MONTHS:
        raise ValueError(f"`horizon_months` must be a whole number from 1 to {MOST_MONTHS}, got {horizon_months}")
    rng = np.random.default_rng(seed)
    months = np.arange(MOST_MONTHS + 1)
    discount = (1 + annual_discount_rate) ** (-months / 12)

    def reached(model: PurchaseModel, mean_spend: float) -> np.ndarray:
        bought = np.asarray(model.expected_purchases(months * UNITS_PER_MONTH[model.time_unit]), dtype=float)
        return mean_spend * (1 - refund_rate) * np.cumsum(discount * np.diff(bought, prepend=-1.0))

    curve = margin.value * reached(purchases, _mean_spend(spend.params.values()))
    futures = np.array(
        [
            reached(replace(purchases, params=dict(zip(purchases.params, params, strict=True))), _mean_spend(of_spend))
            for params, of_spend in zip(_draws(purchases, draws, rng), _draws(spend, draws, rng), strict=True)
        ]
    )
    futures *= np.clip(_normal(margin, draws, rng), 1e-9, None)[:, None]
    costs = cac.value * np.exp(_normal_log(cac, draws, rng))
    low, high = prediction_bounds(futures, confidence_level)
    low, high = np.minimum(low, curve), np.maximum(high, curve)
    shown: dict[str, Any] = {"n": purchases.n, "confidence_level": confidence_level}
    at = int(horizon_months)
    horizon = language.quantity(at, "months")
    ratio = curve[at] / cac.value
    ratios = prediction_bounds(futures[:, at] / costs, confidence_level)
    return Payback(
        Estimate(
            float(curve[at]), float(low[at]), float(high[at]), spend.currency,
            label=_("value of a new customer over {horizon}").format(horizon=horizon), **shown,
        ),
        Estimate(
            float(ratio), float(min(ratios[0], ratio)), float(max(ratios[1], ratio)), "ratio",
            label=_("value of a new customer over {horizon} to the cost of winning one").format(horizon=horizon),
            **shown,
        ),
        _months(curve, cac.value, futures, costs, shown),
        pd.DataFrame({"month": months, "value": curve, "low": low, "high": high}),
        cac,
        at,
    )  # fmt: skip


def payback_by_channel(
    cost: AcquisitionCost,
    customers: pd.DataFrame,
    profiles: pd.DataFrame,
    purchases: PurchaseModel,
    spend: SpendModel,
    *,
    confidence_level: float = 0.95,
    **terms,
) -> pd.DataFrame:
    """CLV/CAC and months to pay back of each channel, its value from models fitted to its own customers.

    Parameters
    ----------
    customers, profiles
        One row per customer: what the models are fitted to, and the `channel` that won them.
    purchases, spend
        Fitted to all customers: their kind, time unit and currency are taken.
    terms
        As `payback` takes them.

    Returns
    -------
    DataFrame
        One row per channel, as in `cost`: `group`, `customers`, `cac`, `value`, `clv_to_cac`, `months` (estimates, None
        of fewer than 100 customers or such as the models cannot be fitted to).
    """
    channel = group_of(customers["customer_id"], profiles, by="channel")
    # those too small in either table are among the others
    channel = channel.where(channel.isin(cost.channels["group"]), OTHERS).to_numpy()
    rows = []
    for name, cac in zip(cost.channels["group"], cost.channels["cac"], strict=True):
        own = customers[channel == name]
        found = None
        if len(own) >= _FEWEST and cac is not None and cac.value > 0:
            try:
                models = (
                    fit_purchase_model(purchases.name, own, time_unit=purchases.time_unit),
                    fit_gamma_gamma(own, currency=spend.currency, confidence_level=confidence_level),
                )
            except FitError:
                models = ()
            found = payback(cac, *models, confidence_level=confidence_level, **terms) if models else None
        values = (found.value, found.clv_to_cac, found.months) if found else (None, None, None)
        rows.append((name, len(own), cac, *values))
    found = pd.DataFrame(rows, columns=["group", "customers", "cac", "value", "clv_to_cac", "months"])
    return found.assign(group=named(found["group"]))


def _months(curve, cost: float, futures: np.ndarray, costs: np.ndarray, shown: dict) -> Estimate | None:
    label = _("months until the cost of winning a customer is paid back")
    value = _crossing(curve, cost)
    if not np.isfinite(value):
        return None
    crossed = np.array([_crossing(future, each) for future, each in zip(futures, costs, strict=True)])
    low, high = prediction_bounds(crossed, shown["confidence_level"])
    if not np.isfinite(high):
        return Estimate(value, None, None, "months", label=label, no_interval=_BEYOND, **shown)
    return Estimate(value, min(float(low), value), max(float(high), value), "months", label=label, **shown)


def _crossing(curve: np.ndarray, cost: float) -> float:
    """Months until the curve reaches the cost, linear within a month; infinite if it does not."""
    after = int(np.searchsorted(curve, cost))
    if after == 0:
        return 0.0
    if after == len(curve):
        return float("inf")
    return after - 1 + float((cost - curve[after - 1]) / (curve[after] - curve[after - 1]))


def _mean_spend(params) -> float:
    p, q, v = params
    return p * v / max(q - 1, 1e-9)


def _draws(model: PurchaseModel | SpendModel, draws: int, rng: np.random.Generator) -> np.ndarray:
    return draw_params(list(model.params.values()), model.covariance, draws=draws, rng=rng)


def _normal(estimate: Estimate, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of an estimate from a normal distribution as wide as its interval; the value itself without one."""
    if estimate.low is None:
        return np.full(draws, estimate.value)
    error = (estimate.high - estimate.low) / (2 * z_score(estimate.confidence_level))
    return estimate.value + error * rng.standard_normal(draws)


def _normal_log(estimate: Estimate, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of the logarithm of an estimate, relative to its value."""
    if estimate.low is None or estimate.low <= 0:
        return np.zeros(draws)
    error = np.log(estimate.high / estimate.low) / (2 * z_score(estimate.confidence_level))
    return error * rng.standard_normal(draws)
