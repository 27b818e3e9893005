"""A randomised test: means of those reached and not reached, adjusted for what each brought before (CUPED).

That chance decided is stated, for no file can say it. What can be tested is whether the groups were alike before.
Everybody who was there when a wave started is compared, however new: chance made the new ones alike too.
"""

import numpy as np

from crmlab.intervals import from_standard_error
from crmlab.messages import _
from crmlab.uplift.cells import cells
from crmlab.uplift.comparison import Contrasts, contrasts
from crmlab.uplift.effect import ProgrammeEffect, check_frame
from crmlab.uplift.measured import enough, measured

# below, groups before the start are called unlike: once in a hundred tests that were drawn fairly
ALPHA = 0.01


def randomised_effect(
    panel,
    *,
    outcome: str = "margin",
    unit: str = "",
    base_months: int = 12,
    adjusted: bool = True,
    confidence_level: float = 0.95,
) -> ProgrammeEffect:
    """The effect where chance decided whom the programme reached, and when.

    Parameters
    ----------
    panel
        What `crmlab.aggregate.exposure_months` gives.
    outcome
        `margin` or `revenue`.
    base_months
        The most months before the start that the adjustment looks at.
    adjusted
        Whether what customers brought before is allowed for (CUPED); otherwise means are compared as they are.
    unit, confidence_level
        Currency of the outcome (ISO 4217), and level of the intervals.

    Raises
    ------
    FitError
        Where nobody was reached for a whole month, fewer than 10 customers can be compared on either side, or the
        transactions do not tell the outcome.

    References
    ----------
    Deng, Xu, Kohavi and Walker (2013), Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data, WSDM, 123-132.
    """
    method = "cuped" if adjusted else "difference"
    found = contrasts(cells(panel, outcome, history_months=0), method, history_months=0, base_months=base_months)
    enough(found)
    checks = check_frame(_balance(found, unit, confidence_level))
    grade = "unchecked" if checks.empty else "strong" if checks["passed"].all() else "unbalanced"
    return measured(
        found, panel, outcome, design="randomised", grade=grade, checks=checks, unit=unit, level=confidence_level
    )


def _balance(found: Contrasts, unit: str, confidence_level: float) -> list[tuple]:
    names = [name for name in found.weights if name.startswith("before ")]
    p = found.joint_test(names)
    if p is None:
        return []
    total = np.asarray(sum(found.weights[name] for name in names))
    months = sum(found.months[name] for name in names)
    pooled = Contrasts(found.cells, {"before": total}, {"before": months}, *(found.treated, found.controls), found.n, 0)
    value, variance = pooled.values(["before"])[0] / months, pooled.covariance(["before"])[0, 0] / months**2
    difference = from_standard_error(
        value, variance**0.5, unit=unit, n=found.n, label=_("difference before the start, per customer and month"),
        degrees_of_freedom=pooled.degrees_of_freedom("before"), confidence_level=confidence_level,
    )  # fmt: skip
    return [("balance", difference, p, p >= ALPHA, 0)]
