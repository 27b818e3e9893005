r"""A sum over customers as a ratio of another, with an interval that allows for a few large customers.

.. math:: \hat R = \frac{\sum_i y_i}{\sum_i x_i}, \quad
          u_i = \frac{y_i - \hat R x_i}{\bar x\,(1 - x_i / \sum_j x_j)}, \quad s^2 = \frac{n - 1}{n^3} \sum_i u_i^2

which is the jackknife: customers (or periods) `i` are the sample, so that whatever hangs together within one of them is
allowed for. A few large ones make :math:`s` itself uncertain: the interval is Student's t with the degrees of freedom
of a variance whose values have the kurtosis of `u`, as in `crmlab.lorenz`.

References
----------
Cochran (1977), Sampling techniques, chapter 6. Satterthwaite (1946), An approximate distribution of estimates of
variance components, Biometrics 2, 110-114.
"""

import math
from typing import Any

import numpy as np

from crmlab import intervals
from crmlab.intervals import Estimate
from crmlab.messages import N_

FEWEST = 10
_FEW = N_("fewer than 10 observations")
_EQUAL = N_("no difference between the observations")
_END = N_("at the end of its range")
_UNBOUNDED = N_("the observations are too few to bound it")
_MOST = 0.9
_WIDEST_LOG = 20.0  # an interval over nine powers of ten says nothing
SCALES = ("plain", "log", "log_odds")


def ratio_of_sums(
    over,
    under,
    *,
    unit: str = "share",
    label: str = "",
    scale: str = "plain",
    less: float = 0.0,
    confidence_level: float = 0.95,
) -> Estimate:
    """Sum of `over` as a ratio of the sum of `under`, one value of each per customer.

    Parameters
    ----------
    under
        With a sum above zero.
    scale
        Where the interval is symmetric: `plain`, `log` (a ratio above 0), or `log_odds` (a share between 0 and 1).
    less
        Taken off ratio and interval: 1 makes a change of a ratio.

    Returns
    -------
    Estimate
        With no interval for fewer than ten customers, or where they do not differ.

    Raises
    ------
    ValueError
        If `scale` is none of the three, or the sum of `under` is not above zero.
    """
    y, x = np.asarray(over, dtype=float), np.asarray(under, dtype=float)
    if scale not in SCALES:
        raise ValueError(f"`scale` must be among {', '.join(SCALES)}, got {scale!r}")
    if not x.sum() > 0:
        raise ValueError(f"`under` must have a sum above zero, got {x.sum():g}")
    n, ratio = len(x), float(y.sum() / x.sum())
    shown: dict[str, Any] = {"unit": unit, "n": n, "label": label, "confidence_level": confidence_level}
    # one that holds all of `under` has no others to be compared with, and no residual either
    influence = (y - ratio * x) / x.mean() / (1 - np.minimum(x / x.sum(), _MOST))
    variance = float((influence**2).mean())
    reason = _FEW if n < FEWEST else _EQUAL if variance < 1e-20 * max(1.0, ratio**2) else ""
    if (scale != "plain" and ratio <= 0) or (scale == "log_odds" and ratio >= 1):
        reason = reason or _END
    if reason:
        intervals.z_score(confidence_level)
        return Estimate(ratio - less, None, None, no_interval=reason, **shown)
    # 1 is what two equally likely values have, and the least there is
    excess = float((influence**4).mean()) / variance**2 - 1
    freedom = max(2 * n / excess, 2) if excess > 0 else math.inf
    error, freedom = math.sqrt(variance * (n - 1)) / n, min(freedom, n - 1)
    if scale == "log":
        ends = intervals.from_standard_error(
            math.log(ratio), error / ratio, unit="", n=n, degrees_of_freedom=freedom, confidence_level=confidence_level
        )
        if ends.high - ends.low > _WIDEST_LOG:
            return Estimate(ratio - less, None, None, no_interval=_UNBOUNDED, **shown)
        low, high = math.exp(ends.low), math.exp(ends.high)
        return Estimate(ratio - less, min(low, ratio) - less, max(high, ratio) - less, **shown)
    within = (0, 1) if scale == "log_odds" else None
    found = intervals.from_standard_error(ratio, error, within=within, degrees_of_freedom=freedom, **shown)
    return Estimate(ratio - less, found.low - less, found.high - less, **shown)
