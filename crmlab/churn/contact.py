r"""Whom a call pays for: what calling everybody above a chance to leave brings, and the threshold that brings most.

.. math:: \Pi(t) = \sum_{i: p_i \ge t} (s \, y_i V_i - c)

with the chance `p` that a model foretold before the outcome, `y` whether the customer then left, `V` the customer's
value, `c` the cost of a contact and `s` the save rate: the share of those who would leave that a call keeps. Cost and
save rate are assumptions, which a randomised campaign can measure.

The threshold that was best on some customers looks better on them than it will be on others. Each fold's threshold is
therefore chosen on the other folds, and the profit counted on customers who had no part in the choice.

References
----------
Verbeke, Dejaeger, Martens, Hur and Baesens (2012), New insights into churn prediction in the telecommunication sector:
a profit driven data mining approach, European Journal of Operational Research 218, 211-229.
"""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, sentences
from crmlab.ratios import ratio_of_sums

FOLDS = 5
_POINTS = 200
_NOBODY = N_("nobody is called")
_RATES = (0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True, eq=False)
class ContactThreshold:
    """What a contact campaign by churn risk brings.

    Attributes
    ----------
    threshold
        The chance to leave, 0 to 1, from which on calling pays best; infinite if it pays for nobody.
    profit
        What the campaign brings with thresholds chosen on other customers, of all the customers it was tried on: money,
        above zero it pays.
    contacted_share, caught_share
        Of the customers, those called; of those who left, those called; fractions.
    curve
        One row per threshold, falling: `threshold`, `contacted_share`, `caught_share`, `profit`.
    sensitivity
        One row per save rate: `save_rate`, `threshold`, `contacted_share` and `profit`.
    break_even_save_rate
        The save rate below which calling pays at no threshold; infinite if nobody with a value left.
    left
        How many of the `n` customers left.
    """

    formats: ClassVar[dict[str, str]] = dict.fromkeys(("save_rate", "threshold", "contacted_share"), "share")
    labels: ClassVar[dict[str, str]] = {
        "save_rate": N_("Save rate"),
        "threshold": N_("Call from a chance of"),
        "contacted_share": N_("Customers called"),
        "profit": N_("Profit"),
    }

    threshold: float
    profit: Estimate
    contacted_share: float
    caught_share: float
    curve: pd.DataFrame
    sensitivity: pd.DataFrame
    break_even_save_rate: float
    contact_cost: float
    save_rate: float
    n: int
    left: int

    @property
    def pays(self) -> bool:
        """Whether it pays to call anybody."""
        return math.isfinite(self.threshold)

    def table(self) -> pd.DataFrame:
        """`sensitivity`; no threshold where calling pays for nobody."""
        return self.sensitivity.assign(threshold=self.sensitivity["threshold"].replace(math.inf, math.nan))

    def summary(self) -> str:
        """Whom it pays to call, what that brings, and below which save rate it pays for nobody."""
        values = {
            "cost": language.quantity(self.contact_cost, self.profit.unit),
            "rate": language.quantity(self.save_rate, "share", digits=0),
            "n": language.number(self.n),
            "threshold": language.quantity(self.threshold, "share"),
            "called": language.quantity(self.contacted_share, "share"),
            "caught": language.quantity(self.caught_share, "share"),
            "profit": self.profit.text(),
            "evidence": self.profit.evidence(),
        }
        return sentences(self._verdict(values), self._limit())

    def _verdict(self, values: dict[str, str]) -> str:
        if not self.pays:
            return _(
                "At {cost} a contact and a save rate of {rate}, calling pays at no threshold: among {n} customers "
                "tried, those who leave are too few or worth too little."
            ).format(**values)
        if self.profit.low is not None and self.profit.low <= 0:
            return _(
                "At {cost} a contact and a save rate of {rate}, it is best to call customers with a chance of "
                "{threshold} or more: {called} of all, {caught} of those who left. Whether that pays cannot be told: "
                "{profit} {evidence}, tried on customers of whom the threshold knew nothing."
            ).format(**values)
        return _(
            "At {cost} a contact and a save rate of {rate}, it pays best to call customers with a chance of "
            "{threshold} or more: {called} of all, {caught} of those who left. Tried on customers of whom the "
            "threshold knew nothing, that brings {profit} {evidence}."
        ).format(**values)

    def _limit(self) -> str:
        if not math.isfinite(self.break_even_save_rate):
            return ""
        if self.break_even_save_rate > 1:
            return _("No save rate would make it pay.")
        limit = language.quantity(self.break_even_save_rate, "share")
        return _("Below a save rate of {limit}, calling pays for nobody.").format(limit=limit)


