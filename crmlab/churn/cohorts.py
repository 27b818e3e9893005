"""What became of the customers who came together: the cohort triangle of retention.

A customer who left and came back counts as there while there is a contract, so that a share may rise again.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.absence import FitError
from crmlab.groups import large, withheld
from crmlab.messages import N_, _, ngettext, sentences

# lengths of a cohort, in months, and how many rows a triangle may have before the next length is taken
_LENGTHS = (1, 3, 6, 12)
_MOST = 16
# ages, in months, of which the first that all but the last cohorts reached is told in words
_TOLD = (12, 6, 3, 1)


@dataclass(frozen=True, eq=False)
class CohortRetention:
    """Share of each cohort that still has a contract, 0 to 1, by months since the cohort came; higher is better.

    Attributes
    ----------
    triangle
        One row per cohort and `age`: `cohort` (last day of its months), `customers`, `kept`, `share` (an estimate).
        An age is the number of months from the end of a customer's first month; at 0, only those have left who stayed
        for less than that month.
    length
        Months that make a cohort, and from one age to the next.
    left_out
        Customers of cohorts that began before all contracts were on record; their number at the start is not known.
    compared_at
        Age at which cohorts are compared; None if there is no such age.
    earlier, later
        Shares kept at that age by the earlier and the later half of the cohorts; None with fewer than two.
    p_value
        Of all cohorts being alike at that age (chi-square), 0 to 1: below 0.05 they are told to differ; None with fewer
        than two.
    """

    formats: ClassVar[dict[str, str]] = {"cohort": "date", "customers": "integer", "share": "estimate"}
    labels: ClassVar[dict[str, str]] = {
        "cohort": N_("Customers won up to"),
        "age": N_("Months since"),
        "kept": N_("Kept"),
        "share": N_("Share still with a contract"),
    }

    triangle: pd.DataFrame
    length: int
    left_out: int
    compared_at: int | None
    earlier: intervals.Estimate | None
    later: intervals.Estimate | None
    p_value: float | None

    def matrix(self) -> pd.DataFrame:
        """Shares by cohort, the earliest first, and age; NaN where not yet known. Of cohorts that may be told of."""
        told = self.triangle[self.triangle["cohort"].isin(large(self.table())["cohort"])]
        values = told.assign(value=[each.value for each in told["share"]])
        return values.pivot(index="cohort", columns="age", values="value").sort_index()

    def table(self) -> pd.DataFrame:
        """The latest share of each cohort."""
        return self.triangle.groupby("cohort").tail(1).reset_index(drop=True)

    def summary(self) -> str:
        """Whether later cohorts stay longer, by the share still with a contract at one age."""
        cohorts = self.triangle["cohort"].nunique()
        left_out = ngettext(
            "One customer who came before all contracts were on record is in no cohort.",
            "{n} customers who came before all contracts were on record are in no cohort.",
            self.left_out,
        ).format(n=language.number(self.left_out))
        return sentences(self._compared(cohorts), left_out if self.left_out else "")

    def _compared(self, cohorts: int) -> str:
        if self.compared_at is None or self.earlier is None:
            last = self.table().iloc[0]
            if not (large(self.table())["cohort"] == last["cohort"]).any():
                return withheld([language.day(last["cohort"])])
            message = ngettext(
                "Of the customers won up to {day}, {share} still have a contract a month later {evidence}.",
                "Of the customers won up to {day}, {share} still have a contract {months} months later {evidence}.",
                int(last["age"]),
            )
            return message.format(
                day=language.day(last["cohort"]),
                months=int(last["age"]),
                share=last["share"].text(),
                evidence=last["share"].evidence(),
            )
        if self.p_value >= 0.05:
            message = _(
                "After {months} months, the cohorts cannot be told apart: of the earlier half {earlier} still have a "
                "contract {earlier_evidence}, of the later half {later} {later_evidence}."
            )
        elif self.later.low > self.earlier.high:
            message = _(
                "Later cohorts stay longer: after {months} months, {later} of the later half still have a contract "
                "{later_evidence}, {earlier} of the earlier half {earlier_evidence}."
            )
        elif self.later.high < self.earlier.low:
            message = _(
                "Later cohorts leave sooner: after {months} months, {later} of the later half still have a contract "
                "{later_evidence}, {earlier} of the earlier half {earlier_evidence}."
            )
        else:
            message = _(
                "After {months} months, the cohorts differ, with no trend: of the earlier half {earlier} still have a "
                "contract {earlier_evidence}, of the later half {later} {later_evidence}."
            )
        return message.format(
            months=self.compared_at,
            earlier=self.earlier.text(),
            earlier_evidence=self.earlier.evidence(),
            later=self.later.text(),
            later_evidence=self.later.evidence(),
        )


def cohort_retention(months, *, length_months: int | None = None, confidence_level: float = 0.95) -> CohortRetention:
    """Share of each cohort of customers that still has a contract, by age.

    Parameters
    ----------
    months
        `crmlab.aggregate.contracts.ContractMonths`: relationships by the months in which they began and ended.
    length_months
        Months that make a cohort; the shortest of 1, 3, 6 and 12 that leaves at most 16 cohorts if not given. The last
        cohort ends with the last month of the data; an age is shown once all of a cohort has reached it.

    Raises
    ------
    FitError
        If no cohort whose beginning is on record has been followed for its own length.
    ValueError
        If `length_months` is no positive whole number.
    """
    rows, whole = months.rows, months.first_complete
    if length_months is not None and (length_months != int(length_months) or length_months < 1):
        raise ValueError(f"`length_months` must be a positive integer, got {length_months}")
    intervals.z_score(confidence_level)
    # of a month that began before contracts were on record, those who left within it are missing
    known = rows if whole is None else rows[rows["cohort"] > whole]
    # who came once counts once, however often they came back
    first = known[known["start"] == known["cohort"]]
    left_out = int(rows.loc[rows["start"] == rows["cohort"], "relationships"].sum() - first["relationships"].sum())
    if first.empty:
        raise FitError(_("no customer came since all contracts are on record"))
    span = 1 - int(first["cohort"].min())
    length = length_months or next((each for each in _LENGTHS if -(-span // each) <= _MOST), _LENGTHS[-1])
    cells = []
    for cohort in range(-((span - 1) // length) * length, 1, length):
        inside = known["cohort"].between(cohort - length + 1, cohort)
        customers = int(first.loc[first["cohort"].between(cohort - length + 1, cohort), "relationships"].sum())
        for age in range(0, -cohort + 1, length) if customers else ():
            part = known[inside]
            at = part["cohort"] + age
            kept = int(part.loc[(part["start"] <= at) & ~(part["end"] <= at), "relationships"].sum())
            share = intervals.wilson(
                kept, customers, label=_("share still with a contract"), confidence_level=confidence_level
            )
            cells.append((pd.Timestamp(months.last_day(cohort)), customers, age, kept, share))
    triangle = pd.DataFrame(cells, columns=["cohort", "customers", "age", "kept", "share"])
    if not (triangle["age"] > 0).any():
        raise FitError(_("no cohort whose start is on record has been followed for long enough"))
    return CohortRetention(triangle, length, left_out, *_comparison(triangle, confidence_level))


def _comparison(triangle: pd.DataFrame, confidence_level: float) -> tuple:
    """The age at which cohorts are compared, the two halves of the cohorts there, and whether all are alike."""
    from scipy import stats

    for age in _TOLD:
        at = triangle[triangle["age"] == age]
        if len(at) < 2:
            continue
        halves = at.iloc[: len(at) // 2], at.iloc[len(at) // 2 :]
        shares = [
            intervals.wilson(
                int(half["kept"].sum()), int(half["customers"].sum()), label=_("share still with a contract"),
                confidence_level=confidence_level,
            )
            for half in halves
        ]  # fmt: skip
        counts = np.array([at["kept"], at["customers"] - at["kept"]])
        alike = (counts.sum(axis=1) == 0).any()
        p_value = 1.0 if alike else float(stats.chi2_contingency(counts, correction=False).pvalue)
        return age, *shares, p_value
    return None, None, None, None
