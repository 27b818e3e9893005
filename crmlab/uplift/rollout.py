"""A rollout in waves: the change of those reached against that of customers not reached yet.

Stays right where waves start at different times and effects grow, as two-way fixed effects do not. It takes that the
groups would have run alike without the programme; two checks test whether they did before: month by month, and by a
placebo, the same method on a start some months too early.

References
----------
Callaway and Sant'Anna (2021), Difference-in-differences with multiple time periods, Journal of Econometrics 225,
200-230.
Goodman-Bacon (2021), Difference-in-differences with variation in treatment timing, Journal of Econometrics 225,
254-277.
"""

import numpy as np
from scipy import stats

from crmlab.uplift.cells import Cells, cells
from crmlab.uplift.comparison import contrasts
from crmlab.uplift.effect import ProgrammeEffect, check_frame, effect_estimate
from crmlab.uplift.measured import enough, measured
from crmlab.uplift.wording import LABELS

# of each of the two checks, so that a sound rollout fails either once in twenty times
ALPHA = 0.025


def rollout_effect(
    panel,
    *,
    outcome: str = "margin",
    unit: str = "",
    history_months: int = 3,
    base_months: int = 12,
    placebo_months: int = 6,
    confidence_level: float = 0.95,
) -> ProgrammeEffect:
    """The effect of a rollout, by differences in differences (Callaway and Sant'Anna, 2021).

    Parameters
    ----------
    panel
        What `crmlab.aggregate.exposure_months` gives.
    outcome
        `margin` or `revenue`.
    history_months
        Months before its start that a customer must have been there to be compared.
    base_months
        The most months before the start whose mean is the base.
    placebo_months
        How much earlier the placebo starts.
    unit, confidence_level
        Currency of the outcome (ISO 4217), and level of the intervals.

    Raises
    ------
    ValueError
        If `history_months` is below 1.
    FitError
        Where nobody was reached for a whole month, fewer than 10 customers can be compared on either side, or the
        transactions do not tell the outcome.
    """
    if history_months < 1:
        raise ValueError(f"`history_months` must be at least 1, got {history_months}")
    groups = cells(panel, outcome, history_months=history_months)
    options = {"history_months": history_months, "base_months": base_months}
    found = contrasts(groups, "difference_in_differences", **options)
    enough(found)
    rows = []
    p = found.joint_test([name for name in found.weights if name.startswith("event -")])
    if p is not None:
        rows.append(("course", None, p, p >= ALPHA, 0))
    rows += _placebo(groups, outcome, unit, placebo_months, confidence_level, options)
    checks = check_frame(rows)
    grade = "untested" if p is None else "moderate" if checks["passed"].all() else "diverging"
    return measured(
        found, panel, outcome, design="rollout", grade=grade, checks=checks, unit=unit, level=confidence_level
    )


def _placebo(groups: Cells, outcome: str, unit: str, months: int, level: float, options: dict) -> list[tuple]:
    """The effect of a start that never was; nothing where the data do not reach back far enough."""
    found = contrasts(groups, "difference_in_differences", shift=months, **options)
    if "total" not in found.months:
        return []
    n = found.months["total"]
    value, error = found.values(["total"])[0] / n, float(np.sqrt(found.covariance(["total"])[0, 0])) / n
    if not error > 0:
        return []
    freedom = found.degrees_of_freedom("total")
    p = float(2 * stats.t.sf(abs(value) / error, freedom))
    estimate = effect_estimate(value, error, freedom, unit=unit, n=found.n, label=LABELS[outcome][0], level=level)
    return [("placebo", estimate, p, p >= ALPHA, months)]
