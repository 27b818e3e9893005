"""The customer score held against one outcome: how well it ranks, in groups, and beside rankings that take no score.

A customer may stand in several rows, one for each day of scoring: intervals allow for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.absence import Absent
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, sentences
from crmlab.ranking import area_difference, area_under_curve, clustered_error

# rankings that take no score: one column of the standing each, the higher the worse
NAIVE = {"silent_days": N_("time since the last purchase"), "days_past_due": N_("days past due")}
# fewest rows from which on groups are so many: of tenths, each then holds 50
_GROUPS = {10: 500, 5: 50, 2: 0}
PREDICTS, UNCLEAR, REVERSED = "predicts", "unclear", "reversed"


@dataclass(frozen=True, eq=False)
class OutcomeTest:
    """The score held against one outcome.

    Attributes
    ----------
    outcome, name
        One of `OUTCOMES`, and what it is called, in English.
    n, events
        Scores that could be judged, one for each customer and day, and those after which it happened.
    months
        For how long customers were watched after each day.
    auc
        Chance that of two customers the one to whom it happened had the lower score: 0.5 is guessing, 1 perfect.
    naive
        One row per ranking that takes no score: `ranking`, its `auc`, and the `difference` that the score makes to it
        among the customers whom both rank.
    groups
        Customers in groups of equal size by their score at the day, lowest first; equal scores are never torn apart:
        `group`, `customers`, `score` (mean), `share` to whom it happened.
    """

    outcome: str
    name: str
    n: int
    events: int
    months: int
    auc: Estimate
    naive: pd.DataFrame
    groups: pd.DataFrame

    formats: ClassVar[dict[str, str]] = {
        "group": "integer", "customers": "integer", "score": "integer", "share": "estimate",
    }  # fmt: skip
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Group"),
        "customers": N_("Scores"),
        "score": N_("Mean score"),
        "share": N_("Share to whom it happened"),
    }

    def table(self) -> pd.DataFrame:
        """`groups`: one row per group of customers by their score, the lowest first, and the share it happened to."""
        return self.groups

    @property
    def verdict(self) -> str:
        """`PREDICTS`, `REVERSED` or `UNCLEAR`: whether the AUC's interval lies above 0.5, below it, or around it."""
        if self.auc.low is None:
            return UNCLEAR
        return PREDICTS if self.auc.low > 0.5 else REVERSED if self.auc.high < 0.5 else UNCLEAR

    def summary(self) -> str:
        """Whether low scores foretold the outcome, with the AUC, and whether better than rankings without a score."""
        first, last = self.groups["share"].iloc[0], self.groups["share"].iloc[-1]
        values = {
            "outcome": _(self.name),
            "auc": self.auc.text(),
            "evidence": self.auc.evidence(),
            "low": first.text(),
            "high": last.text(),
        }
        told = {
            PREDICTS: _(
                "Low scores foretold {outcome}: AUC {auc} {evidence}, where 0.5 is guessing; it happened to {low} of "
                "those with the lowest scores and to {high} of those with the highest."
            ),
            UNCLEAR: _(
                "The score is not shown to predict {outcome}: AUC {auc} {evidence}, where 0.5 is guessing; it happened "
                "to {low} of those with the lowest scores and to {high} of those with the highest."
            ),
            REVERSED: _(
                "The score misleads on {outcome}: AUC {auc} {evidence}, where below 0.5 is worse than guessing; it "
                "happened to {low} of those with the lowest scores and to {high} of those with the highest."
            ),
        }
        return sentences(told[self.verdict].format(**values), *(self._against(row) for row in self.naive.itertuples()))

    def _against(self, row) -> str:
        values = {"ranking": _(NAIVE[row.ranking]), "auc": row.auc.text(), "difference": row.difference.evidence()}
        if row.difference.low > 0:
            return _("It ranks better than {ranking} alone, with an AUC of {auc}.").format(**values)
        if row.difference.high < 0:
            return _("It ranks worse than {ranking} alone, with an AUC of {auc}: for this, look at that.").format(
                **values
            )
        return _("It cannot be told from {ranking} alone, with an AUC of {auc}.").format(**values)


