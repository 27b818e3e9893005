"""From a comparison of groups to a result: what the randomised test and the staggered rollout share."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab.absence import FitError
from crmlab.uplift.comparison import Contrasts
from crmlab.uplift.effect import ProgrammeEffect, effect_estimate, relative_estimate
from crmlab.uplift.wording import LABELS

# customers reached, and customers to compare them with: of fewer, one large order is taken for an effect
FEWEST = 10


def measured(
    found: Contrasts, panel, outcome: str, *, design: str, grade: str, checks: pd.DataFrame, unit: str, level: float
) -> ProgrammeEffect:
    """The result of a comparison, as `ProgrammeEffect` defines it.

    Parameters
    ----------
    design, grade, checks
        By what it was found, how strong the evidence is (see `ProgrammeEffect`), and the design's own checks.
    level
        Confidence level of the intervals.

    Raises
    ------
    FitError
        Where too few are compared (see `enough`), or no customer's months differ from another's.
    """
    enough(found)
    customer_months, n = found.months["total"], found.n
    scale = 1 / customer_months
    total, brought = found.values(["total", "level"])
    covariance = found.covariance(["total", "level"])
    error, freedom = float(np.sqrt(covariance[0, 0])), found.degrees_of_freedom("total")
    if not error > 0:
        raise FitError("no customer's months differ from another's, so that no effect can be told")
    each, share, to_date = LABELS[outcome]
    options: dict[str, Any] = {"n": n, "level": level}
    p = float(2 * stats.t.sf(abs(total) / error, freedom))
    relative = relative_estimate(
        total * scale, brought * scale, covariance * scale**2, freedom, n=n, label=share, confidence_level=level
    )
    return ProgrammeEffect(
        design=design,
        outcome=outcome,
        estimate=effect_estimate(total * scale, error * scale, freedom, unit=unit, label=each, **options),
        standard_error=error * scale,
        degrees_of_freedom=freedom,
        p=p,
        relative=relative,
        total=effect_estimate(total, error, freedom, unit=unit, label=to_date, **options),
        treated=found.treated,
        controls=found.controls,
        months=int(found.cells.observed[min(_starts(found)) : found.last + 1].sum()),
        customer_months=customer_months,
        all_customer_months=found.cells.treated_months,
        left_out=found.cells.treated - found.treated,
        grade=grade,
        unit=unit,
        events=found.events(confidence_level=level),
        waves=_waves(found, panel, outcome, unit, level),
        checks=checks,
    )


def enough(found: Contrasts) -> None:
    """Check that enough are compared to tell an effect from chance.

    Raises
    ------
    FitError
        Where nobody can be compared, or fewer than 10 customers on either side.
    """
    if "total" not in found.months:
        raise FitError("nobody whom the programme reached can be compared with customers whom it had not reached")
    compared = found.n - found.treated if found.n > found.treated else found.n
    if found.treated < FEWEST:
        raise FitError(
            f"the programme reached {found.treated} customers who can be compared; it takes {FEWEST} to tell an effect"
        )
    if compared < FEWEST:
        raise FitError(f"there are {compared} customers to compare with; it takes {FEWEST} to tell an effect")


def _starts(found: Contrasts) -> list[int]:
    """First months of the waves that are compared."""
    return sorted(int(name.removeprefix("wave ")) for name in found.weights if name.startswith("wave "))


def _waves(found: Contrasts, panel, outcome: str, unit: str, level: float) -> pd.DataFrame:
    each, _share, to_date = LABELS[outcome]
    rows = []
    for start in _starts(found):
        name = f"wave {start}"
        months = found.months[name]
        inside = (found.cells.start == start) & found.weights[name].any(axis=1)
        customers = int(found.cells.n[inside].sum())
        value, error = found.values([name])[0], float(np.sqrt(found.covariance([name])[0, 0]))
        options: dict[str, Any] = {"unit": unit, "n": customers, "level": level}
        freedom = found.degrees_of_freedom(name)
        effect = effect_estimate(value / months, error / months, freedom, label=each, **options)
        total = effect_estimate(value, error, freedom, label=to_date, **options)
        rows.append((panel.months[start], customers, months, effect, total))
    return pd.DataFrame(rows, columns=["start", "customers", "customer_months", "effect", "total"])
