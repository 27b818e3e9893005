r"""What keeping customers is worth: value gained with each point of retention.

Under contract, with the chance `h(n)` to leave in the n-th month of a contract, a customer in that month who pays `v` a
month is worth over the horizon `H`

.. math:: V(c) = m v \sum_{k=1}^{H} \frac{\prod_{j=0}^{k-1} (1 - c\,h(n + j))}{(1 + d)^{k / 12}}

at c = 1: paid at the end of each month by who is still there. Better retention is a chance to leave that is smaller by
the same factor `c` in every period, so that the share of today's customers still there in a year rises by the points
asked for. Without contracts, the spend that the purchase model expects is scaled; see `crmlab.scenarios`.

References
----------
Fader and Hardie (2010), Customer-base valuation in a contractual setting, Marketing Science 29(1), 85-93.
Gupta, Lehmann and Stuart (2004), Valuing customers, Journal of Marketing Research 41(1), 7-18.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.churn.staying import YEAR, Durations, checked, discounts, factor_for, hazard_of, lasting
from crmlab.clv import LifetimeValue
from crmlab.intervals import Estimate
from crmlab.likelihood import draw_params, prediction
from crmlab.messages import N_, _, sentences
from crmlab.purchases import PurchaseModel
from crmlab.scenarios import value_scenarios

# percentage points by which the retention of a year is moved; those that would take it to 0 or 1 are left out
POINTS = (-5, -3, -1, 1, 3, 5)
# customers by whom the draws of a purchase model are weighed: more change the interval little, and cost time
_SAMPLE = 2_000


@dataclass(frozen=True, eq=False)
class RetentionWorth:
    """What a point of retention is worth.

    Attributes
    ----------
    retention
        Under contract, share of today's customers who are expected to stay for a year; else, of what they spend a
        month, what is expected to be left in a year. 0 to 1.
    total
        What the customers are worth as it is, in money, over `horizon_months` (None: without end).
    per_point
        What they are worth more with one percentage point more.
    curve
        One row per number of points, rising, with 0 among them: `points`, `retention`, `value` and `change` (an
        estimate, None at 0).
    """

    formats: ClassVar[dict[str, str]] = {"points": "integer", "retention": "share", "value": "money"}
    labels: ClassVar[dict[str, str]] = {
        "points": N_("Points of retention"),
        "retention": N_("Retention a year"),
        "value": N_("Customer value"),
        "change": N_("Change of value"),
    }

    retention: Estimate
    total: Estimate
    per_point: Estimate
    curve: pd.DataFrame
    horizon_months: int | None
    contractual: bool

    def table(self) -> pd.DataFrame:
        """`curve`."""
        return self.curve

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them."""
        name = "value_per_retention_point" if self.contractual else "value_per_point_of_repeat_spend"
        return {name: self.per_point}

    def summary(self) -> str:
        """What is expected to stay for a year, and what one point more would be worth."""
        values = {
            "retention": self.retention.text(),
            "evidence": self.retention.evidence(),
            "gain": self.per_point.text(),
            "gain_evidence": self.per_point.evidence(),
            "share": language.quantity(self.per_point.value / self.total.value, "share"),
            "total": self.total.text(),
        }
        stay = _("Of today’s customers, {retention} {evidence} are expected to stay for a year.")
        if not self.contractual:
            stay = _("In a year, customers are expected to spend {retention} {evidence} of what they spend now.")
        gain = _(
            "One point more would be worth {gain} {gain_evidence}, {share} of the {total} that the customers are worth."
        )
        return sentences(stay.format(**values), gain.format(**values))


def contract_retention_worth(
    customers: pd.DataFrame,
    model: Durations,
    *,
    currency: str = "",
    margin: float = 1.0,
    annual_discount_rate: float = 0.1,
    horizon_months: int | None = 60,
    value_months: float = 12,
    period_months: int = 1,
    confidence_level: float = 0.95,
    draws: int = 200,
    seed: int = 0,
) -> RetentionWorth:
    """What a point of retention is worth with customers under contract; arguments as `staying.contract_values`.

    Parameters
    ----------
    draws
        Of the model's parameters, behind the intervals; values are taken as given.
    customers, model, margin, annual_discount_rate, horizon_months, value_months, period_months
        As of `staying.contract_values`.

    Raises
    ------
    FitError
        If no contract has a value, or everybody is certain to stay or to leave.
    ValueError
        If a term is out of its range, or `draws` are too few for the `confidence_level`.

    References
    ----------
    Fader and Hardie (2010), Customer-base valuation in a contractual setting, Marketing Science 29(1), 85-93.
    """
    known = customers[customers["value"].notna()] if "value" in customers else customers.head(0)
    if not (known["value"] > 0).any() if "value" in known else True:
        raise FitError("the worth of retention needs running contracts with a value, there are none")
    tenure, months = checked(known, margin, annual_discount_rate, horizon_months, value_months)
    ages, where = np.unique(tenure, return_inverse=True)
    heads = np.bincount(where) / len(known)
    paid = margin * np.bincount(where, known["value"]) / value_months
    periods = np.arange(ages.max() + max(months, YEAR) + 1) // period_months
    weights = discounts(annual_discount_rate, months)

    def staying(hazard, factor: float) -> float:
        return float(heads @ lasting(hazard, ages, factor, YEAR)[:, -1])

    def worth(hazard, factor: float) -> float:
        return float(paid @ (lasting(hazard, ages, factor, months) @ weights))

    def changes(survival) -> tuple[float, float, np.ndarray]:
        """Retention, value, and change of value by points; empty where retention cannot move so far."""
        hazard = hazard_of(survival)
        stay, base = staying(hazard, 1.0), worth(hazard, 1.0)
        moved = [worth(hazard, factor) - base if factor is not None else np.nan
                 for factor in (factor_for(hazard, stay + by / 100, staying) for by in POINTS)]  # fmt: skip
        return stay, base, np.array(moved)

    stay, base, moved = changes(model.survival(periods))
    if not 0 < stay < 1 or not np.isfinite(moved[POINTS.index(1)]):
        raise FitError("the worth of retention needs customers of whom some are expected to leave and some to stay")
    drawn = [changes(survival) for survival in model.draw_survival(periods, draws=draws, seed=seed)]
    shown = {"unit": currency, "n": len(known), "confidence_level": confidence_level}
    label = _("value gained with one point of retention")
    rows = {by: _drawn(value, [each[2][place] for each in drawn], shown | {"label": label})
            for place, (by, value) in enumerate(zip(POINTS, moved, strict=True)) if np.isfinite(value)}  # fmt: skip
    retention = {"unit": "share", "label": _("customers expected to stay for a year")}
    total = {"label": _("value of the customers under contract")}
    return RetentionWorth(
        _drawn(stay, [each[0] for each in drawn], shown | retention),
        _drawn(base, [each[1] for each in drawn], shown | total),
        rows[1],
        _curve(rows, stay, base),
        horizon_months,
        True,
    )


