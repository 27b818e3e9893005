"""Whom to reach: for a randomised programme, customers ranked by how much it is expected to gain with each.

The ranking is made in `crmlab.uplift.ranking`, by models that have not seen the customer. The Qini curve adds up the
scores from the customer ranked first; the Qini coefficient is the area between it and the straight line of a ranking by
chance, per customer and month.

References
----------
Radcliffe (2007), Using control groups to target on predicted lift, Direct Marketing Analytics Journal, 14-21.
Yadlowsky, Fleming, Shah, Brunskill and Wager (2025), Evaluating treatment prioritization rules via rank-weighted
average treatment effects, JASA 120, 38-51.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.intervals import Estimate, from_standard_error
from crmlab.messages import N_, _, sentences
from crmlab.uplift.ranking import FOLDS, arms, cross_fitted, levels_of

_GROUPS = 5


@dataclass(frozen=True, eq=False)
class Targeting:
    """A ranking of customers by what the programme is expected to gain with each.

    Attributes
    ----------
    groups
        Fifths of the customers, the most promising first: `group`, `customers`, `expected` and `effect` per customer
        and month in currency (what the models say, and what was found in customers they had not seen).
    curve
        The Qini curve: `share` of customers reached, `gain` with `low` and `high`, and `by_chance`; per customer of all
        and month.
    qini
        Qini coefficient, in currency per customer and month: 0 for a ranking by chance, more is better.
    chosen_share
        Share of customers whose expected gain over the horizon is above the cost of reaching them.
    difference
        What reaching them rather than everybody returns, in currency per customer of all over the horizon, less the
        cost of reaching; above zero, targeting returns more.
    horizon_months, cost
        Over how many months a gain counts, and the cost of reaching a customer, in the currency `unit`.
    customers
        `customer_id`, `expected_uplift` per month in currency and `uplift_rank` (a share; 0 is the most promising).
    """

    formats: ClassVar[dict[str, str]] = {"customers": "integer", "expected": "money"}
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Customers, the most promising first"),
        "expected": N_("Effect expected"),
        "effect": N_("Effect found per customer and month"),
    }

    groups: pd.DataFrame
    curve: pd.DataFrame
    qini: Estimate
    chosen_share: float
    difference: Estimate
    horizon_months: int
    cost: float
    customers: pd.DataFrame
    unit: str

    def table(self) -> pd.DataFrame:
        """One row per fifth of the customers, the most promising first: effect expected and found."""
        return self.groups.assign(group=[_fifth(place) for place in self.groups["group"]])

    def customer_list(self) -> pd.DataFrame:
        """One row per customer who was there at the first start: `expected_uplift` per month and `uplift_rank`."""
        return self.customers

    def summary(self) -> str:
        """Whether who gains most can be told in advance, and what targeting would return over the horizon."""
        sure = self.qini.low > 0
        message = _("Who gains most can be told in advance: the Qini coefficient is {qini} {evidence}.")
        if not sure:
            message = _("Who gains most cannot be told in advance: the Qini coefficient is {qini} {evidence}.")
        told = message.format(qini=self.qini.text(), evidence=self.qini.evidence())
        return sentences(told, self._return())

    def _return(self) -> str:
        words = {
            "share": language.quantity(self.chosen_share, "share", digits=0),
            "months": language.number(self.horizon_months),
            "difference": self.difference.text(),
            "evidence": self.difference.evidence(),
            "cost": language.quantity(self.cost, self.unit),
        }
        if self.chosen_share >= 0.995:
            message = _("At a cost of {cost} each, it should pay with nearly every customer over {months} months.")
        elif self.difference.low > 0:
            message = _(
                "At a cost of {cost} each, reaching the {share} of customers with whom it should pay returns "
                "{difference} more per customer over {months} months than reaching everybody {evidence}."
            )
        elif self.difference.high < 0:
            message = _(
                "At a cost of {cost} each, reaching only the {share} of customers with whom it should pay returns less "
                "than reaching everybody: {difference} per customer over {months} months {evidence}."
            )
        else:
            message = _(
                "At a cost of {cost} each, whether reaching only the {share} of customers with whom it should pay "
                "returns more than reaching everybody cannot be told: {difference} per customer over {months} months "
                "{evidence}."
            )
        return message.format(**words)


def _fifth(place: int) -> str:
    names = (_("first fifth"), _("second fifth"), _("third fifth"), _("fourth fifth"), _("last fifth"))
    return names[place]


def targeting(
    panel,
    profiles: pd.DataFrame | None = None,
    *,
    assignment: str,
    features: tuple[str, ...] = (),
    outcome: str = "margin",
    unit: str = "",
    horizon_months: int = 12,
    cost: float | None = None,
    confidence_level: float = 0.95,
    seed: int = 0,
) -> Targeting:
    """Customers ranked by the effect to be expected, and what targeting by it would return.

    Parameters
    ----------
    panel
        What `crmlab.aggregate.exposure_months` gives.
    profiles, features
        Frame with `customer_id`, and its columns of names that the models see beside past months.
    assignment
        Must be `random`: without it, a ranking would show who was chosen, not who gains.
    horizon_months
        Over how many months a customer's gain is held against the cost of reaching it.
    cost
        Of reaching a customer, in currency; None: the mean of those reached, as the data say, else nothing.
    outcome, unit, confidence_level
        `margin` or `revenue`, its currency (ISO 4217), and level of the intervals.
    seed
        By which customers are dealt to the five parts; the same gives the same ranking.

    Raises
    ------
    FitError
        If `assignment` is not `random`, fewer than 100 customers were reached, or were not, or `profiles` lacks a
        feature.
    """
    if assignment != "random":
        raise FitError("who gains most can be told only where chance decided whom the programme reached")
    seen, treated, y, x = arms(panel, outcome)
    if profiles is not None and features:
        x = np.hstack([x, levels_of(panel.customers["customer_id"][seen], profiles, features)])
    rng = np.random.default_rng(seed)
    fold = np.empty(len(y), dtype=int)
    for arm in (True, False):
        members = rng.permutation(np.flatnonzero(treated == arm))
        fold[members] = np.arange(len(members)) % FOLDS
    expected, score = cross_fitted(x, y, treated, fold)
    # ranks of each fold by itself: its model is not that of the others
    rank = np.empty(len(y))
    for each in range(FOLDS):
        inside = np.flatnonzero(fold == each)
        order = np.argsort(-expected[inside], kind="stable")
        rank[inside[order]] = (np.arange(len(inside)) + 0.5) / len(inside)
    cost = _cost(panel) if cost is None else float(cost)
    options: dict[str, Any] = {"unit": unit, "n": len(y), "confidence_level": confidence_level}
    gain = score * horizon_months - cost
    chosen = expected * horizon_months > cost
    ids = panel.customers["customer_id"].to_numpy()[seen]
    customers = pd.DataFrame({"customer_id": ids, "expected_uplift": expected.round(2), "uplift_rank": rank.round(4)})
    return Targeting(
        groups=_groups(expected, score, rank, options),
        curve=_curve(score, rank, confidence_level),
        qini=_mean(score * (0.5 - rank), label=_("Qini coefficient, per customer and month"), **options),
        chosen_share=float(chosen.mean()),
        difference=_mean(np.where(chosen, 0.0, -gain), label=_("return of targeting against reaching all"), **options),
        horizon_months=horizon_months,
        cost=cost,
        customers=customers,
        unit=unit,
    )


def _mean(values: np.ndarray, *, label: str, unit: str, n: int, confidence_level: float) -> Estimate:
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    return from_standard_error(
        float(values.mean()), error, unit=unit, n=n, label=label, confidence_level=confidence_level
    )


def _groups(expected, score, rank, options: dict) -> pd.DataFrame:
    place = np.minimum((rank * _GROUPS).astype(int), _GROUPS - 1)
    rows = []
    for each in range(_GROUPS):
        inside = place == each
        found = _mean(score[inside], label=_("effect per customer and month"), **options | {"n": int(inside.sum())})
        rows.append((each, int(inside.sum()), float(expected[inside].mean()), found))
    return pd.DataFrame(rows, columns=["group", "customers", "expected", "effect"])


def _curve(score: np.ndarray, rank: np.ndarray, level: float) -> pd.DataFrame:
    from scipy import stats

    z, rows, total = stats.norm.ppf(0.5 + level / 2), [], float(score.mean())
    for share in np.linspace(0, 1, 21):
        reached = np.where(rank <= share, score, 0.0)
        # the distance from the straight line is what is uncertain of the ranking
        gain, error = float(reached.mean()), float((reached - share * score).std(ddof=1) / np.sqrt(len(score)))
        rows.append((share, gain, gain - z * error, gain + z * error, share * total))
    return pd.DataFrame(rows, columns=["share", "gain", "low", "high", "by_chance"])


def _cost(panel) -> float:
    if "cost" not in panel.customers:
        return 0.0
    known = panel.customers.loc[panel.customers["treated"], "cost"].astype(float).dropna()
    return float(known.mean()) if len(known) else 0.0
