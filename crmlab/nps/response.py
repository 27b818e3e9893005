"""How many of those who were invited to answer did, and what that leaves open.

A survey tells of those who answer. Where few do, and those who do not are of another opinion, the score of the answers
is not that of the customers; `crmlab.nps.weighting` mends as much of that as the customers' known features explain.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab.absence import FitError
from crmlab.groups import NOT_KNOWN, in_order, named
from crmlab.intervals import Estimate
from crmlab.messages import N_, _
from crmlab.nps.moments import Moments, check, moments
from crmlab.nps.over_time import PERIODS, period_name
from crmlab.nps.score import share

_OF: dict[str, float] = {"responses": 1.0}


@dataclass(frozen=True, eq=False)
class Response:
    """The response rate, in all and by cell.

    Attributes
    ----------
    rate
        Share of invitations that were answered.
    groups
        One row per period or touchpoint: `group`, `invitations`, `rate`; none where the answers are in one cell.
    """

    formats: ClassVar[dict[str, str]] = {"invitations": "integer", "rate": "estimate"}
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Group"),
        "invitations": N_("Invitations"),
        "rate": N_("Response rate"),
    }

    rate: Estimate
    groups: pd.DataFrame
    by: str | None

    def metrics(self) -> dict[str, Estimate]:
        """What a report publishes."""
        return {"response_rate": self.rate}

    def table(self) -> pd.DataFrame:
        """`groups`, with the names given here in the language that is spoken."""
        if self.by in PERIODS:
            return self.groups.assign(group=[period_name(day, self.by) for day in self.groups["group"]])
        return self.groups.assign(group=named(self.groups["group"]))

    def summary(self) -> str:
        return _("{rate} of invitations were answered {evidence}; what the others think is not known.").format(
            rate=self.rate.text(), evidence=self.rate.evidence()
        )


def response(answers, *, confidence_level: float = 0.95) -> Response:
    """Share of invitations that were answered.

    Parameters
    ----------
    answers
        What `crmlab.aggregate.survey_answers` gives for `question="response"`, in one cell or by `month`, `quarter` or
        `touchpoint`. By columns of the profiles it cannot be told: who answers without a name was invited with one.

    Raises
    ------
    FitError
        If no invitation is recorded, or only those that were answered.
    """
    if answers.question != "response":
        raise ValueError(f"`answers` must be to the question `response`, got `{answers.question}`")
    if len(answers.by) > 1 or not set(answers.by) <= {*PERIODS, "touchpoint"}:
        raise ValueError(f"`answers` must be by month, quarter or touchpoint, got {', '.join(answers.by)}")
    check(answers)
    whole = _rates(moments(answers, np.zeros(len(answers.cells), dtype=int)), confidence_level)[0]
    if whole.value == 1:
        raise FitError(
            _("every row of the surveys holds an answer; a rate needs the invitations that nobody answered, too")
        )
    by = answers.by[0] if answers.by else None
    groups = pd.DataFrame(columns=["group", "invitations", "rate"])
    if by:
        names = answers.cells[by] if by in PERIODS else answers.cells[by].astype(object).fillna(NOT_KNOWN)
        rates = _rates(moments(answers), confidence_level)
        groups = pd.DataFrame({"group": names, "invitations": answers.cells["answers"], "rate": rates})
        groups = groups if by in PERIODS else in_order(groups, "invitations")
    return Response(whole, groups, by)


def _rates(found: Moments, confidence_level: float) -> list[Estimate]:
    effects = found.design_effects(_OF, found.sums["responses"])
    rows = zip(found.sums["responses"], found.answers, effects, strict=True)
    options = {"label": _("response rate"), "confidence_level": confidence_level}
    return [share(float(answered), float(n), float(effect), **options) for answered, n, effect in rows]