def purchase_retention_worth(
    worth: LifetimeValue,
    purchases: PurchaseModel,
    customers: pd.DataFrame,
    *,
    draws: int = 100,
    seed: int = 0,
) -> RetentionWorth:
    """What a point of retention is worth with customers who leave without saying so.

    Retention is what is left in a year of the spend of a month, as the purchase model expects it. The interval of a
    change is that of the lifetime value in proportion, wider by how uncertain the model leaves the proportion.

    Parameters
    ----------
    worth, purchases, customers
        What `clv.customer_lifetime_value` gave and was given.
    draws
        Of the model's parameters, behind the intervals.

    Raises
    ------
    FitError
        If customers are not expected to spend less as time goes by, or to bring anything.
    ValueError
        If `draws` are too few for the level of the lifetime value's interval.
    """
    cases = {f"{by:+g}": {"retention": by / 100} for by in POINTS}
    found = value_scenarios(worth, purchases, customers, moves={}, cases=cases)
    stay, base = found.terms.retention, found.base
    sample = np.random.default_rng(seed).permutation(len(customers))[:_SAMPLE]
    part = replace(worth, customers=worth.customers.iloc[sample])
    gained, kept = [], []
    for params in draw_params(
        list(purchases.params.values()), purchases.covariance, draws=draws, rng=np.random.default_rng(seed)
    ):
        drawn = replace(purchases, params=dict(zip(purchases.params, params, strict=True)))
        moved = value_scenarios(part, drawn, customers.iloc[sample], moves={}, cases=cases)
        kept.append(moved.terms.retention)
        gained.append([float(moved.cases.set_index("scenario")["change"][name]) for name in cases])
    shares = found.cases.set_index("scenario")["change"]
    label = _("value gained with one point of retention")
    rows = {
        by: _in_proportion(base, float(shares[name]), np.array(gained)[:, place], label)
        for place, (by, name) in enumerate(zip(POINTS, cases, strict=True))
        if 0 < stay + by / 100 < 1
    }
    if 1 not in rows:
        raise FitError("the worth of retention needs customers who are expected to spend less as time goes by")
    shown = {"unit": "share", "n": base.n, "label": _("spend of a month that is left in a year")}
    return RetentionWorth(
        _drawn(stay, kept, shown | {"confidence_level": base.confidence_level}),
        base,
        rows[1],
        _curve(rows, stay, base.value),
        worth.horizon_months,
        False,
    )


def _drawn(value: float, drawn, shown: dict) -> Estimate:
    """With the interval of what the draws say; those that could not tell are left out."""
    told = np.asarray(drawn, dtype=float)
    return prediction(value, told[np.isfinite(told)], **shown)


def _in_proportion(base: Estimate, share: float, drawn: np.ndarray, label: str) -> Estimate:
    """A share of a value, of which both are uncertain, independently and in proportion."""
    value = base.value * share
    # on the log scale uncertainties add up, each side by itself
    tail = (1 - base.confidence_level) / 2
    spread = np.log(np.quantile(np.abs(drawn), [tail, 1 - tail]) / abs(share))
    below, above = np.log(max(base.low, 1e-9 * base.value) / base.value), np.log(base.high / base.value)
    down, up = -np.hypot(min(spread[0], 0.0), below), np.hypot(max(spread[1], 0.0), above)
    ends = sorted((value * float(np.exp(down)), value * float(np.exp(up))))
    return replace(base, value=value, low=min(ends[0], value), high=max(ends[1], value), label=label)


def _curve(rows: dict[int, Estimate], stay: float, base: float) -> pd.DataFrame:
    """One row per number of points, and one for things as they are."""
    every = rows | {0: None}
    return pd.DataFrame(
        [
            {"points": by, "retention": stay + by / 100, "value": base + (every[by].value if by else 0.0)}
            | {"change": every[by]}
            for by in sorted(every)
        ]
    )
