r"""How fast cases are answered and resolved, how many within the target, how many opened again.

Cases of one customer are alike, so that they are worth fewer than their number. With :math:`n_c` cases of customer `c`,
of which :math:`s_c` met the target, and :math:`\hat p` over all of `m` customers,

.. math:: d = \frac{m}{m - 1} \frac{\sum_c (s_c - \hat p n_c)^2}{n \hat p (1 - \hat p)}, \quad
          n^* = \frac{n}{\max(d, 1)} \left(\frac{z}{t_{m - 1}}\right)^2

and every interval is that of :math:`n^*` independent cases (Korn and Graubard). Shares get Wilson's. A median gets the
order statistics between which it lies: the fractional ones that :math:`n^*` calls for (Hutson), read from Kaplan and
Meier's curve, in which a case that is still open has waited as long as it has. What the open ones leave unknown is in
:math:`n^*` by Greenwood's variance.

References
----------
Korn and Graubard (1998), Confidence intervals for proportions with small expected number of positive counts estimated
from survey data, Survey Methodology 24, 193-201. Hutson (1999), Calculating nonparametric confidence intervals for
quantiles using fractional order statistics, Journal of Applied Statistics 26, 343-353. Kaplan and Meier (1958),
Nonparametric estimation from incomplete observations, JASA 53, 457-481.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.absence import FitError
from crmlab.groups import NOT_KNOWN, in_order, large, named
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, ngettext, sentences

_FEW = N_("too few cases, or of too few customers")
_ONE = N_("the cases of one customer")
_MEASURES = ("response", "resolution")
_COLUMNS = ("response_median", "response_within", "resolution_median", "resolution_within", "reopened")


@dataclass(frozen=True, eq=False)
class ServiceLevels:
    """Service times, shares within the target, and cases opened again.

    Attributes
    ----------
    groups
        One row per kind of case or channel, the most cases first: `group`, `cases`, `open`, and estimates, None where
        the cases do not tell: `response_median` and `resolution_median` (hours), `response_within` and
        `resolution_within` (shares within the target), `reopened` (share).
    total
        The same over all cases.
    months
        Over all cases, by `month` of opening: `cases`, `response_within`, `resolution_within`, `reopened` (shares).
    curves
        By measure and group: hours, and the share of cases still waiting after them (Kaplan and Meier).
    targets
        By measure: hours, one number or one by kind of case.
    """

    formats: ClassVar[dict[str, str]] = {"cases": "integer", "open": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Cases"),
        "cases": N_("Number"),
        "open": N_("Still open"),
        "response_median": N_("Median hours to the first answer"),
        "response_within": N_("Answered within the target"),
        "resolution_median": N_("Median hours to the resolution"),
        "resolution_within": N_("Resolved within the target"),
        "reopened": N_("Opened again"),
    }

    groups: pd.DataFrame
    total: pd.Series
    months: pd.DataFrame
    curves: dict[str, pd.DataFrame]
    by: str
    targets: dict[str, float | dict[str, float]]

    def table(self) -> pd.DataFrame:
        """`groups` and the total, without the columns that nothing is known of."""
        rows = self.groups.assign(group=named(self.groups["group"]))
        total = self.total.to_frame().T.assign(group=_("All cases"))
        frame = pd.concat([rows, total], ignore_index=True).astype({"cases": int, "open": int})
        return frame.drop(columns=[name for name in _COLUMNS if all(value is None for value in frame[name])])

    def summary(self) -> str:
        """How fast cases are answered and resolved, and which kind waits longest."""
        return sentences(self._answers(), self._resolutions(), self._worst(), self._open())

    def estimates(self) -> dict[str, Estimate]:
        """Of all cases, by the names under which a run publishes them: medians in hours, shares; those known."""
        found = {f"{name}_hours" if name.endswith("median") else name: self.total[name] for name in _COLUMNS[:-1]}
        return {name: value for name, value in {**found, "reopen_rate": self.total["reopened"]}.items() if value}

    def _answers(self) -> str:
        median, within = self.total["response_median"], self.total["response_within"]
        if within is None:
            return _("The first answer to half of the cases took {median} {evidence}.").format(
                median=median.text(), evidence=median.evidence()
            ) if median else _("How fast cases are answered is not known.")  # fmt: skip
        target = self.targets["response"]
        words = {"within": within.text(), "evidence": within.evidence()}
        if isinstance(target, dict):
            return _("{within} of cases got their first answer within the target of their kind {evidence}.").format(
                **words
            )
        return _("{within} of cases got their first answer within {hours} {evidence}.").format(
            hours=_hours(target), **words
        )

    def _resolutions(self) -> str:
        median, again = self.total["resolution_median"], self.total["reopened"]
        took = _("Half of the cases are resolved after {median} {evidence}.")
        took = took.format(median=median.text(), evidence=median.evidence()) if median else ""
        told = _("{share} of cases are opened again {evidence}.")
        return sentences(took, told.format(share=again.text(), evidence=again.evidence()) if again else "")

    def _worst(self) -> str:
        """The group whose cases meet the target least, where it can be told from all."""
        for measure, message in (
            ("response", N_("Least often answered in time: {group}, {share} {evidence}.")),
            ("resolution", N_("Least often resolved in time: {group}, {share} {evidence}.")),
        ):
            known = [(row["group"], row[f"{measure}_within"]) for row in self.groups.to_dict("records")]
            known = [(group, share) for group, share in known if share and share.low is not None]
            whole = self.total[f"{measure}_within"]
            if len(known) < 2 or whole is None:
                continue
            group, share = min(known, key=lambda pair: pair[1].value)
            if share.high < whole.value:
                shown = named(pd.Series([group])).iloc[0]
                return _(message).format(group=shown, share=share.text(), evidence=share.evidence())
        return ""

    def _open(self) -> str:
        n = int(self.total["open"])
        return ngettext(
            "One case is still open, and counts as waiting so far.",
            "{n} cases are still open, and count as waiting so far.",
            n,
        ).format(n=language.number(n)) if n else ""  # fmt: skip


def service_levels(cases, *, confidence_level: float = 0.95) -> ServiceLevels:
    """Times, shares within the target and reopening of service cases, in all and by group.

    Parameters
    ----------
    cases
        As `crmlab.aggregate.service.service_cases` makes them.

    Raises
    ------
    FitError
        If there is no case, or none on which an answer, a resolution or a reopening is recorded.
    """
    intervals.z_score(confidence_level)
    total = cases.groups[cases.groups["total"] == 1]
    if total.empty:
        raise FitError(_("no service case is on record"))
    whole = total.iloc[0]
    recorded = {measure: whole[f"{measure}_ended"] > 0 for measure in _MEASURES}
    if not any(recorded.values()) and not whole["reopen_known"]:
        raise FitError(_("no service case says when it was answered or resolved, or whether it was opened again"))
    told = set(large(cases.groups.loc[cases.groups["total"] == 0, ["group", "customers"]])["group"])
    rows, curves = [], []
    for counts in cases.groups.to_dict("records"):
        name = counts["group"] or NOT_KNOWN
        if not counts["total"] and counts["group"] not in told:
            continue
        row = {"total": counts["total"], "group": name, "cases": counts["cases"]}
        row["open"] = counts["resolution_open"] if recorded["resolution"] else 0
        for measure in _MEASURES:
            own = (cases.times["total"] == counts["total"]) & (cases.times["group"] == counts["group"])
            times = cases.times[own & (cases.times["measure"] == measure)]
            known = recorded[measure]
            curve = _kaplan_meier(times) if known else None
            row[f"{measure}_median"] = _median(measure, curve, counts, confidence_level) if known else None
            row[f"{measure}_within"] = _share(f"{measure}_within", counts, confidence_level) if known else None
            if known and not counts["total"]:
                curves.append(curve.assign(measure=measure, group=name))
        row["reopened"] = _share("reopened", counts, confidence_level)
        rows.append(row)
    frame = pd.DataFrame(rows).astype(dict.fromkeys(_COLUMNS, object))
    groups = in_order(frame[frame["total"] == 0].drop(columns="total"), "cases")
    months = _months(cases.months, recorded, confidence_level)
    drawn = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=["measure", "group"])
    by_measure = {name: drawn[drawn["measure"] == name].drop(columns="measure") for name in _MEASURES if recorded[name]}
    whole = frame[frame["total"] == 1].drop(columns="total").iloc[0]
    return ServiceLevels(groups, whole, months, by_measure, cases.by, cases.targets)


def _kaplan_meier(times: pd.DataFrame) -> pd.DataFrame:
    """Hours, share still waiting after them, and Greenwood's sum; a case that is open at an hour is at risk then."""
    rows = times.sort_values("hours", ignore_index=True)
    ended, left = rows["ended"].to_numpy(float), (rows["ended"] + rows["open"]).to_numpy(float)
    at_risk = left.sum() - np.concatenate([[0.0], np.cumsum(left)[:-1]])
    survival = np.cumprod(1 - ended / at_risk)
    rest = at_risk - ended
    greenwood = np.cumsum(np.divide(ended, at_risk * rest, out=np.zeros_like(ended), where=rest > 0))
    found = pd.DataFrame({"hours": rows["hours"], "waiting": survival, "greenwood": greenwood})
    return found[ended > 0].reset_index(drop=True)


