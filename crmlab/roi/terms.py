"""What a programme is worth if its terms were others: one set of them, or a hundred thousand at once.

A term is a number that can turn out differently:

- a category of flows: a factor on what is planned of its costs, and on all that is claimed of its benefits;
- `costs`, `benefits`: the same for all categories together;
- `effect`, on margin per customer-month, and `effect_persistence`, the share of it that is left a year later;
- `discount_rate`, a year.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from crmlab import language
from crmlab.intervals import Estimate, z_score
from crmlab.messages import N_, _
from crmlab.roi.cash_flows import Programme
from crmlab.roi.reach import ACTUAL

EFFECT, PERSISTENCE, RATE = "effect", "effect_persistence", "discount_rate"
ALL = {"cost": "costs", "benefit": "benefits"}
# what is no factor on something planned or claimed
LEVELS = (EFFECT, PERSISTENCE, RATE)
_NAMES = {
    EFFECT: N_("Effect on margin"),
    PERSISTENCE: N_("Effect left after a year"),
    RATE: N_("Discount rate"),
    "costs": N_("Sum of planned costs"),
    "benefits": N_("Sum of claimed benefits"),
}
_NUMBERS = 2_000_000  # held at once


def term_name(term: str) -> str:
    """What a term is called: those known here in the language that is spoken, the client's categories as they are."""
    return _(_NAMES[term]) if term in _NAMES else term


def told_term(term: str, value: float, unit: str) -> str:
    """The value of a term as a reader expects it: of a factor, per cent of what is planned."""
    if term == EFFECT:
        return language.quantity(value, unit)
    if term in LEVELS:
        return language.quantity(value, "share")
    return _("{share} of plan").format(share=language.quantity(value, "share", digits=0))