def contact_threshold(
    foretold: pd.DataFrame,
    *,
    contact_cost: float,
    save_rate: float,
    currency: str = "",
    confidence_level: float = 0.95,
) -> ContactThreshold:
    """The chance to leave from which on a call pays, tried on what then happened.

    Parameters
    ----------
    foretold
        One row per customer and cut-off: `probability` as a model foretold it that had not seen the outcome, `left`
        (0 or 1), `value`, and where they are known `customer_id`, whose rows are one observation,
        and `fold`, within which rows stay together (a cut-off date, a fold of a cross-validation). Rows without a value
        are left out.
    contact_cost
        Of one call, 0 or more, in `currency`. An assumption.
    save_rate
        Share of those who would leave that a call keeps, above 0 and up to 1. An assumption; the sensitivity holds half
        of it, one and a half, and twice.

    Raises
    ------
    FitError
        If there is no customer with a value.
    ValueError
        If `contact_cost` or `save_rate` is out of its range, or `foretold` lacks a column, has a probability that is
        not from 0 to 1, or holds anything but 0 and 1 in `left`.

    References
    ----------
    Verbeke, Dejaeger, Martens, Hur and Baesens (2012), New insights into churn prediction in the telecommunication
    sector: a profit driven data mining approach, European Journal of Operational Research 218, 211-229.
    """
    if not contact_cost >= 0:
        raise ValueError(f"`contact_cost` must be 0 or more, got {contact_cost}")
    if not 0 < save_rate <= 1:
        raise ValueError(f"`save_rate` must be a share above 0 and up to 1, got {save_rate}")
    frame = _tried(foretold)
    shown = {"unit": currency, "confidence_level": confidence_level}
    rates = sorted({min(times * save_rate, 1.0) for times in _RATES})
    found = [_at_rate(frame, contact_cost, rate, shown) for rate in rates]
    own = next(row for row in found if row["save_rate"] == save_rate)
    order = np.argsort(-frame["probability"].to_numpy(), kind="stable")
    left, worth = frame["left"].to_numpy()[order], (frame["left"] * frame["value"]).to_numpy()[order]
    chance, n = frame["probability"].to_numpy()[order], len(frame)
    curve = _curve(chance, left, save_rate * worth - contact_cost)
    called = chance >= own["threshold"]
    gained = np.cumsum(worth)
    costs = contact_cost * np.arange(1, n + 1)
    return ContactThreshold(
        own["threshold"],
        own["profit"],
        float(called.mean()),
        float(left[called].sum() / left.sum()) if left.any() else 0.0,
        curve,
        pd.DataFrame(found),
        _least_save_rate(costs, gained),
        float(contact_cost),
        float(save_rate),
        n,
        int(left.sum()),
    )


def _tried(foretold: pd.DataFrame) -> pd.DataFrame:
    """Rows that count: with chance, outcome, value, whose they are, and their fold."""
    needed = ["probability", "left", "value"]
    if missing := [name for name in needed if name not in foretold]:
        raise ValueError(f"`foretold` must have the columns {', '.join(needed)}; missing: {', '.join(missing)}")
    frame = foretold.reset_index(drop=True)
    if not (frame["probability"].between(0, 1).all() and frame["left"].isin([0, 1]).all()):
        raise ValueError("`foretold` must have probabilities from 0 to 1, and 0 or 1 in `left`")
    frame = frame[frame["value"].notna()].reset_index(drop=True)
    if frame.empty:
        raise FitError(
            "a contact threshold needs customers with a foretold chance, an outcome and a value, there are none"
        )
    own = frame["customer_id"] if "customer_id" in frame else pd.Series(frame.index)
    fold = frame.get("fold")
    if fold is None or fold.nunique() < 2:
        # every fifth customer as they come makes one
        fold = pd.Series(pd.factorize(own)[0] % FOLDS)
    kept = frame[["probability", "left", "value"]].astype(float)
    return kept.assign(value=kept["value"].clip(lower=0), whose=pd.factorize(own)[0], fold=pd.factorize(fold)[0])