def _median(measure: str, curve: pd.DataFrame, counts: dict, confidence_level: float) -> Estimate | None:
    """Hours after which half of the cases have ended, with the order statistics that hold it."""
    from scipy import optimize, stats

    done = 1 - curve["waiting"].to_numpy()
    hours = curve["hours"].to_numpy()
    n = int(counts[f"{measure}_ended"] + counts[f"{measure}_open"])
    reached = np.flatnonzero(done >= 0.5 - 1e-9)
    if not len(reached):
        return None
    first = reached[0]
    # exactly half: anything up to the next case is a median
    even = abs(done[first] - 0.5) < 1e-9 and first + 1 < len(hours)
    value = float((hours[first] + hours[first + 1]) / 2 if even else hours[first])
    label = _("median hours to the first answer") if measure == "response" else _("median hours to the resolution")
    shown: dict[str, Any] = {"unit": "hours", "n": n, "label": label, "confidence_level": confidence_level}
    worth = _worth(f"{measure}_within_middle", counts, confidence_level)
    if worth is None:
        return Estimate(value, None, None, no_interval=_ONE, **shown)
    # how many cases seen to their end would leave the median as uncertain
    waiting, before = (np.concatenate([[1.0], curve["waiting"]])[first], first - 1)
    seen = (1 - waiting) / waiting / curve["greenwood"].iloc[before] if before >= 0 and waiting < 1 else n
    worth = worth * min(seen / n, 1.0)
    level = 0.5 + confidence_level / 2
    if 1 - 0.5**worth < level:
        return Estimate(value, None, None, no_interval=_FEW, **shown)
    order = optimize.brentq(lambda at: stats.beta.cdf(0.5, at, worth + 1 - at) - level, 1.0, (worth + 1) / 2)
    below = order / (worth + 1)
    ends = [part * (n + 1) / n for part in (below, 1 - below)]
    if ends[1] > done[-1] + 1e-9:
        return Estimate(value, None, None, no_interval=_FEW, **shown)
    # all cases of a class took as long, from the first of them to the last
    first_of = np.minimum(np.concatenate([[0.0], done[:-1]]) + 1 / n, done)
    low, high = np.interp(ends, np.column_stack([first_of, done]).ravel(), np.repeat(hours, 2))
    return Estimate(value, min(float(low), value), max(float(high), value), **shown)