def outcome_test(
    rows: pd.DataFrame, outcome: str, *, name: str, months: int, confidence_level: float = 0.95
) -> OutcomeTest | Absent:
    """The score held against one outcome, absent where it happened to nobody or to all.

    Parameters
    ----------
    rows
        `customer_id`, `scored_on`, `customer_score`, the columns of `NAIVE`, and the outcome: 1, 0 or empty.
    name
        Of the outcome, in English.
    months
        For how many months after each day customers were watched.
    """
    rows, told = rows[rows[outcome].notna()], _(name)
    happened = rows[outcome].to_numpy()
    if rows.empty:
        return Absent(_("nothing in the data says {outcome}").format(outcome=told))
    if happened.all() or not happened.any():
        reason = _("it happened to all or to none of {n} customers, so that nothing foretells {outcome}")
        return Absent(reason.format(n=language.number(len(rows)), outcome=told))
    danger, customers = -rows["customer_score"].to_numpy(), rows["customer_id"]
    level = {"confidence_level": confidence_level}
    label = _("AUC of low customer scores, {outcome}").format(outcome=told)
    many = next(groups for groups, fewest in _GROUPS.items() if len(rows) >= fewest)
    return OutcomeTest(
        outcome=outcome,
        name=name,
        n=len(rows),
        events=int(happened.sum()),
        months=months,
        auc=area_under_curve(happened, danger, customers, label=label, **level),
        naive=pd.DataFrame(_against_naive(rows, outcome, level), columns=["ranking", "auc", "difference"]),
        groups=_groups(rows.assign(group=_placed(rows, many)), outcome, level),
    )


def _against_naive(rows: pd.DataFrame, outcome: str, level: dict) -> list[tuple[str, Estimate, Estimate]]:
    found = []
    for ranking, name in NAIVE.items():
        both = rows[rows[ranking].notna()] if ranking in rows else rows.head(0)
        happened, own, customers = both[outcome].to_numpy(), -both["customer_score"].to_numpy(), both["customer_id"]
        if happened.sum() < 2 or (1 - happened).sum() < 2 or both[ranking].nunique() < 2:
            continue
        worse = both[ranking].to_numpy(float)
        label = _("AUC of {ranking} alone").format(ranking=_(name))
        auc = area_under_curve(happened, worse, customers, label=label, **level)
        label = _("AUC of the score less that of {ranking} alone").format(ranking=_(name))
        found.append((ranking, auc, area_difference(happened, own, worse, customers, label=label, **level)))
    return found


def _placed(rows: pd.DataFrame, groups: int) -> np.ndarray:
    """Each row's group by its score among those of the same day: how many are strictly lower decides."""
    by_day = rows.groupby("scored_on")["customer_score"]
    lower, all_ = by_day.rank(method="min") - 1, by_day.transform("size")
    return (groups * lower // all_).to_numpy(int)


def _groups(rows: pd.DataFrame, outcome: str, level: dict) -> pd.DataFrame:
    found = []
    for group, own in rows.groupby("group"):
        share = share_of_rows(own[outcome].to_numpy(), own["customer_id"], **level)
        found.append((group + 1, len(own), own["customer_score"].mean(), share))
    return pd.DataFrame(found, columns=["group", "customers", "score", "share"])


def share_of_rows(happened: Sequence[float], customers, *, confidence_level: float = 0.95) -> Estimate:
    """Share of rows, 0 to 1, with Wilson's interval of as many rows as they are worth with a customer in several."""
    y = np.asarray(happened, dtype=float)
    n, p = len(y), float(y.mean())
    worth = float(n)
    if 0 < p < 1:
        error = clustered_error((y - p) / n, customers)
        # never less than the one it is at least
        worth = max(1.0, min(worth, p * (1 - p) / error**2)) if error > 0 else worth
    label, level = _("share to whom it happened"), {"confidence_level": confidence_level}
    return replace(intervals.wilson(p * worth, worth, label=label, **level), n=n)
