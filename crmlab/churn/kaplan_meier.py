r"""The Kaplan-Meier curve and what follows from it, from counts by age.

.. math:: \hat S(t) = \prod_{t_i \le t} (1 - d_i / n_i), \quad
          \widehat{var} \log \hat S(t) = \sum_{t_i \le t} \frac{d_i}{n_i (n_i - d_i)}

At age t are at risk those who entered before it and had not left before it. Whoever was under observation from a later
age on (delayed entry) is at risk from that age on.

References
----------
Kaplan and Meier (1958), Nonparametric estimation from incomplete observations, JASA 53, 457-481.
Kalbfleisch and Prentice (2002), The statistical analysis of failure time data, 2nd ed., section 1.4 (the bands).
Brookmeyer and Crowley (1982), A confidence interval for the median survival time, Biometrics 38, 29-41.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlab import intervals
from crmlab.intervals import Estimate, z_score
from crmlab.messages import N_

COUNTS = ("entered", "ended", "censored")
_UNREACHED = N_("those seen so far do not bound it from above")


@dataclass(frozen=True, eq=False)
class Curve:
    """A Kaplan-Meier curve.

    Attributes
    ----------
    steps
        One row per age at which somebody left: `months`, `at_risk`, `ended`, `survival` (the share that outlasts it, 0
        to 1), `low`, `high` (pointwise band on the scale of log(-log)).
    from_month
        The share is that of those who outlast this age: 0, or the age at which few were yet under observation and all
        of them had left.
    last_month
        The greatest age at which somebody was under observation.
    n, ended
        Customers, and how many of them left.
    """

    steps: pd.DataFrame
    from_month: float
    last_month: float
    n: int
    ended: int
    confidence_level: float

    def at(self, months) -> np.ndarray:
        """Share that outlasts an age."""
        place = np.searchsorted(self.steps["months"], np.asarray(months, dtype=float), side="right")
        return np.concatenate([[1.0], self.steps["survival"]])[place]

    def share(self, months: float, *, label: str = "") -> Estimate:
        """Share that outlasts an age, with its band there."""
        place = int(np.searchsorted(self.steps["months"], months, side="right")) - 1
        shown: dict[str, Any] = {
            "unit": "share",
            "n": self.n,
            "label": label,
            "confidence_level": self.confidence_level,
        }
        if place < 0:
            return Estimate(1.0, None, None, no_interval=N_("nobody has left by then"), **shown)
        row = self.steps.iloc[place]
        return Estimate(float(row["survival"]), float(row["low"]), float(row["high"]), **shown)

    def median(self, *, label: str = "") -> Estimate | None:
        """Age in months by which half have left; None if more than half outlast the last age.

        Its interval holds every age at which the band includes one half; without an upper end if it still does at the
        end of the curve.
        """
        half = self._crossing("survival")
        if half is None:
            return None
        low, high = self._crossing("low"), self._crossing("high")
        shown: dict[str, Any] = {
            "unit": "months",
            "n": self.n,
            "label": label,
            "confidence_level": self.confidence_level,
        }
        if high is None or low is None:
            return Estimate(half, None, None, no_interval=_UNREACHED, **shown)
        return Estimate(half, min(low, half), max(high, half), **shown)

    @property
    def median_low(self) -> float | None:
        """Lower end of the median's interval; None if there is none."""
        return self._crossing("low")

    def restricted_mean(self, to_month: float, *, label: str = "") -> Estimate:
        """Months, of the first `to_month`, that a customer stays on average: the area under the curve.

        Those before `from_month` count in full.
        """
        inside = self.steps[self.steps["months"] < to_month]
        times = np.concatenate([[0.0], inside["months"], [to_month]])
        heights = np.concatenate([[1.0], inside["survival"]])
        areas = heights * np.diff(times)
        later = np.cumsum(areas[::-1])[::-1][1:]
        ended, at_risk = inside["ended"].to_numpy(float), inside["at_risk"].to_numpy(float)
        left = at_risk > ended
        variance = float((later[left] ** 2 * ended[left] / (at_risk * (at_risk - ended))[left]).sum())
        shown: dict[str, Any] = {
            "unit": "months",
            "n": self.n,
            "label": label,
            "confidence_level": self.confidence_level,
        }
        return intervals.from_standard_error(
            float(areas.sum()), float(np.sqrt(variance)), within=(0.0, float(to_month)), **shown
        )

    def _crossing(self, name: str) -> float | None:
        """The first age at which a curve is at one half or below; the mean of the two where it is flat at one half."""
        values, ages = self.steps[name].to_numpy(float), self.steps["months"].to_numpy(float)
        below = np.flatnonzero(values <= 0.5 + 1e-12)
        if not len(below):
            return None
        first = below[0]
        flat = name == "survival" and abs(values[first] - 0.5) < 1e-12 and first + 1 < len(ages)
        return float((ages[first] + ages[first + 1]) / 2 if flat else ages[first])


def at_risk(counts: pd.DataFrame) -> pd.DataFrame:
    """Customers at risk and ended at each age of the counts, summed over groups: `months`, `at_risk`, `ended`."""
    by_age = counts.groupby("months")[list(COUNTS)].sum().sort_index()
    entered, left = by_age["entered"].cumsum(), (by_age["ended"] + by_age["censored"]).cumsum()
    risk = entered - by_age["entered"] - (left - by_age["ended"] - by_age["censored"])
    return pd.DataFrame({"months": by_age.index, "at_risk": risk.to_numpy(), "ended": by_age["ended"].to_numpy()})


def kaplan_meier(counts: pd.DataFrame, *, confidence_level: float = 0.95) -> Curve:
    """The curve of all groups of `counts` together (Kaplan and Meier 1958, JASA 53, 457-481).

    Parameters
    ----------
    counts
        By age in `months`: how many `entered` at it, `ended` and were `censored`, as `crmlab.aggregate.contract_ages`
        gives them.
    """
    z = z_score(confidence_level)
    risk = at_risk(counts)
    n, ended = int(counts["entered"].sum()), int(risk["ended"].sum())
    seen = risk.loc[risk["at_risk"] > 0, "months"]
    steps = risk[risk["ended"] > 0]
    # with delayed entry the first few under observation may all leave: the curve starts after them
    emptied = steps[steps["at_risk"] == steps["ended"]]
    emptied = emptied[[bool((seen > month).any()) for month in emptied["months"]]]
    from_month = float(emptied["months"].max()) if len(emptied) else 0.0
    steps = steps[steps["months"] > from_month].reset_index(drop=True)
    d, at = steps["ended"].to_numpy(float), steps["at_risk"].to_numpy(float)
    survival = np.cumprod(1 - d / at)
    inside = (survival > 0) & (survival < 1)
    greenwood = np.cumsum(np.divide(d, at * (at - d), out=np.zeros(len(d)), where=at > d))
    log_survival = np.log(survival, out=np.full(len(d), -1.0), where=inside)
    spread = np.exp(z * np.sqrt(greenwood) / np.abs(log_survival))
    # after the last has left nothing bounds the share from above but the band before
    low = np.where(inside, np.exp(log_survival * spread), 0.0)
    high = np.where(inside, np.exp(log_survival / spread), np.nan)
    high = pd.Series(high).ffill().fillna(1.0).to_numpy()
    steps = steps.assign(survival=survival, low=np.minimum(low, survival), high=np.maximum(high, survival))
    last = float(seen.max()) if len(seen) else 0.0
    return Curve(steps, from_month, last, n, ended, confidence_level)
