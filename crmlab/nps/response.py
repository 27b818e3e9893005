"""How many of those who were invited to answer did, and what that leaves open.

A survey tells of those who answer. Where few do, and those who do not are of another opinion, the score of the answers
is not that of the customers; `crmlab.nps.weighting` mends as much of that as the customers' known features explain.
"""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.messages import N_, _
from crmlab.nps.moments import moments
from crmlab.nps.score import share


@dataclass(frozen=True, eq=False)
class Response:
    """The share of invitations that were answered.

    Attributes
    ----------
    rate
        From 0 to 1; its interval allows for customers who were invited more than once.
    """

    formats: ClassVar[dict[str, str]] = {"invitations": "integer", "rate": "estimate"}
    labels: ClassVar[dict[str, str]] = {"invitations": N_("Invitations"), "rate": N_("Response rate")}

    rate: Estimate

    def metrics(self) -> dict[str, Estimate]:
        """What a report publishes."""
        return {"response_rate": self.rate}

    def table(self) -> pd.DataFrame:
        """One row: invitations, and the share of them that were answered."""
        return pd.DataFrame({"invitations": [self.rate.n], "rate": [self.rate]})

    def summary(self) -> str:
        """The response rate with its interval."""
        return _("{rate} of invitations were answered {evidence}; what the others think is not known.").format(
            rate=self.rate.text(), evidence=self.rate.evidence()
        )


def response(answers, *, confidence_level: float = 0.95) -> Response:
    """Share of invitations that were answered.

    Parameters
    ----------
    answers
        What `crmlab.aggregate.survey_answers` gives for `question="response"`, all in one cell.

    Raises
    ------
    ValueError
        If the answers are to another question, or those of several cells.
    FitError
        If no invitation is recorded, or only those that were answered.
    """
    if answers.question != "response":
        raise ValueError(f"`answers` must be to the question `response`, got `{answers.question}`")
    if answers.by:
        raise ValueError(f"`answers` must be those of a single cell, got some by {', '.join(answers.by)}")
    found = moments(answers)
    answered, n = float(found.sums["responses"][0]), float(found.answers[0])
    if answered == n:
        raise FitError(
            _("every row of the surveys holds an answer; a rate needs the invitations that nobody answered, too")
        )
    effect = float(found.design_effects({"responses": 1.0}, found.sums["responses"])[0])
    return Response(share(answered, n, effect, label=_("response rate"), confidence_level=confidence_level))
