"""How often opportunities are won and projects succeed, in all and by group of customers."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.absence import FitError
from crmlab.groups import column_name, group_of, in_order, named
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.shrinkage import apart, shrunken_rates

# customers needed before "every first opportunity was won" is taken as a rule of the data
_RULE = 20
# by kind: label of the rate, and the sentence of the summary
_KINDS = {
    "conversion": (
        N_("conversion rate of closed opportunities"),
        N_("{rate} of closed opportunities were won {evidence}."),
    ),
    "projects": (N_("project success rate"), N_("{rate} of projects that ended were a success {evidence}.")),
}


@dataclass(frozen=True, eq=False)
class SuccessRates:
    """Rate of success, a fraction from 0 to 1, in all and by group; higher is better.

    Attributes
    ----------
    kind
        `conversion` of opportunities, or `projects`.
    total
        Over all; None where nothing has ended yet.
    groups
        One row per group, the largest first: `group`, `ended`, `successes`, `rate` (Wilson's interval) and `shrunken`
        (drawn towards what the groups have in common; None for fewer than three groups).
    correlation
        Of the outcomes of one customer, 0 to 1: it widens every interval.
    firsts_left_out
        First opportunities of a customer that were left out, because it was they that won the customer.
    """

    formats: ClassVar[dict[str, str]] = {"ended": "integer", "successes": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Group"),
        "ended": N_("Ended"),
        "successes": N_("Successes"),
        "rate": N_("Rate"),
        "shrunken": N_("Rate, small groups drawn to the rest"),
    }

    kind: str
    total: Estimate | None
    groups: pd.DataFrame
    by: str | None
    correlation: float
    firsts_left_out: int

    def table(self) -> pd.DataFrame:
        """`groups`, with the names given here in the language that is spoken."""
        return self.groups.assign(group=named(self.groups["group"]))

    def summary(self) -> str:
        """The rate with its interval, and the best and worst group where they can be told apart."""
        if self.total is None:
            return _("No opportunity or project has ended yet, so that no rate can be told.")
        told = _(_KINDS[self.kind][1]).format(rate=self.total.text(), evidence=self.total.evidence())
        firsts = ngettext(
            "One first opportunity is left out: it won the customer, and could not have been lost.",
            "{n} first opportunities are left out: they won the customers, and could not have been lost.",
            self.firsts_left_out,
        ).format(n=language.number(self.firsts_left_out))
        return sentences(told, self._spread(), firsts if self.firsts_left_out else "")

    def _spread(self) -> str:
        """The best and the worst group, where the groups can be told apart."""
        if self.by is None or len(self.groups) < 2:
            return ""
        by, found = column_name(self.by), apart(self.groups)
        if found is None:
            return _("By {by}, no difference can be told.").format(by=by)
        message = _("By {by}, {best} does best: {high} {high_evidence}; {worst} worst: {low} {low_evidence}.")
        return message.format(by=by, **found)


def conversion_rates(
    opportunities: pd.DataFrame,
    profiles: pd.DataFrame | None = None,
    *,
    by: str | None = None,
    confidence_level: float = 0.95,
) -> SuccessRates:
    """Share of closed opportunities that were won.

    Parameters
    ----------
    opportunities
        One row each: `customer_id`, `opened_on`, `outcome` (`won`, `lost`, anything else open).
    profiles, by
        One row per customer with `customer_id` and the column that makes the groups; one group without them.

    Raises
    ------
    FitError
        If `opportunities` lack a column, or `profiles` lack the column `by`.

    Notes
    -----
    A table of those who became customers knows no prospect who never did: the first opportunity of each is then one
    that was won. First opportunities are left out if each of at least 20 was won.
    """
    frame = _required(opportunities, ("customer_id", "opened_on", "outcome"))
    frame = frame.sort_values(["customer_id", "opened_on"], kind="stable", ignore_index=True)
    is_first = ~frame["customer_id"].duplicated()
    firsts = frame.loc[is_first, "outcome"]
    firsts = firsts[firsts.isin(("won", "lost"))]
    out = len(firsts) >= _RULE and (firsts == "won").all()
    left_out = len(firsts) if out else 0
    frame = frame[~is_first] if out else frame
    closed = frame[frame["outcome"].isin(("won", "lost"))]
    success = (closed["outcome"] == "won").to_numpy()
    return _rates("conversion", closed["customer_id"], success, profiles, by, left_out, confidence_level)


def project_success_rates(
    opportunities: pd.DataFrame,
    profiles: pd.DataFrame | None = None,
    *,
    successes: tuple[str, ...],
    by: str | None = None,
    confidence_level: float = 0.95,
) -> SuccessRates:
    """Share of projects that ended in success.

    Parameters
    ----------
    opportunities
        One row each: `customer_id`, `project_outcome` (empty where there is no project, or it has not ended).
    successes
        Outcomes that count as success.
    profiles, by
        As of `conversion_rates`.

    Raises
    ------
    FitError
        If `opportunities` lack a column, no outcome in them is among `successes`, or `profiles` lack the column `by`.
    """
    frame = _required(opportunities, ("customer_id", "project_outcome"))
    outcome = frame["project_outcome"].where(frame["project_outcome"].astype(str).str.strip() != "")
    ended = outcome.notna()
    known = sorted(outcome[ended].unique())
    if known and not set(successes) & set(known):
        named = ", ".join(successes) or "none"
        raise FitError(f"`successes` must name outcomes in the data ({', '.join(known)}), got {named}")
    success = outcome[ended].isin(successes).to_numpy()
    return _rates("projects", frame.loc[ended, "customer_id"], success, profiles, by, 0, confidence_level)


def _required(opportunities: pd.DataFrame, needed: tuple[str, ...]) -> pd.DataFrame:
    missing = [name for name in needed if name not in opportunities]
    if missing:
        raise FitError(f"`opportunities` must have the columns {', '.join(needed)}; missing: {', '.join(missing)}")
    return opportunities[list(needed)]


def _rates(kind, customer_ids, success, profiles, by, left_out, confidence_level) -> SuccessRates:
    columns = ["group", "ended", "successes", "rate", "shrunken"]
    by = None if profiles is None else by
    if len(success) == 0:
        return SuccessRates(kind, None, pd.DataFrame(columns=columns), by, 0.0, left_out)
    label, level = _(_KINDS[kind][0]), {"confidence_level": confidence_level}
    who = pd.factorize(np.asarray(customer_ids))[0]
    correlation = _correlation(who, success)
    total = _wilson(who, success, correlation, label=label, **level)
    if by is None:
        return SuccessRates(kind, total, pd.DataFrame(columns=columns), by, correlation, left_out)
    group = group_of(customer_ids, profiles, by=by).to_numpy()
    rows = []
    for name in pd.unique(group):
        inside = group == name
        rate = _wilson(who[inside], success[inside], correlation, label=label, **level)
        effect = _design_effect(who[inside], correlation)
        rows.append((name, int(inside.sum()), int(success[inside].sum()), rate, effect))
    frame = pd.DataFrame(rows, columns=[*columns[:4], "effect"])
    shrunken = shrunken_rates(
        frame["successes"] / frame["effect"], frame["ended"] / frame["effect"], counts=frame["ended"], label=label,
        **level,
    )  # fmt: skip
    frame["shrunken"] = pd.Series(shrunken or [None] * len(frame), dtype=object)
    return SuccessRates(kind, total, in_order(frame[columns], "ended"), by, correlation, left_out)


def _correlation(who: np.ndarray, success: np.ndarray) -> float:
    """How alike the outcomes of one customer are: 0 for independent ones, 1 for always the same."""
    n, rate = len(success), success.mean()
    sizes = np.bincount(who)
    effect = _mean_size(who)
    if rate in (0, 1) or effect <= 1 or len(sizes) < 2:
        return 0.0
    residual = np.bincount(who, success - rate)
    found = (residual**2).sum() * len(sizes) / (len(sizes) - 1) / (n * rate * (1 - rate))
    return float(np.clip((found - 1) / (effect - 1), 0.0, 1.0))


def _mean_size(who: np.ndarray) -> float:
    """Outcomes of the customer of a randomly chosen outcome."""
    return float((np.bincount(who) ** 2).sum() / len(who))


def _design_effect(who: np.ndarray, correlation: float) -> float:
    return 1 + (_mean_size(who) - 1) * correlation


def _wilson(who: np.ndarray, success: np.ndarray, correlation: float, **options) -> Estimate:
    """Wilson's interval for as many independent outcomes as these are worth."""
    effect = _design_effect(who, correlation)
    found = intervals.wilson(success.sum() / effect, len(success) / effect, **options)
    return replace(found, n=len(success))
