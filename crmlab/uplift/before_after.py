r"""One group before and after: a segmented regression of its months, the weakest of the designs.

For customers :math:`i` won in the same month, in month :math:`t`, with the start in month :math:`g`,

.. math::

    y_{it} = \alpha_i + \beta_1 t + \beta_2 \log(1 + (t - e_i) / 3) + s_t + D_t (\beta_3 + \beta_4 (t - g)) + u_{it}

where :math:`e_i` is the customer's first month, since what customers bring falls fast at first and slowly later (the
logarithm counts quarters: of the scales tried on customers who buy and leave as the BG/NBD says, it bends alike), and
:math:`s` is one wave a year; each where the months before can tell it. The effect is the mean over the months after the
start of what the terms with :math:`D` make: what customers brought, less the course of before, continued. Of three
errors the largest counts: clustered by customer, whose course is its own; Newey and West's over months, with
1.3 :math:`\sqrt T` lags (Lazarus and others, 2018), for what the customers of a month have in common; and that of
months of which each takes after the one before, since over few months Newey and West's is too small.

References
----------
Newey and West (1987), A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent covariance
matrix, Econometrica 55, 703-708.
Lazarus, Lewis, Stock and Watson (2018), HAR inference: recommendations for practice, JBES 36, 541-559.
Bernal, Cummins and Gasparrini (2017), Interrupted time series regression for the evaluation of public health
interventions: a tutorial, International Journal of Epidemiology 46, 348-355.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse, stats

from crmlab.absence import FitError
from crmlab.uplift.cells import outcome_of
from crmlab.uplift.effect import ProgrammeEffect, check_frame, effect_estimate, relative_estimate
from crmlab.uplift.measured import FEWEST
from crmlab.uplift.wording import LABELS

MOST_BEFORE, FEWEST_BEFORE, FEWEST_AFTER = 36, 9, 3
_HISTORY = 3  # months before the start of a customer's own
_CORRELATIONS = np.linspace(0.0, 0.9, 46)
_CHUNK = 20_000
_BENDING, _SEASON = 18, 24  # months before that tell how the course bends, and the season


@dataclass(frozen=True, eq=False)
class Series:
    """Months of the customers won in the same month (a cohort), one entry for each cohort and month.

    Attributes
    ----------
    cohort, entry, month
        Number of the cohort, month in which its customers were won, and month that is seen; months count from the
        first of the panel.
    value, n
        Mean of the cohort's customers in the month, in the outcome's currency, and how many they are.
    start, before
        First whole month with the programme, and last one without it.
    members, matrix
        Rows of each cohort's customers in the matrix, which holds the months of each customer.
    """

    cohort: np.ndarray
    entry: np.ndarray
    month: np.ndarray
    value: np.ndarray
    n: np.ndarray
    start: int
    before: int
    members: list[np.ndarray]
    matrix: sparse.csr_array

    @property
    def after(self) -> np.ndarray:
        """Whether each month is one with the programme."""
        return self.month >= self.start

    def columns(self, names: pd.DatetimeIndex) -> tuple[np.ndarray, np.ndarray]:
        """The columns of the course without the programme, and those of the programme.

        Parameters
        ----------
        names
            The months of the panel, from which the season is known.
        """
        back = self.before - self.month.min() + 1
        course = [(self.month - self.start) / 12]
        if back >= _BENDING:
            course.append(np.log1p((self.month - self.entry) / 3))
        if back >= _SEASON:
            turn = 2 * np.pi * (names.month.to_numpy()[self.month] - 1) / 12
            course += [np.sin(turn), np.cos(turn)]
        after = self.after.astype(float)
        return np.column_stack(course), np.column_stack([after, after * (self.month - self.start) / 12])

    def within(self, values: np.ndarray) -> np.ndarray:
        """Less the mean over the months of the same customers."""
        total = np.bincount(self.cohort, self.n)
        return values - (np.bincount(self.cohort, self.n * values) / total)[self.cohort]


def before_after_effect(
    panel, *, outcome: str = "margin", unit: str = "", confidence_level: float = 0.95
) -> ProgrammeEffect:
    """The effect on the largest wave, from its own months alone.

    Parameters
    ----------
    panel
        What `crmlab.aggregate.exposure_months` gives.
    outcome
        `margin` or `revenue`.
    unit, confidence_level
        Currency of the outcome (ISO 4217), and level of the intervals.

    Raises
    ------
    FitError
        Where nobody was reached for a whole month; fewer than 10 customers of the largest wave were there three months
        before it; fewer than 9 months lie before the start or 3 after it; the months do not differ from one another;
        or the transactions do not tell the outcome.
    """
    series, all_months, left_out = _series(panel, outcome)
    course, caused = series.columns(panel.months)
    after = series.after
    customer_months = int(series.n[after].sum())
    row = np.append(np.zeros(course.shape[1]), series.n[after] @ caused[after] / customer_months)
    design = np.hstack([course, caused])
    weights, lever = _regression(series, design, row)
    residual = series.within(series.value - design @ weights)
    variance, freedom = _variance(series, design, residual, lever)
    effect = float(row @ weights)
    level = float(series.n[after] @ series.value[after]) / customer_months
    error = float(np.sqrt(max(variance, 0.0)))
    if not error > 1e-9 * np.abs(series.value).max():
        raise FitError("the months do not differ from one another, so that no effect can be told")
    n = int(series.n[series.month == series.month.max()].sum())
    each, share, to_date = LABELS[outcome]
    options: dict[str, Any] = {"n": n, "level": confidence_level}
    estimate = effect_estimate(effect, error, freedom, unit=unit, label=each, **options)
    total = effect_estimate(
        effect * customer_months, error * customer_months, freedom, unit=unit, label=to_date, **options
    )
    wave = [(panel.months[series.start], n, customer_months, estimate, total)]
    return ProgrammeEffect(
        design="before_after",
        outcome=outcome,
        estimate=estimate,
        standard_error=error,
        degrees_of_freedom=freedom,
        p=float(2 * stats.t.sf(abs(effect) / error, freedom)),
        relative=relative_estimate(
            effect, level, np.diag([variance, 0.0]), freedom, n=n, label=share, confidence_level=confidence_level
        ),
        total=total,
        treated=n,
        controls=0,
        months=len(np.unique(series.month[after])),
        customer_months=customer_months,
        all_customer_months=all_months,
        left_out=left_out,
        grade="weak",
        unit=unit,
        events=_events(series, caused @ weights[course.shape[1] :] + residual, residual, freedom, confidence_level),
        waves=pd.DataFrame(wave, columns=["start", "customers", "customer_months", "effect", "total"]),
        checks=check_frame([]),
    )


def _series(panel, outcome: str) -> tuple[Series, int, int]:
    """The months of the largest wave; treated customer-months of all, and customers reached that are left out."""
    values, who, length = outcome_of(panel, outcome), panel.customers, len(panel.months)
    starts = who.loc[who["start"] < length, "start"]
    if starts.empty:
        raise FitError("the programme has reached nobody for a whole month yet")
    start = int(starts.mode().iloc[0])
    wave = (who["start"] == start).to_numpy()
    before = int(who.loc[wave, "before"].min())
    entry = who["entry"].to_numpy()
    inside = wave & (entry <= before - _HISTORY + 1)
    if inside.sum() < FEWEST:
        raise FitError(
            f"{int(inside.sum())} customers whom the programme reached at one time were there {_HISTORY} months before "
            f"it, and it takes {FEWEST} to tell an effect"
        )
    observed = np.flatnonzero(panel.observed)
    seen = observed[(observed > before - MOST_BEFORE) & ((observed <= before) | (observed >= start))]
    entries, cohort, sizes = np.unique(entry[inside], return_inverse=True, return_counts=True)
    chosen = np.flatnonzero(inside)
    membership = sparse.csr_array((1 / sizes[cohort], (cohort, np.arange(len(chosen)))), (len(entries), len(chosen)))
    matrix = values[chosen]
    means = (membership @ matrix).toarray()[:, seen]
    there = entries[:, None] <= seen
    rows, columns = np.nonzero(there)
    members = [np.flatnonzero(cohort == each) for each in range(len(entries))]
    series = Series(rows, entries[rows], seen[columns], means[there], sizes[rows], start, before, members, matrix)
    months = np.unique(series.month)
    for count, fewest, side in (
        ((months <= before).sum(), FEWEST_BEFORE, "before"),
        ((months >= start).sum(), FEWEST_AFTER, "after"),
    ):
        if count < fewest:
            raise FitError(
                f"there are {count} months {side} the start, with nobody to compare with; it takes {fewest} to tell an "
                "effect"
            )
    all_months = int((len(observed) - np.searchsorted(observed, starts.to_numpy())).sum())
    return series, all_months, len(starts) - int(inside.sum())


def _regression(series: Series, design: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients within customers, and how much a customer's entry in each row moves the one that `row` asks for."""
    x = np.apply_along_axis(series.within, 0, design)
    # columns that follow from others share their coefficient
    inverse = np.linalg.pinv(x.T @ (series.n[:, None] * x), rcond=1e-10, hermitian=True)
    return inverse @ x.T @ (series.n * series.within(series.value)), x @ inverse @ row


