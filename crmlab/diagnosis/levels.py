r"""Customers by the levels that strategies read: value, satisfaction, risk, chance to leave, potential.

- value: high for those who together bring the first half of it, medium for those who bring the next third, low for the
  rest. Customers of equal value are of one level, the higher one.
- satisfaction: by the last answer. To the question of recommending 9 and 10 are high, 7 and 8 medium; where that was
  not answered, to the question of satisfaction the upper quarter of its scale is high, the middle and above medium.
- risk: the tier of credit risk.
- leaving: high where the odds of leaving are at least twice those of the average chance, low where at most half:

.. math:: \frac{p}{1 - p} \ge 2\,\frac{\bar p}{1 - \bar p}

- potential: high for those who are small today and large tomorrow.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language, suppression
from crmlab.groups import hidden_together, withheld
from crmlab.messages import N_, _, sentences
from crmlab.segments import required_columns

LEVELS = {
    "value": ("high", "medium", "low"),
    "satisfaction": ("high", "medium", "low"),
    "risk": ("low", "medium", "high", "default"),
    "leaving": ("low", "medium", "high"),
    "potential": ("high", "low"),
}
NUMBERS = (
    "clv", "existing_value", "potential_value", "churn_probability", "silence_probability", "default_probability",
    "exposure", "overdue_amount", "last_nps", "nps_before", "last_csat", "csat_before", "at_stake",
)  # fmt: skip
# what a rule may read of a customer
KINDS = LEVELS | {"segment": "text"} | dict.fromkeys(NUMBERS, "number")
NAMES = {
    "value": N_("Customer value"),
    "satisfaction": N_("Satisfaction"),
    "risk": N_("Risk"),
    "leaving": N_("Chance to leave"),
    "potential": N_("Potential"),
}
WORDS = {
    "value": {"high": N_("High value"), "medium": N_("Medium value"), "low": N_("Low value")},
    "satisfaction": {"high": N_("Pleased"), "medium": N_("Neutral"), "low": N_("Dissatisfied")},
    "risk": {
        "low": N_("Low risk"), "medium": N_("Medium risk"), "high": N_("High risk"), "default": N_("In default"),
    },
    "leaving": {"low": N_("Likely to stay"), "medium": N_("As likely as others"), "high": N_("Likely to leave")},
    "potential": {"high": N_("High potential"), "low": N_("No high potential")},
}  # fmt: skip
UNKNOWN = N_("Not known")
_TIMES = 2
_RESTS_ON = {
    "clv": N_("Half of the lifetime value comes from {n} of {all} customers: they are of high value."),
    "existing_value": N_(
        "Lifetime value is not known; half of what customers brought so far comes from {n} of {all}: they are of high "
        "value."
    ),
    "contract_value": N_(
        "Lifetime value is not known; half of the value of contracts comes from {n} of {all} customers: they are of "
        "high value."
    ),
    "": N_("What the customers are worth is not known, so that none is of high value."),
}


@dataclass(frozen=True, eq=False)
class CustomerLevels:
    """The levels of each customer.

    Attributes
    ----------
    customers
        `customer_id`, the columns of `LEVELS` (in English; None where it is not known), those of `NUMBERS` (NaN where
        it is not known) and `segment`, and `worth`, on which the level of value rests.
    basis
        What `worth` is: `clv`, `existing_value`, `contract_value`, or nothing.
    """

    formats: ClassVar[dict[str, str]] = {
        "what": "text", "level": "text", "customers": "integer", "customer_share": "share", "worth": "money",
        "at_stake": "money",
    }  # fmt: skip
    labels: ClassVar[dict[str, str]] = {
        "what": N_("By"),
        "level": N_("Level"),
        "customer_share": N_("Share of customers"),
        "worth": N_("Customer value"),
        "at_stake": N_("Value at stake"),
    }

    customers: pd.DataFrame
    basis: str

    def table(self) -> pd.DataFrame:
        """One row for each level that occurs, of what is known of anybody; small groups are told without figures."""
        rows, hidden = [], []
        for what, levels in LEVELS.items():
            found = self.customers[what].fillna("")
            for level in (*levels, "") if (found != "").any() else ():
                part = self.customers[found == level]
                if len(part):
                    sums = {name: part[name].sum(min_count=1) for name in ("worth", "at_stake")}
                    share = len(part) / len(self.customers)
                    counts = {"customers": len(part), "customer_share": share}
                    rows.append({"what": _(NAMES[what]), "level": word(what, level), **counts, **sums})
                    hidden.append(self._hidden[what][level])
        found = pd.DataFrame(rows, columns=list(self.formats)).dropna(axis=1, how="all")
        return suppression.without_figures(found, np.array(hidden, dtype=bool))

    @cached_property
    def _hidden(self) -> dict[str, pd.Series]:
        """By what makes the levels: which of them may not be told of."""
        return dict(zip(LEVELS, hidden_together(self.customers, [(name,) for name in LEVELS]), strict=True))

    def summary(self) -> str:
        """How many customers bring half of the value, and how many are dissatisfied of those who answered."""
        frame = self.customers
        high = int((frame["value"] == "high").sum())
        value = _(_RESTS_ON[self.basis]).format(n=language.number(high), all=language.number(len(frame)))
        if self.basis and self._hidden["value"].any():
            value = withheld([word("value", "high")])
        answered = int(frame["satisfaction"].notna().sum())
        if not answered:
            return sentences(value, _("How satisfied they are is not known."))
        if self._hidden["satisfaction"].any():
            return sentences(value, withheld([word("satisfaction", "low")]))
        low = int((frame["satisfaction"] == "low").sum())
        told = _("Dissatisfied in their last answer: {low} of {n} customers who answered ({share}).").format(
            n=language.number(answered), low=language.number(low), share=language.quantity(low / answered, "share")
        )
        return sentences(value, told)


def customer_levels(
    customers: pd.DataFrame,
    answers: pd.DataFrame | None = None,
    *,
    csat_scale: tuple[float, float] | list[float] = (1, 5),
) -> CustomerLevels:
    """The levels of each customer; what the frames do not hold is not known of anybody.

    Parameters
    ----------
    customers
        One row per customer: `customer_id` and the columns of customers.csv.
    answers
        As `aggregate.customer_answers` makes them.
    csat_scale
        The lowest and the highest answer to the question of satisfaction.

    Notes
    -----
    Where no lifetime value is known, revenue takes its place, else the value of the contract. The chance to leave is
    that of the contract, and of a customer without one that of having gone silent; each is held against its own
    average. `at_stake` adds the value at risk with those who may leave and what is open times the probability of
    default, which is 1 in default.

    Raises
    ------
    ValueError
        If a customer stands in two rows, `customer_id` is missing, or `csat_scale` does not rise.
    """
    required_columns(customers, ("customer_id",))
    if customers["customer_id"].duplicated().any():
        raise ValueError("`customers` must have one row per customer, got a customer_id twice")
    frame = customers.reset_index(drop=True)
    if answers is not None:
        asked = ["customer_id", *(name for name in answers if name in NUMBERS)]
        known = frame.drop(columns=asked[1:], errors="ignore")
        frame = known.merge(answers[asked], on="customer_id", how="left", validate="1:1")
    found = pd.DataFrame({name: _numbers(frame, name) for name in NUMBERS})
    found.insert(0, "customer_id", frame["customer_id"])
    found["segment"] = frame.get("segment")
    contract = _numbers(frame, "churn_value_at_risk") / found["churn_probability"].where(found["churn_probability"] > 0)
    worths = {"clv": found["clv"], "existing_value": found["existing_value"], "contract_value": contract}
    basis = next((name for name, worth in worths.items() if worth.notna().any()), "")
    found["worth"] = worths.get(basis, found["clv"])
    found["value"] = value_levels(found["worth"])
    found["satisfaction"] = _satisfaction(found["last_nps"], found["last_csat"], csat_scale)
    unknown = pd.Series(None, index=frame.index, dtype=object)
    tiers = frame.get("risk_tier", unknown)
    found["risk"] = tiers.astype(object).where(tiers.isin(LEVELS["risk"]), None)
    churn, silence = (leaving_levels(found[f"{name}_probability"]) for name in ("churn", "silence"))
    found["leaving"] = churn.where(churn.notna(), silence)
    potential = frame.get("high_potential", unknown)
    found["potential"] = potential.map({True: "high", False: "low"}).astype(object).where(potential.notna(), None)
    open_loss = found["exposure"] * found["default_probability"].mask(found["risk"] == "default", 1.0)
    lost = [_numbers(frame, "churn_value_at_risk"), _numbers(frame, "silence_value_at_risk"), open_loss]
    found["at_stake"] = pd.concat(lost, axis=1).sum(axis=1, min_count=1)
    return CustomerLevels(found, basis)


def value_levels(worth: pd.Series) -> pd.Series:
    """high for those who bring the first half of what all are worth, medium for the next third; None if not known."""
    value = worth.astype(float).clip(lower=0.0).fillna(0.0)
    # what those worth more bring; customers alike share it, whatever the order of rows
    by_value = value.groupby(value).sum().sort_index(ascending=False)
    above = value.map(by_value.cumsum().shift(fill_value=0.0))
    total, slack = by_value.sum(), 1 - 1e-9
    bounds = [above < slack * total / 2, above < slack * total * 5 / 6]
    levels = pd.Series(np.select(bounds, ["high", "medium"], "low"), index=worth.index, dtype=object)
    return levels.where(worth.notna(), None)


def leaving_levels(probability: pd.Series) -> pd.Series:
    """high where the odds are at least twice those of the average chance, low where at most half; None if not known."""
    chance = probability.astype(float)
    average = chance.mean()
    # odds multiplied out, so that a certain outcome is no division by zero
    ahead, behind = chance * (1 - average), average * (1 - chance)
    high = (ahead >= _TIMES * behind) & (chance > 0)
    levels = pd.Series(np.select([high, _TIMES * ahead <= behind], ["high", "low"], "medium"), dtype=object)
    return levels.set_axis(probability.index).where(chance.notna(), None)


def word(what: str, level: str | None) -> str:
    """A level as a reader would say it, in the language that is spoken."""
    return _(WORDS[what].get(level, UNKNOWN))


def _satisfaction(nps: pd.Series, csat: pd.Series, csat_scale: tuple[float, float] | list[float]) -> pd.Series:
    foot, head = csat_scale
    if not foot < head:
        raise ValueError(f"`csat_scale` must be the lowest and the highest answer, got {csat_scale}")
    place = (csat - foot) / (head - foot)
    bounds = [nps >= 9, nps >= 7, nps.notna(), place >= 0.75, place >= 0.5, place.notna()]
    levels = np.select(bounds, ["high", "medium", "low"] * 2, "")
    return pd.Series(levels, index=nps.index, dtype=object).replace("", None)


def _numbers(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame:
        return pd.Series(np.nan, index=frame.index)
    return pd.to_numeric(frame[name]).astype(float)
