"""A score for each customer, 0 to 100, by rules that are stated and not fitted to what became of anybody.

As the firm's own score it is made of parts: value, experience, retention and risk. What the firm understands of a
customer is the score's coverage: whatever is not known lowers that, and not the score. A low score means danger: that
the customer leaves, pays late, or brings less; `crmlab.diagnosis.back_test` shows whether it did.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.diagnosis.indicators import PARTS, Indicator, nearest
from crmlab.messages import N_, _, sentences

# each reads a column of `aggregate.customer_standing`; `source` is the table that it comes from
CUSTOMER_INDICATORS = (
    # the median customer stands half-way: who buys twice as often is not going soon
    Indicator("purchases_to_median", "value", "transactions", 0.0, 2.0, 1, N_("Purchases against the median customer")),
    # half of the revenue gone is what the back-test calls shrinking; holding it is enough
    Indicator("revenue_change", "value", "transactions", -0.5, 0.0, 1, N_("Revenue against the year before")),
    # a promoter at 9; every point below counts
    Indicator("nps", "experience", "surveys", 0.0, 9.0, 1, N_("Would recommend, 0 to 10")),
    # from the second of five points to the head of the scale
    Indicator(
        "csat", "experience", "surveys", 0.25, 1.0, 1, N_("Satisfaction, from the foot of the scale to its head")
    ),
    # a complaint a quarter
    Indicator("complaints", "experience", "interactions", 4.0, 0.0, 1, N_("Complaints in a year")),
    # as the firm's own response time
    Indicator("response_hours", "experience", "interactions", 24.0, 4.0, 1, N_("Hours to the first answer, median")),
    # of who still buys at random, one in 150 is silent for five usual gaps
    Indicator("silence_ratio", "retention", "transactions", 5.0, 1.0, 1, N_("Silence against the usual gap")),
    # who has stayed for three years stays as a rule; 0 for contracts that have ended
    Indicator("contract_months", "retention", "contracts", 0.0, 36.0, 1, N_("Months under contract")),
    # a month late on average; the grace that lenders give is days
    Indicator("days_past_due", "risk", "payments", 30.0, 0.0, 1, N_("Days past due, mean")),
    # a quarter of what is due stands open
    Indicator("overdue_share", "risk", "payments", 0.25, 0.0, 1, N_("Share of instalments overdue")),
)
CUSTOMER_PARTS = tuple(part for part in PARTS if part != "understanding")


@dataclass(frozen=True, eq=False)
class CustomerScores:
    """Scores of customers.

    Attributes
    ----------
    customers
        As the standing that was scored, row by row: `customer_id`, `scored_on` where the standing has it,
        `customer_score` (0 to 100, higher is better, NaN of whom nothing is known), `score_coverage` (0 to 1), a score
        for each part, and what rankings by one thing alone take: `silent_days` and `days_past_due`.
    rules
        One row per indicator: `indicator`, `part`, `floor` and `target` (values that score 0 and 100), `weight` (its
        share of the whole), `known` (share of customers) and `score` (mean over those, 0 to 100).
    """

    customers: pd.DataFrame
    rules: pd.DataFrame

    formats: ClassVar[dict[str, str]] = {"weight": "share", "known": "share", "score": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "indicator": N_("Indicator"),
        "part": N_("Part"),
        "floor": N_("Scores 0 at"),
        "target": N_("Scores 100 at"),
        "weight": N_("Weight"),
        "known": N_("Known of"),
        "score": N_("Mean score"),
    }

    def table(self) -> pd.DataFrame:
        """The rules, in the words of the language that is spoken."""
        ends = {name: self.rules[name].map(_short) for name in ("floor", "target")}
        return self.rules.assign(indicator=self.rules["indicator"].map(_), part=self.rules["part"].map(_), **ends)

    def summary(self) -> str:
        """How the scores lie, and what they rest on."""
        scores = self.customers["customer_score"].dropna()
        middle = _(
            "The {n} customers score {median} of 100 in the middle; the tenth with the lowest scores has {low} at most."
        ).format(
            n=language.number(len(scores)),
            median=language.number(float(scores.median()), 0),
            low=language.number(float(scores.quantile(0.1)), 0),
        )
        rests = _("Of what the score could rest on, {coverage} is known of the average customer.").format(
            coverage=language.quantity(float(self.customers["score_coverage"].mean()), "share", digits=0)
        )
        return sentences(middle, rests)

    def customer_list(self) -> pd.DataFrame:
        """What `customers.csv` says of each customer."""
        found = self.customers[["customer_id", "customer_score", "score_coverage"]]
        return found.round({"customer_score": 1, "score_coverage": 3})


def customer_scores(standing: pd.DataFrame, *, weights: Mapping[str, float] | None = None) -> CustomerScores:
    r"""Score customers by how they stand.

    .. math:: S = \frac{\sum_p W_p S_p}{\sum_p W_p}, \quad S_p = \frac{\sum_{i \in p} w_i s_i}{\sum_{i \in p} w_i}

    over the parts `p` of which anything is known of the customer, and the indicators `i` that are.

    Parameters
    ----------
    standing
        As `aggregate.customer_standing` gives it, or `aggregate.customer_histories`.
    weights
        By part, in place of those of the firm's score.

    Raises
    ------
    ValueError
        If `weights` names no part, is below 0, or is 0 for all parts.
    FitError
        If nothing is known of any customer.
    """
    by_part = _weights(weights)
    if standing.empty:
        raise FitError(_("there is no customer to score"))
    scores = np.column_stack([each.score(standing[each.name]) for each in CUSTOMER_INDICATORS])
    known = np.isfinite(scores)
    if not known.any():
        raise FitError(_("nothing is known of any customer by which to score"))
    scores = np.where(known, scores, 0.0)
    within = np.array([each.weight for each in CUSTOMER_INDICATORS])
    parts = np.array([each.part for each in CUSTOMER_INDICATORS])
    sums, held, found = np.zeros(len(standing)), np.zeros(len(standing)), {}
    share = np.zeros(len(within))
    coverage = np.zeros(len(standing))
    for part, weight in by_part.items():
        own = parts == part
        there = known[:, own] @ within[own]
        with np.errstate(invalid="ignore", divide="ignore"):
            found[part] = np.where(there > 0, scores[:, own] @ within[own] / there, np.nan)
        held += weight * (there > 0)
        sums += weight * np.nan_to_num(found[part])
        share[own] = weight * within[own] / within[own].sum() / sum(by_part.values())
        coverage += known[:, own] @ share[own]
    with np.errstate(invalid="ignore"):
        # rounded, so that customers with the same values have the same score, whatever the order of sums
        total = np.round(sums / np.where(held > 0, held, np.nan), 6)
    keys = [name for name in ("scored_on", "customer_id", "silent_days", "days_past_due") if name in standing]
    customers = standing[keys].assign(customer_score=total, score_coverage=np.minimum(coverage, 1.0), **found)
    counts = known.sum(axis=0)
    rules = pd.DataFrame(
        {
            "indicator": [each.label for each in CUSTOMER_INDICATORS],
            "part": [PARTS[part][0] for part in parts],
            "floor": [each.floor for each in CUSTOMER_INDICATORS],
            "target": [each.target for each in CUSTOMER_INDICATORS],
            "weight": share,
            "known": counts / len(standing),
            "score": scores.sum(axis=0) / np.where(counts > 0, counts, np.nan),
        }
    )
    return CustomerScores(customers.reset_index(drop=True), rules)


def _short(value: float) -> str:
    return language.number(value, 0 if float(value).is_integer() else 2)


def _weights(weights: Mapping[str, float] | None) -> dict[str, float]:
    found = {part: PARTS[part][1] for part in CUSTOMER_PARTS}
    for part, weight in (weights or {}).items():
        if part not in found:
            raise ValueError(f"`weights` must be of {', '.join(found)}, got {part!r}{nearest(part, found)}")
        if not weight >= 0:
            raise ValueError(f"`weights` must be 0 or more, got {weight} for {part}")
        found[part] = float(weight)
    if not sum(found.values()) > 0:
        raise ValueError("`weights` must be above 0 for one part at least")
    return found
