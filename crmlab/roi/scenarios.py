"""Scenarios of a programme side by side, and what must be true for it to break even.

Three are made from what is uncertain: as expected; pessimistic, with the effect and every stated range at their worse
end together; optimistic, at their better end. Where the client's table has a plan of that name, its flows after the
as-of date are taken; its plans of other names, and the analyst's own scenarios, stand beside them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.messages import N_, _, sentences
from crmlab.roi.cash_flows import Programme, programme
from crmlab.roi.ranges import read_ranges
from crmlab.roi.reach import ACTUAL
from crmlab.roi.returns import internal_rates, months_to_payback
from crmlab.roi.terms import ALL, EFFECT, PERSISTENCE, RATE, Lines, lines_of, term_name, told_term

PESSIMISTIC, BASE, OPTIMISTIC = N_("Pessimistic"), N_("As expected"), N_("Optimistic")
# what a client's plan of the same meaning is called
PLANS = {PESSIMISTIC: "pessimistic", BASE: "base", OPTIMISTIC: "optimistic"}
_MOST = 100.0  # how many times more than planned is looked at for a break-even


@dataclass(frozen=True, eq=False)
class Scenarios:
    """What the programme returns under several sets of terms.

    Attributes
    ----------
    cases
        One row per scenario: `scenario`, `plan`, `effect` (per customer-month), `benefits_pv`, `costs_pv`, `npv` in the
        currency `unit`, `roi` (a share), `payback` in months; what there is none of is empty.
    """

    formats: ClassVar[dict[str, str]] = {"roi": "share", "payback": "number"} | (
        dict.fromkeys(("effect", "benefits_pv", "costs_pv", "npv"), "money")
    )
    labels: ClassVar[dict[str, str]] = {
        "scenario": N_("Scenario"), "plan": N_("Plan taken"), "effect": N_("Effect per customer and month"),
        "benefits_pv": N_("Benefits, present value"), "costs_pv": N_("Costs, present value"),
        "npv": N_("Net present value"), "roi": N_("Return on investment"), "payback": N_("Payback, months"),
    }  # fmt: skip

    cases: pd.DataFrame
    unit: str

    def table(self) -> pd.DataFrame:
        """`cases`, with the names given here in the language that is spoken; no effect where none is measured."""
        shown = self.cases["scenario"].map(lambda name: _(name) if name in PLANS else name)
        frame = self.cases.assign(scenario=shown, plan=self.cases["plan"].replace("", None))
        return frame if frame["effect"].notna().any() else frame.drop(columns="effect")

    def summary(self) -> str:
        """In how many scenarios the programme pays, and from where to where its net present value goes."""
        names = self.table()["scenario"]
        pays = (self.cases["npv"] > 0).to_numpy()
        worst, best = self.cases["npv"].idxmin(), self.cases["npv"].idxmax()
        low, high = (language.quantity(float(self.cases["npv"][place]), self.unit) for place in (worst, best))
        told = _("The programme pays in {some} of {n} scenarios.").format(some=int(pays.sum()), n=len(pays))
        if pays.all():
            told = _("The programme pays in all {n} scenarios.").format(n=len(pays))
        elif not pays.any():
            told = _("The programme pays in none of {n} scenarios.").format(n=len(pays))
        return sentences(
            told,
            _("Net present value goes from {low} ({worst}) to {high} ({best}).").format(
                low=low, worst=names[worst], high=high, best=names[best]
            ),
        )


@dataclass(frozen=True, eq=False)
class BreakEven:
    """What must be true for the net present value not to be below zero, one term moved at a time.

    Attributes
    ----------
    conditions
        One row per term: `term`, `now`, `needed` (None where no value of the term would do, or any), `at_least` (the
        term must not be lower; else not higher), `holds` (what is expected meets it) and `any` (every value would do).
        Units are those of the terms: see `crmlab.roi.terms`.
    """

    labels: ClassVar[dict[str, str]] = {
        "term": N_("Term"), "now": N_("Expected"), "needed": N_("Needed to break even"), "holds": N_("Met"),
    }  # fmt: skip
    formats: ClassVar[dict[str, str]] = dict.fromkeys(labels, "text")

    conditions: pd.DataFrame
    unit: str

    def table(self) -> pd.DataFrame:
        """One row per term, in words."""
        rows = [
            (
                term_name(row.term),
                told_term(row.term, row.now, self.unit),
                self._needed(row),
                _("yes") if row.holds else _("no"),
            )
            for row in self.conditions.itertuples()
        ]
        return pd.DataFrame(rows, columns=list(self.labels))

    def summary(self) -> str:
        """The conditions that can fail."""
        return sentences(*self.told())

    def told(self) -> list[str]:
        """The conditions that can fail, each a sentence."""
        found = []
        for row in self.conditions.itertuples():
            if row.any:
                continue
            message = _("{term}: no value would do.")
            if row.needed is not None:
                message = _("{term} must be at most {needed}; {now} is expected.")
                if row.at_least:
                    message = _("{term} must be at least {needed}; {now} is expected.")
            needed = "" if row.needed is None else told_term(row.term, row.needed, self.unit)
            now = told_term(row.term, row.now, self.unit)
            found.append(message.format(term=term_name(row.term), needed=needed, now=now))
        return found

    def _needed(self, row) -> str:
        if row.any:
            return _("any value")
        if row.needed is None:
            return _("no value would do")
        needed = told_term(row.term, row.needed, self.unit)
        return (_("at least {value}") if row.at_least else _("at most {value}")).format(value=needed)


def scenarios(
    flows: pd.DataFrame,
    *,
    ranges: Mapping[str, Mapping] | None = None,
    own: Mapping[str, Mapping[str, float]] | None = None,
    plan: str = "base",
    **terms,
) -> Scenarios:
    """The programme as expected, pessimistic, optimistic, under the client's plans and the analyst's own terms.

    Parameters
    ----------
    flows, plan, terms
        As `cash_flows.programme` takes them.
    ranges
        As `simulation.simulate` takes them.
    own
        By name: terms (see `crmlab.roi.terms`) and their values, `{slow start: {effect: 120, licence: 1.2}}`.

    Raises
    ------
    ValueError
        If a name of `own` is that of a scenario made here or of a plan, or a term is unknown.
    """
    own, evaluated = dict(own or {}), programme(flows, plan=plan, **terms)
    plans = [name for name in flows["scenario"].unique() if name != ACTUAL]
    taken = sorted(set(own) & {*PLANS, *plans})
    if taken:
        raise ValueError(f"`own` must have names of their own, got {taken[0]!r}")
    rows = []
    for name, theirs in PLANS.items():
        case = programme(flows, plan=theirs, **terms) if theirs in plans and name != BASE else evaluated
        lines = lines_of(case)
        rows.append(
            _row(name, lines, {} if name == BASE else _together(lines, ranges or {}, better=name == OPTIMISTIC))
        )
    others = [name for name in plans if name not in (*PLANS.values(), evaluated.plan)]
    rows += [_row(name, lines_of(programme(flows, plan=name, **terms)), {}) for name in others]
    rows += [_row(name, lines_of(evaluated), moved) for name, moved in own.items()]
    return Scenarios(pd.DataFrame(rows), evaluated.unit)


def break_even(evaluated: Programme) -> BreakEven:
    """How low the effect or the benefits, how high the costs or the discount rate may be until nothing is gained.

    Parameters
    ----------
    evaluated
        As `cash_flows.programme` gives it.
    """
    lines = lines_of(evaluated)
    rows = []
    for term in (name for name in lines.known if name in (EFFECT, PERSISTENCE, RATE, *ALL.values())):
        now, at_least = lines.own(term), term not in (RATE, "costs")
        rows.append((term, now, *_limit(lines, term, at_least)))
    columns = ["term", "now", "needed", "at_least", "holds", "any"]
    found = pd.DataFrame(rows, columns=columns).astype({"needed": object})
    return BreakEven(found.assign(needed=found["needed"].where(found["needed"].notna(), None)), evaluated.unit)


def _limit(lines: Lines, term: str, at_least: bool) -> tuple[float | None, bool, bool, bool]:
    """The value of a term at which nothing is gained or lost; whether as expected it is met, and whether any would."""

    def npv(value: float) -> float:
        benefits, costs = lines.present_values({term: value})
        return float(benefits - costs)

    holds = npv(lines.own(term)) >= 0
    if term == EFFECT:
        without, slope = npv(0.0), npv(1.0) - npv(0.0)
        return (-without / slope if slope > 0 else None), at_least, holds, slope <= 0 and holds
    if term == RATE:
        flows = lines.net_flows({})[0]
        above = [rate for rate in internal_rates(lines.days, flows) if (rate > lines.own(RATE)) == holds]
        # the nearest rate at which the sign changes
        nearest = min(above, key=lambda rate: abs(rate - lines.own(RATE)), default=None)
        return nearest, at_least, holds, nearest is None and holds
    low, high = (0.0, 1.0) if term == PERSISTENCE else (0.0, _MOST)
    first, last = npv(low), npv(high)
    if first * last > 0 or first == last:
        return None, at_least, holds, holds
    from scipy.optimize import brentq

    return float(brentq(npv, low, high)), at_least, holds, False


def _together(lines: Lines, ranges: Mapping, *, better: bool) -> dict[str, float]:
    """Every uncertain term at the end that raises the net present value, or at the one that lowers it."""
    stated = read_ranges(lines.checked(ranges), likely={name: lines.own(name) for name in lines.known})
    ends = {name: (each.low, each.high) for name, each in stated.items()}
    effect = lines.programme.effect
    if effect is not None and effect.low is not None:
        ends[EFFECT] = (effect.low, effect.high)
    chosen = {}
    for name, pair in ends.items():
        worth = [float(np.subtract(*lines.present_values({name: end}))) for end in pair]
        chosen[name] = pair[int(np.argmax(worth)) if better else int(np.argmin(worth))]
    return chosen


def _row(name: str, lines: Lines, terms: Mapping[str, float]) -> dict:
    benefits, costs = (float(value) for value in lines.present_values(terms))
    effect = None if lines.programme.effect is None else terms.get(EFFECT, lines.own(EFFECT))
    found = {"scenario": name, "plan": lines.programme.plan, "effect": effect}
    found |= {"benefits_pv": benefits, "costs_pv": costs, "npv": benefits - costs}
    found["roi"] = (benefits - costs) / costs if costs > 0 else None
    return found | {"payback": months_to_payback(lines.days, lines.net_flows(terms)[0])}
