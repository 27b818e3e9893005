"""How long customers stay: Kaplan-Meier curves by group, median and mean lifetime, and whether groups differ.

Groups are compared by the log-rank test, each with all the others; p-values are adjusted by Holm's method for how many
such comparisons there are.

References
----------
Mantel (1966), Evaluation of survival data and two new rank order statistics, Cancer Chemotherapy Reports 50, 163-170.
Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 65-70.
Royston and Parmar (2013), Restricted mean survival time, BMC Medical Research Methodology 13, 152.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import Absent, FitError, given
from crmlab.churn.kaplan_meier import COUNTS, Curve, at_risk, kaplan_meier
from crmlab.groups import NOT_KNOWN, OTHERS, column_name, in_order, named, too_small
from crmlab.intervals import Estimate
from crmlab.many_tests import holm
from crmlab.messages import N_, _, listed, sentences

# of fewer customers, a curve of their own says little
FEWEST_OF_GROUP = 20
# at risk at least, in every group, up to where means are taken
_AT_RISK = 10
LONGER, SHORTER, ALIKE = N_("longer"), N_("shorter"), N_("cannot be told")
_LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class Lifetimes:
    """How long customers stay.

    Attributes
    ----------
    curve, curves
        Of all customers, and by group, the largest first; no groups where there are fewer than two.
    median
        Months by which half have left, more are better; absent if more than half stay for longer than anybody has been
        observed.
    mean
        Months that a customer stays on average of the first `to_month`: as far as ten are at risk in every group.
    groups
        One row per group: `group`, `customers`, `ended`, `median` and `mean` (estimates or None), `against` (the
        others: longer, shorter, cannot be told) and `p_value` (log-rank, adjusted by Holm's method).
    p_value
        Of all groups being alike (log-rank); None with fewer than two.
    """

    formats: ClassVar[dict[str, str]] = {"customers": "integer", "ended": "integer", "p_value": "ratio"}
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Group"),
        "ended": N_("Left"),
        "median": N_("Median lifetime, months"),
        "mean": N_("Mean lifetime within the period observed, months"),
        "against": N_("Against the others, they stay"),
        "p_value": N_("p-value (log-rank, Holm)"),
    }

    curve: Curve
    curves: dict[str, Curve]
    median: Estimate | Absent
    mean: Estimate
    to_month: float
    groups: pd.DataFrame
    by: str | None
    p_value: float | None

    def table(self) -> pd.DataFrame:
        """`groups`, or all customers as one, with the names given here in the language that is spoken."""
        if self.groups.empty:
            whole = {"group": _("All customers"), "customers": self.curve.n, "ended": self.curve.ended}
            return pd.DataFrame([whole | {"median": given(self.median), "mean": self.mean}])
        verdicts = [_(verdict) for verdict in self.groups["against"]]
        return self.groups.assign(group=named(self.groups["group"]), against=verdicts)

    def summary(self) -> str:
        """Median and mean lifetime, and which groups differ from the others."""
        return sentences(self._median(), self._mean(), self._entry(), self._differences())

    def _median(self) -> str:
        low = language.quantity(self.curve.median_low or self.curve.last_month, "months")
        if isinstance(self.median, Estimate) and self.median.low is None:
            message = _("Half of the customers leave within {months}; the data bound that from below alone, at {low}.")
            return message.format(months=self.median.text(), low=low)
        if isinstance(self.median, Estimate):
            return _("Half of the customers leave within {months} {evidence}.").format(
                months=self.median.text(), evidence=self.median.evidence()
            )
        share = self.curve.share(self.curve.last_month)
        message = _(
            "More than half of the customers stay for longer than anybody has been observed: {share} {evidence}."
        )
        return message.format(share=share.text(), evidence=share.evidence())

    def _mean(self) -> str:
        return _("Of the first {total} months a customer stays {months} on average {evidence}.").format(
            total=language.number(self.to_month, 0 if float(self.to_month).is_integer() else 1),
            months=self.mean.text(),
            evidence=self.mean.evidence(),
        )

    def _entry(self) -> str:
        if not self.curve.from_month:
            return ""
        return _("All this holds for those who outlast {months}; too few were observed at a lower age.").format(
            months=language.quantity(self.curve.from_month, "months")
        )

    def _differences(self) -> str:
        if self.p_value is None:
            return ""
        by = column_name(self.by)
        apart = [
            listed(named(self.groups.loc[self.groups["against"] == verdict, "group"])) for verdict in (LONGER, SHORTER)
        ]
        messages = (
            _("By {by}, {groups} stay longer than the others."),
            _("By {by}, {groups} leave sooner than the others."),
        )
        told = [message.format(by=by, groups=names) for message, names in zip(messages, apart, strict=True) if names]
        return sentences(*told) or _("By {by}, no difference in lifetime can be told.").format(by=by)


def lifetimes(
    ages: pd.DataFrame,
    *,
    by: str | None = None,
    fewest: int = FEWEST_OF_GROUP,
    confidence_level: float = 0.95,
) -> Lifetimes:
    """Kaplan-Meier curves of all customers and of each group.

    Parameters
    ----------
    ages
        Counts by `group` and age in `months`: `entered`, `ended`, `censored`; see `crmlab.aggregate.contract_ages`.
    by
        What makes the groups, as a sentence calls it; None for one group.
    fewest
        Groups of fewer customers make up "Others" together.

    Raises
    ------
    FitError
        If nobody was observed for any time.
    """
    curve = kaplan_meier(ages, confidence_level=confidence_level)
    if curve.last_month <= 0:
        raise FitError(_("no customer has been observed for any time"))
    counts = _grouped(ages, by, fewest)
    parts = dict(tuple(counts.groupby("group")))
    parts = {name: part for name, part in parts.items() if (at_risk(part)["at_risk"] > 0).any()}
    if len(parts) < 2:
        parts = {}
    until = _horizon([ages, *parts.values()])
    labels = {"median": _("median lifetime"), "mean": _("mean lifetime within the period observed")}
    shown = {"label": labels["mean"]}
    median = curve.median(label=labels["median"]) or Absent(
        _("more than half of the customers stay for longer than anybody has been observed")
    )
    mean = curve.restricted_mean(until, **shown)
    if not parts:
        groups = pd.DataFrame(columns=["group", "customers", "ended", "median", "mean", "against", "p_value"])
        return Lifetimes(curve, {}, median, mean, until, groups, None, None)
    curves = {name: kaplan_meier(part, confidence_level=confidence_level) for name, part in parts.items()}
    tests = {name: log_rank(counts, against=name) for name in curves}
    # two groups make one comparison, seen from either side
    raw = [test[1] for test in tests.values()]
    adjusted = raw if len(raw) == 2 else holm(raw).tolist()
    rows = [
        {
            "group": name,
            "customers": curves[name].n,
            "ended": curves[name].ended,
            "median": curves[name].median(label=labels["median"]),
            "mean": curves[name].restricted_mean(until, **shown) if _reaches(curves[name], until) else None,
            "against": ALIKE if p_value >= _LEVEL else LONGER if tests[name][2] < 0 else SHORTER,
            "p_value": p_value,
        }
        for name, p_value in zip(curves, adjusted, strict=True)
    ]
    groups = in_order(pd.DataFrame(rows), "customers")
    groups["median"] = groups["median"].astype(object).where(groups["median"].notna(), None)
    groups["mean"] = groups["mean"].astype(object).where(groups["mean"].notna(), None)
    curves = {name: curves[name] for name in groups["group"]}
    return Lifetimes(curve, curves, median, mean, until, groups, by, log_rank(counts)[1])


def log_rank(counts: pd.DataFrame, *, against: str | None = None) -> tuple[float, float, float]:
    """Test whether groups leave alike.

    Parameters
    ----------
    counts
        By `group` and age in `months`, as `lifetimes` takes them.
    against
        A group that is compared with all the others together; all groups at once if not given.

    Returns
    -------
    tuple
        The chi-square statistic, its p-value, and how many more of the last group (of `against`) left than expected.
    """
    from scipy import stats

    names = counts["group"] == against if against is not None else counts["group"]
    ended = counts.assign(group=names).pivot_table("ended", "months", "group", "sum", fill_value=0).sort_index()
    risk = pd.DataFrame({name: _risk_at(counts[names == name], ended.index) for name in ended}, index=ended.index)
    d, n = ended.to_numpy(float), risk.to_numpy(float)
    happened = (d.sum(axis=1) > 0) & (n.sum(axis=1) > 1)
    d, n = d[happened], n[happened]
    total, left = n.sum(axis=1), d.sum(axis=1)
    shares = n / total[:, None]
    more = (d - left[:, None] * shares).sum(axis=0)
    spread = left * (total - left) / (total - 1)
    variance = np.diag((spread[:, None] * shares).sum(axis=0)) - shares.T @ (spread[:, None] * shares)
    kept, freedom = slice(0, -1), d.shape[1] - 1
    if freedom < 1 or not np.trace(variance) > 0:
        return 0.0, 1.0, 0.0
    # a group that was never at risk beside another adds nothing
    freedom = int(np.linalg.matrix_rank(variance[kept, kept], hermitian=True))
    statistic = float(more[kept] @ np.linalg.pinv(variance[kept, kept], hermitian=True) @ more[kept])
    return statistic, float(stats.chi2.sf(statistic, freedom)), float(more[-1])


def _risk_at(part: pd.DataFrame, months: pd.Index) -> np.ndarray:
    """How many of a group are at risk at each age, those included at which nobody of it came or went."""
    by_age = part.groupby("months")[list(COUNTS)].sum().reindex(months, fill_value=0)
    came, went = by_age["entered"].to_numpy(), (by_age["ended"] + by_age["censored"]).to_numpy()
    return np.cumsum(came) - came - (np.cumsum(went) - went)


def _grouped(ages: pd.DataFrame, by: str | None, fewest: int) -> pd.DataFrame:
    """The counts with a name for every group, small ones together."""
    names = ages["group"].fillna(NOT_KNOWN) if by is not None and "group" in ages else pd.Series("", ages.index)
    small = too_small(ages["entered"].groupby(names).sum(), fewest=fewest) if by is not None else []
    names = names.mask(names.isin(small), OTHERS)
    counts = ages.assign(group=names)
    return counts.groupby(["group", "months"])[list(COUNTS)].sum().reset_index()


def _horizon(parts: list[pd.DataFrame]) -> float:
    """As far as ten are at risk everywhere: in whole years, or whole months below one, or whatever there is."""
    ends = []
    for part in parts:
        risk = at_risk(part)
        enough = risk.loc[risk["at_risk"] >= min(_AT_RISK, risk["at_risk"].max()), "months"]
        ends.append(float(enough.max()))
    end = min(ends)
    return end // 12 * 12 if end >= 12 else end // 1 if end >= 1 else end


def _reaches(curve: Curve, to_month: float) -> bool:
    """Whether somebody was observed up to an age, or all had left before."""
    return curve.last_month >= to_month or bool((curve.steps["survival"] == 0).any())