def _at_rate(frame: pd.DataFrame, cost: float, rate: float, shown: dict) -> dict:
    """The best threshold at a save rate, and the profit with thresholds chosen on the other folds."""
    chance = frame["probability"].to_numpy()
    gain = (rate * frame["left"] * frame["value"] - cost).to_numpy()
    threshold = _best(chance, gain)
    folds = frame["fold"].to_numpy()
    called = np.zeros(len(frame), dtype=bool)
    for fold in np.unique(folds):
        inside = folds == fold
        # with a single customer there is nobody else to choose on
        others = ~inside if not inside.all() else inside
        called[inside] = chance[inside] >= _best(chance[others], gain[others])
    profit = _total(pd.Series(np.where(called, gain, 0.0)), pd.Series(called), frame, shown)
    share = float((chance >= threshold).mean())
    return {"save_rate": rate, "threshold": threshold, "contacted_share": share, "profit": profit}


def _best(chance: np.ndarray, gain: np.ndarray) -> float:
    """The threshold of most profit, the highest of several; infinite where none brings any."""
    order = np.argsort(-chance, kind="stable")
    chance, profit = chance[order], np.cumsum(gain[order])
    # customers with the same chance are called together
    last = np.append(chance[1:] < chance[:-1], True)
    best = int(np.argmax(np.where(last, profit, -np.inf)))
    return float(chance[best]) if profit[best] > 0 else math.inf


def _curve(chance: np.ndarray, left: np.ndarray, gain: np.ndarray) -> pd.DataFrame:
    """Profit by threshold, from nobody to everybody; customers in falling order of chance."""
    last = np.flatnonzero(np.append(chance[1:] < chance[:-1], True))
    kept = last[np.unique(np.linspace(0, len(last) - 1, min(_POINTS, len(last))).round().astype(int))]
    profit, caught, n = np.cumsum(gain), np.cumsum(left), len(chance)
    rows = pd.DataFrame(
        {
            "threshold": chance[kept],
            "contacted_share": (kept + 1) / n,
            "caught_share": caught[kept] / max(left.sum(), 1),
            "profit": profit[kept],
        }
    )
    nobody = pd.DataFrame({"threshold": [math.inf], "contacted_share": [0.0], "caught_share": [0.0], "profit": [0.0]})
    return pd.concat([nobody, rows], ignore_index=True)


def _total(gain: pd.Series, called: pd.Series, frame: pd.DataFrame, shown: dict) -> Estimate:
    """Profit over all customers, a customer being one observation whatever the number of rows."""
    label = _("profit of contacting customers at risk")
    by_customer = gain.groupby(frame["whose"].to_numpy()).sum()
    n = len(by_customer)
    if not called.any():
        level = shown["confidence_level"]
        return Estimate(0.0, None, None, shown["unit"], n, label, level, no_interval=_NOBODY)
    mean = ratio_of_sums(by_customer, np.ones(n), label=label, **shown)
    if mean.low is None:
        return replace(mean, value=n * mean.value)
    return replace(mean, value=n * mean.value, low=n * mean.low, high=n * mean.high)


def _least_save_rate(costs: np.ndarray, gained: np.ndarray) -> float:
    """Save rate from which on some threshold pays; infinite where nothing could be gained."""
    with np.errstate(over="ignore"):  # of a gain next to nothing the rate is infinite as well
        rates = costs[gained > 0] / gained[gained > 0]
    return float(rates.min()) if len(rates) else math.inf