@dataclass(frozen=True, eq=False)
class Lines:
    """The flows of a programme in columns of days, parted by what can move them; amounts in its currency.

    Attributes
    ----------
    days
        Those with a flow, in order.
    years
        From the programme's start to each day.
    fixed
        Costs that were paid.
    movable
        By kind and category: amounts, not negative as a rule, that a factor moves.
    months, later
        Customer-months that end on each day, and years by which it is later than the as-of date.
    """

    programme: Programme
    days: np.ndarray
    years: np.ndarray
    fixed: np.ndarray
    movable: dict[tuple[str, str], np.ndarray]
    months: np.ndarray
    later: np.ndarray

    @property
    def known(self) -> tuple[str, ...]:
        """The terms that these flows have."""
        kinds = {kind for kind, _category in self.movable}
        measured = (EFFECT, PERSISTENCE) if self.programme.effect is not None else ()
        categories = dict.fromkeys(category for _kind, category in self.movable)
        return (*measured, RATE, *(ALL[kind] for kind in ALL if kind in kinds), *categories)

    def own(self, term: str) -> float:
        """What a term is as planned: the effect per customer-month, shares of the rates, 1 of factors."""
        if term == EFFECT:
            return self.programme.effect.value
        levels = {PERSISTENCE: self.programme.effect_persistence, RATE: self.programme.annual_discount_rate}
        return levels.get(term, 1.0)

    def checked(self, terms: Mapping) -> dict:
        """The terms that these flows have; those of other flows of the client are passed over, others are a mistake.

        Raises
        ------
        ValueError
            If a name is neither a term nor a category of the client's table.
        """
        unknown = [name for name in terms if name not in (*_NAMES, *self.programme.categories)]
        if unknown:
            raise ValueError(f"the programme has no term {unknown[0]!r}; it has {', '.join(self.known)}")
        return {name: value for name, value in terms.items() if name in self.known}

    def present_values(self, terms: Mapping) -> tuple[np.ndarray, np.ndarray]:
        """Present values of benefits and of costs at the programme's start; terms are numbers, or equally long arrays.

        What is not named is as planned.
        """
        terms = self.checked(terms)
        size = max((np.size(value) for value in terms.values()), default=1)
        if np.ndim(terms.get(RATE, 0.0)) == 0 and np.ndim(terms.get(PERSISTENCE, 0.0)) == 0:
            return self._present_values(terms)
        step = max(1, _NUMBERS // max(1, len(self.years)))
        blocks = [
            self._present_values({name: value[place : place + step] if np.ndim(value) else value
                                  for name, value in terms.items()})
            for place in range(0, size, step)
        ]  # fmt: skip
        benefits, costs = zip(*blocks, strict=True)
        return np.concatenate(benefits), np.concatenate(costs)

    def _present_values(self, terms: Mapping) -> tuple[np.ndarray, np.ndarray]:
        rate = np.log1p(np.asarray(terms.get(RATE, self.own(RATE)), dtype=float))
        factors = np.exp(-rate[..., None] * self.years)
        # all lines at once, which is many times faster
        present = factors @ np.column_stack([self.fixed, *self.movable.values()])
        values = {"cost": present[..., 0], "benefit": 0.0}
        for place, (kind, category) in enumerate(self.movable, start=1):
            values[kind] = values[kind] + self._factor(kind, category, terms) * present[..., place]
        if self.programme.effect is not None:
            on = self.months > 0
            left = np.exp(self._log_persistence(terms)[..., None] * self.later[on]) * factors[..., on]
            values["benefit"] = values["benefit"] + terms.get(EFFECT, self.own(EFFECT)) * (left @ self.months[on])
        benefits, costs = np.broadcast_arrays(values["benefit"], values["cost"])
        return benefits, costs

    def net_flows(self, terms: Mapping) -> np.ndarray:
        """Benefits less costs, not discounted: one row per set of terms, one column per day."""
        terms = self.checked(terms)
        net = -self.fixed[None, :]
        for (kind, category), amounts in self.movable.items():
            sign = -1.0 if kind == "cost" else 1.0
            net = net + sign * np.asarray(self._factor(kind, category, terms), dtype=float)[..., None] * amounts
        if self.programme.effect is not None:
            effect = np.asarray(terms.get(EFFECT, self.own(EFFECT)), dtype=float)
            net = net + effect[..., None] * (np.exp(self._log_persistence(terms)[..., None] * self.later) * self.months)
        return net

    def _log_persistence(self, terms: Mapping) -> np.ndarray:
        # not zero, whose logarithm times no time at all is no number
        return np.log(np.maximum(np.asarray(terms.get(PERSISTENCE, self.own(PERSISTENCE)), dtype=float), 1e-300))

    @staticmethod
    def _factor(kind: str, category: str, terms: Mapping):
        return terms.get(ALL[kind], 1.0) * terms.get(category, 1.0)


def lines_of(programme: Programme) -> Lines:
    """The flows of a programme, ready for other terms."""
    flows = programme.counted()
    days = np.unique(flows["date"].to_numpy())
    place = np.searchsorted(days, flows["date"].to_numpy())

    def column(where, values) -> np.ndarray:
        return np.bincount(place[where], weights=values[where], minlength=len(days))

    amounts = flows["amount"].to_numpy(dtype=float)
    measured = flows["measured"].to_numpy(bool)
    is_cost = (flows["kind"] == "cost").to_numpy()
    paid = is_cost & (flows["status"] == ACTUAL).to_numpy()
    movable = {}
    for kind, category in flows.loc[~paid & ~measured, ["kind", "category"]].drop_duplicates().to_numpy():
        own = ~paid & ~measured & ((flows["kind"] == kind) & (flows["category"] == category)).to_numpy()
        movable[kind, category] = column(own, amounts)
    months, later = np.zeros(len(days)), np.zeros(len(days))
    if programme.effect is not None and len(programme.reached):
        at = np.searchsorted(days, programme.reached["date"].to_numpy())
        months[at] = programme.reached["customer_months"].to_numpy(dtype=float)
        later[at] = programme.reached["years"].to_numpy(dtype=float)
    years = (days - np.datetime64(programme.start)) / np.timedelta64(1, "D") / 365
    return Lines(programme, days, years, column(paid, amounts), movable, months, later)


def standard_error(estimate: Estimate) -> float:
    """Half the interval over its normal quantile, in the unit of the estimate; zero where there is no interval."""
    if estimate.low is None:
        return 0.0
    return (estimate.high - estimate.low) / (2 * z_score(estimate.confidence_level))