_PAIRS = {"reopened": "reopen_known"} | {
    f"{measure}_within{suffix}": f"{measure}_judged{suffix}" for measure in _MEASURES for suffix in ("", "_middle")
}
_SHARES = {
    "response_within": N_("cases answered within the target"),
    "resolution_within": N_("cases resolved within the target"),
    "reopened": N_("cases opened again"),
}


def _worth(name: str, counts: dict, confidence_level: float) -> float | None:
    """How many independent cases these are worth; None for those of one customer."""
    from scipy import stats

    n, s, customers = counts[_PAIRS[name]], counts[name], counts["customers"]
    if customers < 2:
        return None
    p = s / n if n else 0.0
    effect = 1.0
    if 0 < p < 1:
        spread = counts[f"{name}_ss"] - 2 * p * counts[f"{name}_ns"] + p**2 * counts[f"{name}_nn"]
        effect = max(1.0, customers / (customers - 1) * spread / (n * p * (1 - p)))
    narrower = intervals.z_score(confidence_level) / stats.t.ppf(0.5 + confidence_level / 2, customers - 1)
    return float(n / effect * narrower**2)


def _share(name: str, counts: dict, confidence_level: float) -> Estimate | None:
    n, s = int(counts[_PAIRS[name]]), int(counts[name])
    if n == 0:
        return None
    label, worth = _(_SHARES[name]), _worth(name, counts, confidence_level)
    if worth is None:
        return Estimate(s / n, None, None, "share", n, label, confidence_level, no_interval=_ONE)
    if worth < 1:
        return Estimate(s / n, None, None, "share", n, label, confidence_level, no_interval=_FEW)
    found = intervals.wilson(s / n * worth, worth, label=label, confidence_level=confidence_level)
    return replace(found, value=s / n, low=min(found.low, s / n), high=max(found.high, s / n), n=n)


def _months(counts: pd.DataFrame, recorded: dict[str, bool], confidence_level: float) -> pd.DataFrame:
    """Shares by month of opening; within a month hardly any customer has two cases."""
    found = counts[["month", "cases"]].copy()
    for name, label in _SHARES.items():
        if not recorded.get(name.split("_")[0], True):
            continue
        pairs = zip(counts[name], counts[_PAIRS[name]], strict=True)
        shares = [
            intervals.wilson(s, n, label=_(label), confidence_level=confidence_level) if n else None for s, n in pairs
        ]
        found[name] = pd.Series(shares, index=found.index, dtype=object)
    return found


def _hours(hours: float) -> str:
    return language.quantity(hours, "hours", digits=0 if math.isclose(hours, round(hours)) else 1)