def _variance(series: Series, design: np.ndarray, residual: np.ndarray, lever: np.ndarray) -> tuple[float, float]:
    """Variance of the effect, and its degrees of freedom."""
    own = 0.0
    for cohort, members in enumerate(series.members):
        rows = np.flatnonzero(series.cohort == cohort)
        for at in range(0, len(members), _CHUNK):
            months = series.matrix[members[at : at + _CHUNK]].toarray()[:, series.month[rows]]
            # a customer's own level is taken out, its months less the course of its cohort are left
            left = months - months.mean(axis=1, keepdims=True) - (series.value - residual)[rows]
            left += (series.value - residual)[rows].mean()
            own += float(((left @ lever[rows]) ** 2).sum())
    n = int(sum(map(len, series.members)))
    own *= n / (n - 1)
    shared, freedom = _shared(series, design, residual, lever)
    # the months' own variance holds that of the customers' courses: the two are not added
    return (own, float(n - 1)) if own >= shared else (shared, freedom)


def _shared(series: Series, design: np.ndarray, residual: np.ndarray, lever: np.ndarray) -> tuple[float, float]:
    """Variance of the effect from what the customers of a month have in common, and its degrees of freedom."""
    months, at = np.unique(series.month, return_inverse=True)
    n, count = np.bincount(at, series.n), len(months)
    scores = np.bincount(at, series.n * lever * residual)
    lags = min(int(np.ceil(1.3 * np.sqrt(count))), count - 1)
    robust = scores @ scores
    for lag in range(1, lags + 1):
        robust = robust + 2 * (1 - lag / (lags + 1)) * (scores[lag:] @ scores[:-lag])
    columns = [np.bincount(at, series.n * column) / n for column in design.T]
    x = np.column_stack([np.ones(count), *columns])
    left = np.eye(count) - x @ np.linalg.pinv(x)
    mean = left @ (np.bincount(at, series.n * residual) / n)
    freedom = max(count - np.linalg.matrix_rank(x), 1)
    size = float(mean @ mean)
    found = float(mean[1:] @ mean[:-1]) / size if size > 0 else 0.0
    # residuals hang together less than what they are left of: which correlation would leave as much as was found?
    apart = np.abs(months[:, None] - months)
    candidates = []
    for correlation in _CORRELATIONS:
        course = correlation**apart
        kept = left @ course @ left
        distance = abs(np.trace(kept, offset=1) / np.trace(kept) - found)
        candidates.append((distance, correlation, course, np.trace(kept)))
    _distance, correlation, course, expected = min(candidates, key=lambda candidate: candidate[0])
    weight = np.bincount(at, series.n * lever)
    # months that take after one another tell less of the spread; how much less is itself uncertain
    effective = freedom * max((1 - correlation) / (1 + correlation), 0.25)
    return max(float(robust), size / expected * float(weight @ course @ weight)), max(float(effective), 1.0)


def _events(series: Series, effect: np.ndarray, residual: np.ndarray, freedom: float, level: float) -> pd.DataFrame:
    """By month, what was brought less the course of before; the intervals are those of single months around it."""
    months, at = np.unique(series.month, return_inverse=True)
    n = np.bincount(at, series.n)
    by_month, left = (np.bincount(at, series.n * values) / n for values in (effect, residual))
    half = stats.t.ppf(0.5 + level / 2, freedom) * np.sqrt((left**2).mean())
    columns = {"event": months - series.start, "effect": by_month, "low": by_month - half, "high": by_month + half}
    return pd.DataFrame(columns | {"customers": n.astype(int)})
