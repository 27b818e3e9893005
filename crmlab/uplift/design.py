"""The effect of the programme by the best design that the data allow, and by each that they allow."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab.absence import FitError
from crmlab.messages import N_, _, sentences
from crmlab.uplift.before_after import before_after_effect
from crmlab.uplift.cells import outcome_of
from crmlab.uplift.effect import ProgrammeEffect, p_words
from crmlab.uplift.measured import FEWEST
from crmlab.uplift.randomised import randomised_effect
from crmlab.uplift.rollout import rollout_effect
from crmlab.uplift.wording import DESIGNS

ASSIGNMENTS = ("unknown", "random")


def programme_effect(
    panel,
    *,
    assignment: str = "unknown",
    outcome: str = "margin",
    unit: str = "",
    history_months: int = 3,
    base_months: int = 12,
    placebo_months: int = 6,
    confidence_level: float = 0.95,
) -> ProgrammeEffect:
    """What the programme caused, per customer-month of those whom it reached.

    A randomised test, if the client states that chance decided whom the programme reached; else a rollout against
    customers whom it had not reached; else, with nobody to compare with, before and after.

    Parameters
    ----------
    panel
        What `crmlab.aggregate.exposure_months` gives.
    assignment
        `random` where chance decided whom the programme reached and when, `unknown` otherwise: no file can say that.
    outcome
        `margin`, which enters the return, or `revenue`.
    history_months, base_months, placebo_months
        See `crmlab.uplift.rollout.rollout_effect`.
    unit, confidence_level
        Currency of the outcome (ISO 4217), and level of the intervals.

    Raises
    ------
    ValueError
        If `assignment` is neither `random` nor `unknown`.
    FitError
        Where the data cannot tell: nobody was reached, everybody from the first month on, or fewer than 10 customers.
    """
    if assignment not in ASSIGNMENTS:
        raise ValueError(f"`assignment` must be among {', '.join(ASSIGNMENTS)}, got {assignment!r}")
    options: dict[str, Any] = {"outcome": outcome, "unit": unit, "confidence_level": confidence_level}
    _enough_reached(panel, outcome)
    comparable = _comparable(panel)
    if comparable and assignment == "random":
        return randomised_effect(panel, base_months=base_months, **options)
    _seen_before(panel)
    if comparable:
        return rollout_effect(
            panel, history_months=history_months, base_months=base_months, placebo_months=placebo_months, **options
        )
    return before_after_effect(panel, **options)


def _enough_reached(panel, outcome: str) -> None:
    outcome_of(panel, outcome)
    reached = int((panel.customers["start"] < len(panel.months)).sum())
    if not reached:
        raise FitError("the programme has reached nobody for a whole month yet")
    if reached < FEWEST:
        of = "one customer" if reached == 1 else f"{reached} customers"
        raise FitError(f"the programme reached {of}, and it takes {FEWEST} to tell an effect from chance")


def _seen_before(panel) -> None:
    who = panel.customers[panel.customers["start"] < len(panel.months)]
    observed = np.append(0, np.cumsum(panel.observed))
    first, last = (who[name].clip(0, len(panel.months)).to_numpy() for name in ("entry", "before"))
    if not ((who["before"] >= who["entry"]) & (observed[np.maximum(last + 1, first)] > observed[first])).any():
        raise FitError(
            "no customer whom the programme reached was seen before it, so that nothing shows what would have been "
            "without it"
        )


def _comparable(panel) -> bool:
    """Whether, at the start of some wave, enough others were there who were not reached until later."""
    who = panel.customers
    starts = np.unique(who["start"][who["start"] < len(panel.months)])
    there = [((who["entry"] <= start) & (who["before"] >= start)).sum() for start in starts]
    return max(there, default=0) >= FEWEST


@dataclass(frozen=True, eq=False)
class EffectsByDesign:
    """The same effect by every design that the data allow; the first is the one that counts.

    Attributes
    ----------
    effects
        Results, the strongest design first; each is per treated customer-month, in the client's currency.
    """

    formats: ClassVar[dict[str, str]] = {"customers": "integer", "p": "ratio"}
    labels: ClassVar[dict[str, str]] = {
        "design": N_("Design"),
        "customers": N_("Customers compared"),
        "effect": N_("Effect per customer and month"),
        "p": N_("p value"),
        "strength": N_("Evidence"),
    }

    effects: tuple[ProgrammeEffect, ...]

    def table(self) -> pd.DataFrame:
        """One row per design, the strongest first: customers compared, effect per customer and month, p, evidence."""
        words = {"strong": _("strong"), "moderate": _("moderate"), "weak": _("weak")}
        rows = [
            (_(DESIGNS[each.design]), each.estimate.n, each.estimate, each.p, words[each.strength])
            for each in self.effects
        ]
        return pd.DataFrame(rows, columns=["design", "customers", "effect", "p", "strength"])

    def summary(self) -> str:
        """Whether the designs agree within their intervals, and what the weakest alone would say."""
        first, *others = self.effects
        if not others:
            return _("The data allow one design only: {design}.").format(design=_(DESIGNS[first.design]))
        alike = all(each.estimate.low <= first.estimate.high and first.estimate.low <= each.estimate.high
                    for each in others)  # fmt: skip
        told = _("Every design that the data allow says the same, within its interval.")
        if not alike:
            told = _("The designs do not agree; the first of the table is the one to go by.")
        weakest = others[-1]
        return sentences(told, _("By {design} alone, the effect would be {effect} {evidence}, {p}.").format(
            design=_(DESIGNS[weakest.design]), effect=weakest.estimate.text(), evidence=weakest.estimate.evidence(),
            p=p_words(weakest.p)))  # fmt: skip


def effects_by_design(panel, *, assignment: str = "unknown", **options) -> EffectsByDesign:
    """The effect by every design that the data allow; one that they cannot carry is left out.

    Parameters
    ----------
    panel, assignment, options
        As of `programme_effect`, which also says what is raised.
    """
    chosen = programme_effect(panel, assignment=assignment, **options)
    shared = {name: options[name] for name in ("outcome", "unit", "confidence_level") if name in options}
    found = [chosen]
    for design, function, extra in (
        ("rollout", rollout_effect, ("history_months", "base_months", "placebo_months")),
        ("before_after", before_after_effect, ()),
    ):
        known = list(DESIGNS)
        if known.index(design) > known.index(chosen.design):
            given = shared | {name: options[name] for name in extra if name in options}
            found += _if_carried(function, panel, given)
    return EffectsByDesign(tuple(found))


def _if_carried(function, panel, options: dict) -> list[ProgrammeEffect]:
    try:
        return [function(panel, **options)]
    except FitError:
        # a design that the data cannot carry has no row; the one that counts has been found
        return []
