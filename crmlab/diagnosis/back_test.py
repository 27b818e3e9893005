"""Whether the customer score foretells what it claims to: did those with low scores leave, pay late or shrink?

Customers are scored as of earlier days with what was known then, and held against what became of them in the months
after, see `crmlab.diagnosis.outcome`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from crmlab import language
from crmlab.absence import Absent, FitError
from crmlab.diagnosis.customer_score import customer_scores
from crmlab.diagnosis.outcome import PREDICTS, REVERSED, UNCLEAR, OutcomeTest, outcome_test
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, clauses, listed, ngettext, sentences

OUTCOMES = {"left": N_("who left"), "paid_late": N_("who paid late"), "shrank": N_("who shrank")}
STOPPED = N_("who stopped buying")  # without contracts, nobody says that he leaves


@dataclass(frozen=True, eq=False)
class BackTest:
    """The score held against each outcome, as of earlier days; an outcome that cannot be judged is absent.

    Attributes
    ----------
    left, paid_late, shrank
        How well low scores foretold who left, who paid late, and whose revenue shrank.
    dates, months
        Days as of which customers were scored, and for how many months after each they were watched.
    """

    left: OutcomeTest | Absent
    paid_late: OutcomeTest | Absent
    shrank: OutcomeTest | Absent
    dates: tuple[pd.Timestamp, ...]
    months: int

    formats: ClassVar[dict[str, str]] = {"n": "integer", "events": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "outcome": N_("Outcome"),
        "n": N_("Scores"),
        "events": N_("Happened"),
        "auc": N_("AUC of the score"),
        "silent_days": N_("AUC of the time since the last purchase"),
        "days_past_due": N_("AUC of days past due"),
    }

    @property
    def tests(self) -> tuple[OutcomeTest, ...]:
        """The outcomes that can be judged."""
        return tuple(each for each in (self.left, self.paid_late, self.shrank) if isinstance(each, OutcomeTest))

    def table(self) -> pd.DataFrame:
        """One row per outcome that can be judged: AUC of the score and of rankings without it; 0.5 is guessing."""
        rows = []
        for each in self.tests:
            name = _(each.name)
            row = {"outcome": name[:1].upper() + name[1:]}
            row |= {key: getattr(each, key) for key in ("n", "events", "auc")}
            rows.append(row | dict(zip(each.naive["ranking"], each.naive["auc"], strict=True)))
        # a ranking that nothing is known of has no column
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """What low scores foretold and what not; each outcome says the rest."""
        values = {
            "days": listed(language.day(day.date()) for day in self.dates),
            "n": self.months,
        }
        scored = ngettext(
            "Customers were scored as of {days} with what was known then, and watched for a month.",
            "Customers were scored as of {days} with what was known then, and watched for {n} months.",
            self.months,
        )
        named = {
            verdict: listed(_(each.name) for each in self.tests if each.verdict == verdict)
            for verdict in (PREDICTS, UNCLEAR, REVERSED)
        }
        told = {
            PREDICTS: _("Low scores foretold {outcomes}."),
            UNCLEAR: _("The score is not shown to predict {outcomes}."),
            REVERSED: _("The score misleads on {outcomes}."),
        }
        verdicts = (told[verdict].format(outcomes=names) for verdict, names in named.items() if names)
        return sentences(scored.format(**values), *verdicts)

    def missing(self) -> str:
        """Why outcomes are not judged; empty where all are."""
        every = (self.left, self.paid_late, self.shrank)
        reasons = [each.reason for each in every if isinstance(each, Absent)]
        return _("Not judged: {reasons}.").format(reasons=clauses(reasons)) if reasons else ""

    def metrics(self) -> dict[str, Estimate]:
        """By the names under which a run publishes them."""
        return {f"score_auc_{each.outcome}": each.auc for each in self.tests}


def back_test(
    histories: pd.DataFrame,
    *,
    months: int = 12,
    weights: Mapping[str, float] | None = None,
    confidence_level: float = 0.95,
) -> BackTest:
    """Score customers as of earlier days, and hold the scores against what came after them.

    Parameters
    ----------
    histories
        As `aggregate.customer_histories` gives them: how customers stood on each day, and `left`, `paid_late` and
        `shrank`, each 1, 0 or empty.
    months
        After each day.
    weights
        As of `customer_score.customer_scores`.
    confidence_level
        Of the intervals, which allow for customers who were scored on several days.

    Raises
    ------
    FitError
        If there is no earlier day, or no outcome that happened to some and not to others.
    """
    if histories.empty:
        raise FitError(_no_history(months))
    scores = customer_scores(histories, weights=weights).customers
    rows = scores.join(histories[list(OUTCOMES)].astype(float).reset_index(drop=True))
    rows = rows[rows["customer_score"].notna()]
    names = dict(OUTCOMES)
    if not histories["under_contract"].notna().any():
        names["left"] = STOPPED
    tests = {
        outcome: outcome_test(rows, outcome, name=name, months=months, confidence_level=confidence_level)
        for outcome, name in names.items()
    }
    reasons = [each.reason for each in tests.values() if isinstance(each, Absent)]
    if len(reasons) == len(tests):
        raise FitError(clauses(reasons))
    return BackTest(**tests, dates=tuple(sorted(rows["scored_on"].unique())), months=months)


def _no_history(months: int) -> str:
    return ngettext(
        "the data do not reach back far enough to score customers as of a month ago",
        "the data do not reach back far enough to score customers as of {n} months ago",
        months,
    ).format(n=months)
