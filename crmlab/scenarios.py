r"""What lifetime value would be if customers stayed, paid, earned or were discounted otherwise: 情景模拟.

The purchases expected in each month are computed once for all customers; a scenario then weighs twelve or so numbers:

.. math:: V = m' \sum_{k=1}^{h} \frac{v_k}{(1 + d')^{k/12}}
              \left(\frac{r'}{r}\right)^{k/12} (1 - q')^{k/12}

with :math:`v_k` the spend expected in month `k`, net of refunds; `m` margin, `d` discount rate and `q` default rate
(each a year), `r` annual retention. `r` is the model's own: spend expected in month 13 over that in month 1. A customer
who defaults is taken to buy no more; what is lost of the money outstanding is another matter (expected credit loss).

The interval of a scenario is that of the base, in proportion: it holds what the customers will have brought if the
scenario comes true, and says nothing of whether it will.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.clv import LifetimeValue
from crmlab.intervals import Estimate
from crmlab.likelihood import FitError
from crmlab.messages import N_, _, sentences
from crmlab.purchases import UNITS_PER_MONTH, PurchaseModel

# moves in points a year, each way
MOVES = {"retention": 0.05, "margin": 0.03, "discount_rate": 0.02, "default_rate": 0.02}
# by parameter: its name, and the scenarios in which it is lower and higher
PARAMETERS = {
    "retention": (N_("Retention"), N_("Retention lower"), N_("Retention higher")),
    "margin": (N_("Margin"), N_("Margin lower"), N_("Margin higher")),
    "discount_rate": (N_("Discount rate"), N_("Discount rate lower"), N_("Discount rate higher")),
    "default_rate": (N_("Default rate"), N_("Default rate lower"), N_("Default rate higher")),
}
_COSTS = ("discount_rate", "default_rate")
BASE, WORSE, BETTER = N_("As expected"), N_("All for the worse"), N_("All for the better")
_OWN = (BASE, WORSE, BETTER, *(name for names in PARAMETERS.values() for name in names))
_YEAR = 13  # months that tell the retention of a year


@dataclass(frozen=True)
class Terms:
    """What a scenario is made of, each a fraction a year (margin: of revenue).

    Attributes
    ----------
    retention
        Spend expected of the customers in month 13, as a fraction of that in month 1.
    discount_rate
        A sum that comes a year later counts as 1 / (1 + rate) of it.
    default_rate
        Fraction of customers who default within a year, and buy no more.
    """

    retention: float
    margin: float
    discount_rate: float
    default_rate: float

    def moved(self, moves: Mapping[str, float]) -> "Terms":
        """These terms, moved by `moves` (0.05 is five points up) and held between 0 and 1.

        Raises
        ------
        ValueError
            If one of them is no term.
        """
        unknown = sorted(set(moves) - set(PARAMETERS))
        if unknown:
            raise ValueError(f"scenarios move {', '.join(PARAMETERS)}, got {unknown[0]!r}")
        return replace(self, **{name: min(max(getattr(self, name) + by, 0.0), 1.0) for name, by in moves.items()})


@dataclass(frozen=True, eq=False)
class Scenarios:
    """Lifetime value under other terms.

    Attributes
    ----------
    base
        Lifetime value of all customers as the terms are expected to be.
    terms
        These terms.
    cases
        One row per scenario, the base first: `scenario`, the four terms, `value` (estimate) and `change` against the
        base, as a fraction of it.
    tornado
        One row per parameter, the widest first: `parameter`, `from_term` and `to_term`, `from_value` and `to_value`
        that go with them, and `width` between the two values.
    """

    formats: ClassVar[dict[str, str]] = dict.fromkeys(("change", *PARAMETERS), "share")
    labels: ClassVar[dict[str, str]] = {"scenario": N_("Scenario"), "value": N_("Lifetime value")} | {
        "change": N_("Change")
    }
    labels |= {name: names[0] for name, names in PARAMETERS.items()}

    base: Estimate
    terms: Terms
    cases: pd.DataFrame
    tornado: pd.DataFrame
    horizon_months: int

    def table(self) -> pd.DataFrame:
        """`cases`, with the names given here in the language that is spoken."""
        shown = self.cases["scenario"].map(lambda name: _(name) if name in _OWN else name)
        return self.cases.assign(scenario=shown)

    def summary(self) -> str:
        """Which term matters most, and what lifetime value would be if all turned for the worse."""
        rows = self.cases.set_index("scenario")
        worse = rows.loc[WORSE]
        together = _(
            "If all terms turned for the worse together, the customers would bring {value} {evidence} instead of "
            "{base}: {change}."
        ).format(
            value=worse["value"].text(),
            evidence=worse["value"].evidence(),
            base=self.base.text(),
            change=language.quantity(worse["change"], "share"),
        )
        if self.tornado.empty:
            return together
        first = self.tornado.iloc[0]
        name = PARAMETERS[first["parameter"]][0]
        most = _(
            "{parameter} matters most: between {from_term} and {to_term}, value goes from {low} to {high}."
        ).format(
            parameter=_(name),
            from_term=language.quantity(first["from_term"], "share"),
            to_term=language.quantity(first["to_term"], "share"),
            low=language.quantity(first["from_value"], self.base.unit, digits=self.base.digits),
            high=language.quantity(first["to_value"], self.base.unit, digits=self.base.digits),
        )
        return sentences(most, together)


def value_scenarios(
    worth: LifetimeValue,
    purchases: PurchaseModel,
    customers: pd.DataFrame,
    *,
    moves: Mapping[str, float] = MOVES,
    annual_default_rate: float = 0.0,
    cases: Mapping[str, Mapping[str, float]] | None = None,
) -> Scenarios:
    """Lifetime value with retention, margin, discount and default rate moved singly and together.

    Parameters
    ----------
    worth, purchases, customers
        What `clv.customer_lifetime_value` gave and was given.
    moves
        By parameter (`retention`, `margin`, `discount_rate`, `default_rate`): how far it is moved each way, in points:
        0.05 takes a retention of 80% to 75% and to 85%.
    annual_default_rate
        Share of customers expected to default within a year: the base counts it.
    cases
        Further scenarios by name, each the points by which it moves some of the parameters.

    Raises
    ------
    FitError
        If the customers are expected to bring nothing.
    ValueError
        If `annual_default_rate` is not from 0 to below 1, a move is negative or of no such parameter, a case is called
        as one of the others, or `customers` are not as many as `worth` was made of.
    """
    if not 0 <= annual_default_rate < 1:
        raise ValueError(f"`annual_default_rate` must be a share from 0 to less than 1, got {annual_default_rate}")
    if any(by < 0 for by in moves.values()):
        raise ValueError(f"`moves` go both ways and are not negative, got {min(moves.values())}")
    stream = _monthly_spend(worth, purchases, customers)
    if not worth.total.value > 0:
        raise FitError("scenarios need customers who are expected to bring something; these are expected to bring none")
    retention = float(min(stream[_YEAR - 1] / stream[0], 1.0)) if stream[0] > 0 else 1.0
    own = Terms(retention, worth.margin, worth.annual_discount_rate, 0.0)
    terms = replace(own, default_rate=annual_default_rate)
    without = _value(stream, own, retention, worth.horizon_months)

    def value(of: Terms) -> float:
        return worth.total.value * _value(stream, of, retention, worth.horizon_months) / without

    base = value(terms)
    rows: dict[str, Mapping[str, float]] = {BASE: {}} | {
        names[1 + up]: {name: sign * moves[name]}
        for name, names in PARAMETERS.items()
        if name in moves
        for up, sign in ((0, -1), (1, 1))
    }
    worse = {name: by if name in _COSTS else -by for name, by in moves.items()}
    rows |= {WORSE: worse, BETTER: {name: -by for name, by in worse.items()}}
    taken = sorted(set(cases or {}) & set(rows))
    if taken:
        raise ValueError(f"`cases` must have names of their own, got {taken[0]!r}")
    rows |= cases or {}
    table = [
        {"scenario": name, **asdict(of := terms.moved(by)), "value": _scaled(worth.total, value(of))}
        | {"change": value(of) / base - 1 if base > 0 else np.nan}
        for name, by in rows.items()
    ]
    tornado = [_both_ways(name, terms, by, value) for name, by in moves.items()]
    frame = pd.DataFrame(tornado, columns=["parameter", "from_term", "to_term", "from_value", "to_value", "width"])
    frame = frame[frame["width"] > 0].sort_values("width", ascending=False, kind="stable", ignore_index=True)
    return Scenarios(_scaled(worth.total, base), terms, pd.DataFrame(table), frame, worth.horizon_months)


def _monthly_spend(worth: LifetimeValue, purchases: PurchaseModel, customers: pd.DataFrame) -> np.ndarray:
    """Spend expected in each month of all customers, net of refunds; at least thirteen months."""
    if len(worth.customers) != len(customers):
        raise ValueError(f"`customers` must be the {len(worth.customers)} of `worth`, got {len(customers)}")
    ends = np.arange(1, max(worth.horizon_months, _YEAR) + 1) * UNITS_PER_MONTH[purchases.time_unit]
    reached = purchases.conditional_expected_purchases(ends, customers)
    spent = (reached * worth.customers["expected_spend"].to_numpy()).sum(axis=1) * (1 - worth.refund_rate)
    return np.diff(spent, prepend=0.0)


def _value(stream: np.ndarray, terms: Terms, retention: float, horizon_months: int) -> float:
    years = np.arange(1, horizon_months + 1) / 12
    stay = terms.retention / retention if retention > 0 else 1.0
    weights = (stay * (1 - terms.default_rate) / (1 + terms.discount_rate)) ** years
    return terms.margin * float((stream[:horizon_months] * weights).sum())


def _scaled(total: Estimate, value: float) -> Estimate:
    factor = value / total.value
    if total.low is None:
        return replace(total, value=value)
    return replace(total, value=value, low=min(total.low * factor, value), high=max(total.high * factor, value))


def _both_ways(name: str, terms: Terms, by: float, value) -> dict:
    low, high = terms.moved({name: -by}), terms.moved({name: by})
    found = {"parameter": name, "from_term": getattr(low, name), "to_term": getattr(high, name)}
    found |= {"from_value": value(low), "to_value": value(high)}
    return found | {"width": abs(found["to_value"] - found["from_value"])}
