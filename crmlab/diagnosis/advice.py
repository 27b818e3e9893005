"""Advice for the client as a whole, by rules over what the analyses publish: review of the channels where winning
customers costs too much, better service where cases wait too long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.diagnosis.indicators import DEFAULTS, Indicator
from crmlab.diagnosis.rules import Rule, rules
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, clauses, ngettext, sentences

ADVICE = (
    Rule(
        "channels",
        "clv_to_cac < clv_to_cac_target",
        N_("Spend on the channels whose customers pay back; leave or renegotiate the others."),
        N_("Marketing"),
        N_("Review the channels"),
    ),
    Rule(
        "product_and_service",
        "csat < csat_target or nps < nps_target",
        N_("Begin with what dissatisfied customers complain of; measure again after a quarter."),
        N_("Management"),
        N_("Improve product and service"),
    ),
    Rule(
        "answer_sooner",
        "response_within < response_within_target or resolution_within < resolution_within_target",
        N_("Staff the hours at which cases wait; send each kind of case to who can solve it."),
        N_("Customer service"),
        N_("Answer and resolve in time"),
    ),
    Rule(
        "solve_at_once",
        "reopen_rate > reopen_rate_target",
        N_("Find why cases come back; close one only when the customer agrees."),
        N_("Customer service"),
        N_("Solve cases at once"),
    ),
    Rule(
        "keep_customers",
        "retention_rate < retention_rate_target or repurchase_rate < repurchase_rate_target",
        N_("Call those at risk before their term ends, the most valuable first."),
        N_("Account manager"),
        N_("Keep more customers"),
    ),
    Rule(
        "renewals",
        "renewal_rate < renewal_rate_target",
        N_("Offer renewal early; ask whoever does not renew why."),
        N_("Sales"),
        N_("Renew more contracts"),
    ),
    Rule(
        "stop_the_decline",
        "revenue_growth < 0",
        N_("Find which groups of customers shrink, and decide which of them to win back."),
        N_("Management"),
        N_("Stop the decline of revenue"),
    ),
    Rule(
        "qualify",
        "conversion_rate < conversion_rate_target",
        N_("Qualify opportunities sooner; put the time into those of groups that are won."),
        N_("Sales"),
        N_("Win more opportunities"),
    ),
    Rule(
        "projects",
        "project_success_rate < project_success_rate_target",
        N_("Review each project that failed; hold payments to milestones."),
        N_("Management"),
        N_("Make projects succeed"),
    ),
    Rule(
        "spread",
        "top_10_share > top_10_share_target",
        N_("Win customers beside the largest; bind the largest by longer terms."),
        N_("Sales"),
        N_("Depend less on a few customers"),
    ),
    Rule(
        "collect",
        "overdue_share > overdue_share_target",
        N_("Remind before the due date; call within a week of it; stop deliveries after a month."),
        N_("Credit control"),
        N_("Collect what is overdue"),
    ),
    Rule(
        "lend_with_care",
        "default_rate > default_rate_target or expected_credit_loss_rate > expected_credit_loss_rate_target",
        N_("Check credit before the first delivery; set limits and terms by risk tier."),
        N_("Credit control"),
        N_("Tighten credit"),
    ),
    Rule(
        "programme",
        "roi < 0",
        N_("Keep those parts of the CRM programme that show an effect; end the others."),
        N_("Management"),
        N_("Make the programme pay"),
    ),
    Rule(
        "data",
        "data_completeness < data_completeness_target",
        N_("Supply the tables and fields that are missing."),
        N_("Management"),
        N_("Complete the data"),
    ),
    Rule(
        "ask_more",
        "response_rate < response_rate_target",
        N_("Shorter surveys, right after the service; tell customers what came of their answers."),
        N_("Customer service"),
        N_("Hear more customers"),
    ),
)


@dataclass(frozen=True, eq=False)
class Advice:
    """What the client as a whole should do.

    Attributes
    ----------
    rows
        One row per rule that holds, certain ones first, then those furthest from their targets: `advice`, `title`,
        `because`, `action`, `owner`, `certain` (it holds at both ends of the intervals).
    judged, unjudged
        Rules whose metrics are known, and the others.
    """

    formats: ClassVar[dict[str, str]] = dict.fromkeys(("title", "because", "action", "owner", "evidence"), "text")
    labels: ClassVar[dict[str, str]] = {
        "title": N_("Advice"),
        "because": N_("Because"),
        "action": N_("What is done"),
        "owner": N_("Who does it"),
        "evidence": N_("Evidence"),
    }

    rows: pd.DataFrame
    judged: int
    unjudged: int

    def table(self) -> pd.DataFrame:
        """One row per advice, in the language that is spoken."""
        evidence = [
            _("clear") if certain else _("not certain: the interval allows both") for certain in self.rows["certain"]
        ]
        words = {name: self.rows[name].map(_) for name in ("title", "action", "owner")}
        return self.rows.assign(evidence=evidence, **words)[list(self.formats)]

    def summary(self) -> str:
        """How many rules ask for action, how many of them beyond doubt, and what comes first."""
        rows = self.rows
        if not self.judged:
            return _("No advice can be given: none of the figures it rests on is known.")
        left = ngettext(
            "One rule could not be judged for want of figures.",
            "{n} rules could not be judged for want of figures.",
            self.unjudged,
        ).format(n=language.number(self.unjudged))
        left = left if self.unjudged else ""
        if rows.empty:
            found = ngettext(
                "The one rule that could be judged asks for nothing.",
                "None of the {n} rules that could be judged asks for anything.",
                self.judged,
            ).format(n=language.number(self.judged))
            return sentences(found, left)
        first = rows.iloc[0]
        found = ngettext(
            "{held} of {n} rules asks for action, {certain} of them beyond doubt.",
            "{held} of {n} rules ask for action, {certain} of them beyond doubt.",
            len(rows),
        ).format(
            held=language.number(len(rows)),
            n=language.number(self.judged),
            certain=language.number(int(rows["certain"].sum())),
        )
        most = _("First: {title} ({because}).").format(title=_(first.title), because=first.because)
        return sentences(found, most, left)


def portfolio_advice(
    metrics: Mapping[str, Estimate], indicators: Sequence[Indicator], *, own: Sequence[Mapping[str, str]] = ()
) -> Advice:
    """Which rules hold for what was published.

    Parameters
    ----------
    metrics
        By name, as the notebooks publish them.
    indicators
        Of the client: a rule may read `csat_target` and `csat_floor` beside `csat`.
    own
        The client's rules, each with `name`, `when`, `action` and perhaps `owner`; they come before `ADVICE`.

    Raises
    ------
    ValueError
        If a rule of the client cannot be read, with the nearest known name.
    """
    scored = {each.name: each for each in indicators}
    names = {*(each.name for each in DEFAULTS), *scored, *metrics}
    known = {f"{name}{end}": "number" for name in names for end in ("", "_target", "_floor")}
    columns = dict.fromkeys(known, np.nan)
    for name, indicator in scored.items():
        columns |= {f"{name}_target": indicator.target, f"{name}_floor": indicator.floor}
    ends = {name: (each.value, each.low, each.high) for name, each in metrics.items()}
    told = {
        name: [value, *((value, value) if low is None else (low, high))] for name, (value, low, high) in ends.items()
    }
    # the estimates, the lower ends of their intervals, the upper ends
    frame = pd.DataFrame(columns | told, index=range(3), dtype=float)
    found, judged = [], 0
    ordered = (*rules(own, known, what="advice"), *ADVICE)
    for rule in ordered:
        condition = rule.condition(known)
        read = [name for name in condition.names if name in metrics]
        judged += bool(read)
        holds = condition.holds(frame)
        if holds[0]:
            scores = {name: _score(scored.get(name), metrics[name]) for name in read}
            # what reaches its target is no reason
            reasons = [name for name in read if scores[name] < 100] or read
            because = clauses(_because(metrics[name], scored.get(name)) for name in reasons)
            texts = (rule.name, rule.title, because, rule.action, rule.owner)
            found.append((*texts, bool(holds.all()), min(scores.values(), default=0.0)))
    names = ["advice", "title", "because", "action", "owner", "certain", "score"]
    rows = pd.DataFrame(found, columns=names).astype({"certain": bool})
    rows = rows.sort_values(["certain", "score"], ascending=[False, True], kind="stable", ignore_index=True)
    return Advice(rows.drop(columns="score"), judged, len(ordered) - judged)


def _score(indicator: Indicator | None, estimate: Estimate) -> float:
    return float(indicator.score(estimate.value)) if indicator is not None and indicator.is_scored else 0.0


def _because(estimate: Estimate, indicator: Indicator | None) -> str:
    label = _(indicator.label) if indicator is not None and indicator.label else estimate.label
    if indicator is None or indicator.target is None:
        return _("{metric}: {value} {evidence}").format(
            metric=label, value=estimate.text(), evidence=estimate.evidence()
        )
    target = language.quantity(indicator.target, estimate.unit)
    return _("{metric}: {value} {evidence}, target {target}").format(
        metric=label, value=estimate.text(), evidence=estimate.evidence(), target=target
    )
