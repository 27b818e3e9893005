"""Who gains: the effect of the programme by industry, region or segment, small groups drawn towards what all share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from crmlab import language
from crmlab.absence import FitError
from crmlab.groups import NOT_KNOWN, OTHERS, column_name, group_of, in_order, named
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.normal_shrinkage import heterogeneity_p, shrunken_effects
from crmlab.uplift.before_after import before_after_effect
from crmlab.uplift.effect import ProgrammeEffect, p_words
from crmlab.uplift.randomised import randomised_effect
from crmlab.uplift.rollout import rollout_effect
from crmlab.uplift.wording import LABELS

FUNCTIONS: dict[str, Callable[..., ProgrammeEffect]] = {
    "randomised": randomised_effect,
    "rollout": rollout_effect,
    "before_after": before_after_effect,
}
# of fewer customers, a few large orders make the effect
_FEWEST_OF_GROUP = 60


@dataclass(frozen=True, eq=False)
class GroupEffects:
    """The effect by group.

    Attributes
    ----------
    groups
        One row per group, the largest first: `group`, `treated` customers, `customer_months`, `effect` of its own,
        `shrunken` (drawn towards what the groups have in common; None for fewer than three groups), `standard_error`
        of the latter where there is one, else of the former, and `cost_per_customer` of those reached, where known.
        Effects are per customer and month, in the client's currency.
    by
        The column that makes the groups.
    p
        Of the hypothesis that all groups gain alike, from 0 to 1; None for one group.
    left_out
        Groups whose effect cannot be told.
    """

    formats: ClassVar[dict[str, str]] = {"treated": "integer", "cost_per_customer": "money"}
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Group"),
        "treated": N_("Customers reached"),
        "effect": N_("Effect per customer and month"),
        "shrunken": N_("Effect, uncertain groups drawn to the rest"),
        "cost_per_customer": N_("Cost per customer reached"),
    }

    design: str
    outcome: str
    by: str
    groups: pd.DataFrame
    p: float | None
    left_out: int

    @property
    def best_known(self) -> str:
        """The column to go by: `shrunken` where there is one."""
        return "effect" if self.groups["shrunken"].isna().any() else "shrunken"

    def table(self) -> pd.DataFrame:
        """One row per group: customers reached, effect per customer and month, own and shrunken, cost where known."""
        shown = self.groups.assign(group=named(self.groups["group"]))
        unknown = [name for name in ("cost_per_customer", "shrunken") if shown[name].isna().all()]
        return shown.drop(columns=[*unknown, "customer_months", "standard_error"])

    def for_budget(self) -> pd.DataFrame:
        """What `crmlab.roi.budget` takes: `group`, `estimate` and `standard_error` per customer and month, and `n`."""
        shown = self.groups[self.best_known]
        return pd.DataFrame(
            {
                "group": self.groups["group"],
                "estimate": [each.value for each in shown],
                "standard_error": self.groups["standard_error"],
                "n": [each.n for each in shown],
            }
        )

    def summary(self) -> str:
        """Whether the effect differs between groups (p below 0.05), where it is largest and where smallest."""
        by = column_name(self.by)
        out = ngettext(
            "One group is left out, for its effect cannot be told.",
            "{n} groups are left out, for their effects cannot be told.",
            self.left_out,
        ).format(n=language.number(self.left_out))
        out = out if self.left_out else ""
        rows = self.groups[~self.groups["group"].isin((OTHERS, NOT_KNOWN))]
        if self.p is None or len(rows) < 2:
            return sentences(_("By {by}, there is one group only whose effect can be told.").format(by=by), out)
        values = np.array([each.value for each in rows[self.best_known]])
        best, worst = rows.iloc[int(values.argmax())], rows.iloc[int(values.argmin())]
        words = {"by": by, "p": p_words(self.p), "best": best["group"], "worst": worst["group"]}
        for place, row in (("high", best), ("low", worst)):
            words |= {place: row[self.best_known].text(), f"{place}_evidence": row[self.best_known].evidence()}
        message = _("By {by}, no difference in the effect can be told from chance ({p}); {best} stands at {high} "
                    "{high_evidence}, {worst} at {low} {low_evidence}.")  # fmt: skip
        if self.p < 0.05:
            message = _("By {by}, the effect differs ({p}): it is largest for {best}, {high} {high_evidence}, and "
                        "smallest for {worst}, {low} {low_evidence}.")  # fmt: skip
        return sentences(message.format(**words), out)


def effect_by_group(panel, profiles: pd.DataFrame, effect: ProgrammeEffect, *, by: str, **options) -> GroupEffects:
    """The effect of the programme in each group of customers, by the design that found it in all.

    Parameters
    ----------
    panel
        What `crmlab.aggregate.exposure_months` gives.
    profiles
        One row per customer: `customer_id` and the column `by`.
    effect
        The effect on all, whose design, outcome, unit and confidence level are used.
    by
        Column that makes the groups, such as `industry`.
    options
        Further ones of the design, such as `history_months`.

    Raises
    ------
    FitError
        Where the effect can be told in no group; single groups where it cannot are counted in `left_out`.
    """
    group = group_of(panel.customers["customer_id"], profiles, by=by, fewest=_FEWEST_OF_GROUP).to_numpy()
    level = effect.estimate.confidence_level
    options = options | {"outcome": effect.outcome, "unit": effect.unit, "confidence_level": level}
    rows, left_out = [], 0
    for name in pd.unique(group):
        try:
            found = FUNCTIONS[effect.design](panel.subset(group == name), **options)
        except FitError:
            # counted, and said in the summary
            left_out += 1
            continue
        cost = _cost(panel, group == name)
        rows.append((name, found.treated, found.customer_months, found.estimate, found.standard_error,
                     found.degrees_of_freedom, cost))  # fmt: skip
    if not rows:
        raise FitError(f"there is no group by {by} whose effect can be told")
    columns = ["group", "treated", "customer_months", "effect", "standard_error", "freedom", "cost_per_customer"]
    groups = in_order(pd.DataFrame(rows, columns=columns), "treated")
    values = [each.value for each in groups["effect"]]
    # of an error that is itself uncertain, as much wider as Student's interval is than the normal one
    tail = 0.5 + level / 2
    errors = groups["standard_error"] * stats.t.ppf(tail, groups["freedom"]) / stats.norm.ppf(tail)
    shrunken = shrunken_effects(
        values, errors, unit=effect.unit, counts=[each.n for each in groups["effect"]],
        label=_(LABELS[effect.outcome][0]), confidence_level=level,
    )  # fmt: skip
    groups["shrunken"] = pd.Series(
        [each.estimate for each in shrunken] if shrunken else [None] * len(groups), dtype=object
    )
    if shrunken:
        groups["standard_error"] = [each.standard_error for each in shrunken]
    return GroupEffects(
        effect.design, effect.outcome, by, groups.drop(columns="freedom"), heterogeneity_p(values, errors), left_out
    )


def _cost(panel, inside: np.ndarray) -> float | None:
    if "cost" not in panel.customers:
        return None
    known = panel.customers.loc[inside & panel.customers["treated"].to_numpy(), "cost"].astype(float).dropna()
    return float(known.mean()) if len(known) else None
