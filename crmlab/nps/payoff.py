"""Does satisfaction pay? What promoters, passives and detractors did after their answer, and are expected to bring.

Every answer that lies far enough back is followed for the same number of months; answers of one customer count as
alike. Beside the plain figures stand adjusted ones, as they would be if the three groups were alike in segment, in
what they spent before the answer and in how long they have been customers. What is left is an association still: who
is content for other reasons may stay for them.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from crmlab import intervals, language
from crmlab.absence import FitError
from crmlab.groups import column_name, group_of
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, listed, sentences
from crmlab.nps.adjusted import AdjustedMeans, adjusted_means
from crmlab.ratios import ratio_of_sums

PROMOTERS, PASSIVES, DETRACTORS = N_("Promoters"), N_("Passives"), N_("Detractors")
GROUPS = (PROMOTERS, PASSIVES, DETRACTORS)
FEWEST = 20  # answers of a group from which on its figures are told
_FEW = N_("too few answers can be followed")
_ALIKE = N_("all of a group did the same")
_UNKNOWN = N_("the client's tables do not say")
_NOTHING = N_("a group brought nothing")
_OUTCOMES = ("retention", "spend", "clv")
_LABELS = {
    "retention": N_("customers who stayed over the months after the answer"),
    "spend": N_("spend over the months after the answer"),
    "clv": N_("customer lifetime value, by the latest answer"),
}


@dataclass(frozen=True, eq=False)
class Payoff:
    """Retention, spend and lifetime value by what customers answered.

    Attributes
    ----------
    groups
        One row for promoters, passives and detractors each: `group`, `answers` that are followed, and estimates, None
        where they cannot be had: `retention` (the share who stayed over the months after the answer), `spend` (money
        over those months, per answer), `clv` (money per customer, by the latest answer), and each with `_adjusted`.
    differences
        By outcome: promoters less detractors, adjusted; above zero, promoters stayed more or brought more.
    reasons
        By outcome: why it, or its adjustment, cannot be had.
    months
        How long an answer is followed.
    adjusted_for
        What the groups are made alike in, in words.
    """

    formats: ClassVar[dict[str, str]] = {"answers": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Answer"),
        "answers": N_("Answers followed"),
        "retention": N_("Stayed"),
        "retention_adjusted": N_("Stayed, adjusted"),
        "spend": N_("Spend after"),
        "spend_adjusted": N_("Spend after, adjusted"),
        "clv": N_("Lifetime value"),
        "clv_adjusted": N_("Lifetime value, adjusted"),
    }

    groups: pd.DataFrame
    differences: dict[str, Estimate]
    reasons: dict[str, str]
    months: int
    adjusted_for: tuple[str, ...]
    unit: str

    def table(self) -> pd.DataFrame:
        """`groups` without the columns that nothing is known of."""
        frame = self.groups.assign(group=[_(name) for name in self.groups["group"]])
        return frame.drop(columns=[name for name in frame.columns[2:] if all(value is None for value in frame[name])])

    def headline(self) -> str:
        """The first thing that promoters did more of than detractors, and what that proves."""
        said = [told for told in (self._said(outcome) for outcome in _OUTCOMES) if told]
        return sentences(said[0], self._caution()) if said else self.summary()

    def summary(self) -> str:
        """What promoters did more of than detractors, all else alike."""
        said = [self._said(outcome) for outcome in _OUTCOMES]
        if not any(said):
            return _("Whether satisfaction pays cannot be told: {reason}.").format(
                reason=_(next(iter(self.reasons.values()), _UNKNOWN))
            )
        return sentences(*said, self._caution())

    def _caution(self) -> str:
        caution = _("These are associations: they do not prove that a better score brings the money.")
        if self.adjusted_for:
            caution = _(
                "These are associations, with the groups made alike in {others}: they do not prove that a better score "
                "brings the money."
            )
        return caution.format(others=listed(self.adjusted_for))

    def _said(self, outcome: str) -> str:
        difference = self.differences.get(outcome)
        if difference is None:
            return ""
        rows = self.groups.set_index("group")[f"{outcome}_adjusted"]
        words = {
            "promoters": rows[PROMOTERS].text(),
            "detractors": rows[DETRACTORS].text(),
            "difference": difference.text(),
            "evidence": difference.evidence(),
            "horizon": language.quantity(self.months, "months"),
        }
        if outcome == "retention":
            words["difference"] = language.number(100 * difference.value, 1)
            return _(
                "Over {horizon} after the answer, {promoters} of promoters and {detractors} of detractors stayed, "
                "adjusted: a difference of {difference} percentage points {evidence}."
            ).format(**words)
        if outcome == "spend":
            return _(
                "Over {horizon} after the answer, promoters spent {promoters} and detractors {detractors}, adjusted: a "
                "difference of {difference} {evidence}."
            ).format(**words)
        return _(
            "The expected lifetime value of promoters is {promoters}, that of detractors {detractors}, adjusted: a "
            "difference of {difference} {evidence}."
        ).format(**words)


def payoff(
    outcomes: pd.DataFrame,
    profiles: pd.DataFrame | None = None,
    clv: pd.DataFrame | None = None,
    *,
    months: int = 12,
    by: str = "segment",
    unit: str = "",
    confidence_level: float = 0.95,
) -> Payoff:
    """Retention, spend and lifetime value of promoters, passives and detractors after their answer.

    Parameters
    ----------
    outcomes
        One row per answer, as `crmlab.aggregate.answer_drivers.answer_outcomes` makes them.
    profiles, by
        One row per customer with `customer_id` and the column that the groups are made alike in; none without them.
    clv
        One row per customer: `customer_id` and `clv`, as of now; None if it is not known.
    months
        How long an answer was followed, as `answer_outcomes` was told.
    unit
        Currency of the amounts (ISO 4217).

    Raises
    ------
    FitError
        If no score is of a known customer, or none of a customer whose fate is known lies far enough back.
    """
    intervals.z_score(confidence_level)
    if outcomes.empty:
        raise FitError(_("no score from 0 to 10 is of a known customer, so that none can be followed"))
    frame = outcomes.assign(group=np.digitize(-outcomes["nps"].to_numpy(float), [-8.5, -6.5]))
    others, names = _others(frame, profiles, by)
    followed = frame["followed"].to_numpy(bool)
    latest = ~frame["customer_id"].duplicated(keep="last").to_numpy()
    wanted = {
        "retention": (frame.get("retained"), followed),
        "spend": (frame.get("spend_after"), followed),
        "clv": (None if clv is None else frame["customer_id"].map(clv.set_index("customer_id")["clv"]), latest),
    }
    columns, differences, reasons = {}, {}, {}
    for outcome, (values, chosen) in wanted.items():
        if values is None:
            reasons[outcome] = _UNKNOWN
            continue
        used = chosen & values.notna().to_numpy()
        part = frame[used].assign(value=values[used].astype(float))
        label = _(_LABELS[outcome])
        options: dict[str, Any] = {
            "label": label,
            "unit": "share" if outcome == "retention" else unit,
            "level": confidence_level,
        }
        columns[outcome] = [_plain(part[part["group"] == own], **options) for own in range(3)]
        try:
            found, kept = _adjusted(part, others[used], amount=outcome != "retention")
        except FitError as error:
            reasons[outcome] = str(error)
            continue
        columns[f"{outcome}_adjusted"] = _estimates(found, kept, part, **options)
        if {0, 2} <= set(kept):
            contrast = np.array([(own == 0) - float(own == 2) for own in kept])
            ends = found.bounds(contrast, confidence_level)
            differences[outcome] = Estimate(*ends, options["unit"], len(part), label, confidence_level)
    if not columns or not any(value is not None for values in columns.values() for value in values):
        message = _("no answer of a known customer can be followed over {horizon}")
        raise FitError(message.format(horizon=language.quantity(months, "months")))
    counts = frame[followed]["group"].value_counts()
    groups = pd.DataFrame({"group": GROUPS, "answers": [int(counts.get(own, 0)) for own in range(3)]})
    for name in (f"{outcome}{kind}" for outcome in _OUTCOMES for kind in ("", "_adjusted")):
        groups[name] = pd.Series(columns.get(name, [None] * 3), dtype=object)
    return Payoff(groups, differences, reasons, int(months), names, unit)


def _others(frame: pd.DataFrame, profiles: pd.DataFrame | None, by: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """What the groups are made alike in: one row per answer, and the names."""
    columns, names = [], []
    if profiles is not None and by in profiles:
        group = group_of(frame["customer_id"], profiles, by=by, fewest=FEWEST)
        columns += [(group == level).to_numpy(float) for level in sorted(group.unique())[1:]]
        names.append(column_name(by))
    if "spend_before" in frame:
        spent = frame["spend_before"].to_numpy(float)
        columns += [np.log1p(np.maximum(spent, 0.0)), (spent <= 0).astype(float)]
        names.append(_("earlier spend"))
    if "tenure_months" in frame and frame["tenure_months"].notna().all():
        columns.append(np.log1p(frame["tenure_months"].to_numpy(float)))
        names.append(_("time as a customer"))
    return np.column_stack(columns) if columns else np.empty((len(frame), 0)), tuple(names)


def _plain(part: pd.DataFrame, *, label: str, unit: str, level: float) -> Estimate | None:
    """The mean of one group as it is; None of fewer answers than can be told of."""
    if len(part) < FEWEST:
        return None
    sums = part.groupby("customer_id")["value"].agg(["sum", "count"])
    if unit != "share":
        # sums of money are skewed: on the scale of logarithms the interval reaches further up than down
        scale = "log" if sums["sum"].sum() > 0 else "plain"
        found = ratio_of_sums(sums["sum"], sums["count"], unit=unit, label=label, scale=scale, confidence_level=level)
        return replace(found, n=len(part))
    n, m, p = len(part), len(sums), float(part["value"].mean())
    effect = 1.0
    if 0 < p < 1 and m > 1:
        spread = float(((sums["sum"] - p * sums["count"]) ** 2).sum())
        effect = max(1.0, m / (m - 1) * spread / (n * p * (1 - p)))
    worth = float(n / effect * (intervals.z_score(level) / stats.t.ppf(0.5 + level / 2, max(m - 1, 1))) ** 2)
    found = intervals.wilson(p * worth, worth, label=label, confidence_level=level)
    return replace(found, value=p, low=min(found.low, p), high=max(found.high, p), n=n)


def _adjusted(part: pd.DataFrame, others: np.ndarray, *, amount: bool) -> tuple[AdjustedMeans, list[int]]:
    """Adjusted means of the groups that are large enough, and which those are."""
    counts = part["group"].value_counts()
    kept = [own for own in range(3) if counts.get(own, 0) >= FEWEST]
    if len(kept) < 2:
        raise FitError(_(_FEW))
    inside = part["group"].isin(kept).to_numpy()
    part, others = part[inside], others[inside]
    means = part.groupby("group")["value"].mean()
    if not amount and means.isin((0.0, 1.0)).any():
        raise FitError(_(_ALIKE))
    if amount and (means <= 0).any():
        raise FitError(_(_NOTHING))
    number = part["group"].map({own: place for place, own in enumerate(kept)}).to_numpy()
    return adjusted_means(part["value"], number, others, part["customer_id"], amount=amount), kept


def _estimates(found: AdjustedMeans, kept: list[int], part: pd.DataFrame, *, label: str, unit: str, level: float):
    """One estimate per group, its interval on the scale that keeps it within its range."""
    counts = part["group"].value_counts()
    result: list[Estimate | None] = [None] * 3
    for place, own in enumerate(kept):
        value = float(found.means[place])
        error, freedom = found.standard_error(np.arange(len(kept)) == place)
        shown: dict[str, Any] = {"n": int(counts[own]), "label": label, "confidence_level": level}
        if unit == "share":
            result[own] = intervals.from_standard_error(
                value, error, unit=unit, within=(0, 1), degrees_of_freedom=freedom, **shown
            )
        else:
            half = float(stats.t.ppf(0.5 + level / 2, freedom)) * error / value
            result[own] = Estimate(value, value * np.exp(-half), value * np.exp(half), unit, **shown)
    return result
