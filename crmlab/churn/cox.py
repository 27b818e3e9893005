r"""Cox's regression beside the hazard model, as a check, with a test whether hazards stay proportional.

Ties are treated by Efron's method. The test correlates scaled Schoenfeld residuals with time (the share that has left
by then, from Kaplan and Meier): with residual :math:`r_k` at event :math:`k`, :math:`d` events, :math:`V` the
covariance of :math:`\hat\beta` and :math:`g` the time,

.. math:: r^*_k = d\, V r_k, \qquad
          T_j = \frac{[\sum_k (g_k - \bar g)\, r^*_{kj}]^2}{d\, V_{jj} \sum_k (g_k - \bar g)^2} \sim \chi^2_1 .

References
----------
Cox (1972), Regression models and life-tables, JRSS B 34, 187-220. Efron (1977), The efficiency of Cox's likelihood
function for censored data, JASA 72, 557-565. Grambsch and Therneau (1994), Proportional hazards tests and diagnostics
based on weighted residuals, Biometrika 81, 515-526.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.churn.preparation import (
    MOST_VIF,
    Covariate,
    design_matrix,
    effect_name,
    effect_step,
    learn_covariates,
    variance_inflation,
)
from crmlab.intervals import Estimate, z_score
from crmlab.many_tests import holm
from crmlab.messages import N_, _, listed, sentences

_MOST_SPELLS = 20_000
_SEPARATED = 16.0
_TOO_SMALL = 0.05


@dataclass(frozen=True, eq=False)
class CoxModel:
    """Cox's regression of how long contracts last.

    Attributes
    ----------
    names, coefficients, covariance
        Of the columns of the design: change of the logarithm of the hazard of leaving, per unit of a column.
    log_likelihood
        The partial one.
    tests
        One row per column: `chi_square` and `p_value` of the test that its effect does not change with time; Holm's
        correction is `p_adjusted`. Below 0.05 it is told to change.
    n, events
        Runs of contracts, and those that ended.
    """

    formats: ClassVar[dict[str, str]] = {"effect": "text", "hazard_ratio": "estimate"} | dict.fromkeys(
        ("chi_square", "p_value", "p_adjusted"), "ratio"
    )
    labels: ClassVar[dict[str, str]] = {
        "effect": N_("Effect"),
        "hazard_ratio": N_("Hazard of leaving, times"),
        "chi_square": N_("Chi-squared, effect changes with time"),
        "p_value": N_("p"),
        "p_adjusted": N_("p, of all together (Holm)"),
    }

    covariates: tuple[Covariate, ...]
    names: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    tests: pd.DataFrame
    n: int
    events: int
    confidence_level: float = 0.95

    def table(self) -> pd.DataFrame:
        """One row per effect: `effect`, `hazard_ratio`, and the test that it does not change with time.

        A ratio above 1 shortens contracts: customers leave that many times as fast.
        """
        z, rows = z_score(self.confidence_level), []
        for covariate in self.covariates:
            for name in covariate.names:
                if name not in self.names:
                    continue
                place = self.names.index(name)
                step = effect_step(covariate) if name == covariate.name else 1.0
                value, half = step * self.coefficients[place], step * z * np.sqrt(self.covariance[place, place])
                ends = (value, value - half, value + half)
                ratio, low, high = (float(np.exp(np.clip(end, -700, 700))) for end in ends)
                effect = effect_name(covariate, name)
                label = _("hazard of leaving: {effect}").format(effect=effect)
                rows.append((effect, Estimate(ratio, low, high, "ratio", self.n, label, self.confidence_level)))
        found = pd.DataFrame(rows, columns=["effect", "hazard_ratio"])
        return found.assign(**{name: self.tests[name] for name in ("chi_square", "p_value", "p_adjusted")})

    def summary(self) -> str:
        """How many runs of contracts it rests on, and which effects change with the age of the contract."""
        table = self.table()
        changing = table[self.tests["p_adjusted"].to_numpy() < _TOO_SMALL]
        n, events = language.number(self.n), language.number(self.events)
        first = _("Cox's regression of {n} runs of contracts, {events} of which ended, serves as a check.")
        if changing.empty:
            second = _("For no effect can it be told that it changes with the age of the contract.")
        else:
            second = _(
                "These effects change with the age of the contract, and are averages over it: {effects}."
            ).format(effects=listed(changing["effect"]))
        return sentences(first.format(n=n, events=events), second)


def fit_cox(spells: pd.DataFrame, *, confidence_level: float = 0.95) -> CoxModel:
    """The regression of runs of contracts.

    Parameters
    ----------
    spells
        As `aggregate.contract_spells` makes them: `months`, `left`, covariates, and `entry_months` where some came to
        be observed late. Of very many, every so many are used: a check needs no more.

    Raises
    ------
    FitError
        If nobody left, no covariate tells the runs apart, or one separates those who left from those who stayed.
    ValueError
        If `spells` lack `months` or `left`.

    References
    ----------
    Cox (1972), Regression models and life-tables, JRSS B 34, 187-220.
    """
    missing = [name for name in ("months", "left") if name not in spells]
    if missing:
        raise ValueError(f"`spells` must have the columns months and left; missing: {', '.join(missing)}")
    spells = spells.iloc[:: max(1, -(-len(spells) // _MOST_SPELLS))]
    status = spells["left"].to_numpy(float)
    if not status.sum():
        raise FitError("nobody left, so that nothing tells why")
    rows = spells.drop(columns=["months", "left", "entry_months"], errors="ignore")
    rows = rows.assign(trials=1, events=status)
    learnt, _left_out = learn_covariates(rows)
    design = design_matrix(rows, learnt)
    kept = (variance_inflation(design, np.ones(len(rows)), most=MOST_VIF) <= MOST_VIF).to_numpy()
    design = design.loc[:, kept]
    if design.empty:
        raise FitError("no covariate tells these contracts apart")
    times = spells["months"].to_numpy(float)
    entry = spells["entry_months"].to_numpy(float) if "entry_months" in spells else np.zeros(len(spells))
    x = design.to_numpy(float)
    scale = x.std(axis=0)
    coefficients, covariance, log_likelihood = _fitted(times, status, entry, x / scale)
    if not (np.sqrt(np.abs(np.diag(covariance))) < _SEPARATED).all():
        raise FitError("a covariate separates those who left from those who stayed, which Cox's regression cannot fit")
    coefficients, covariance = coefficients / scale, covariance / np.outer(scale, scale)
    tests = proportional_hazards_test(times, status, x, coefficients, covariance, entry=entry)
    tests.insert(0, "name", list(design))
    ends = (log_likelihood, tests, len(spells), int(status.sum()), confidence_level)
    return CoxModel(learnt, tuple(design), coefficients, covariance, *ends)


def proportional_hazards_test(
    times, status, x: np.ndarray, coefficients: np.ndarray, covariance: np.ndarray, *, entry=None
) -> pd.DataFrame:
    """Whether each effect changes with time: `chi_square` (one degree of freedom), `p_value`, `p_adjusted` (Holm).

    Parameters
    ----------
    times, status, entry
        Of each run: months until it ended or was last seen, 1 if it ended, and months before it came to be observed.
    x, coefficients, covariance
        Of Cox's regression: its columns, one row per run, and what was found of them.

    References
    ----------
    Grambsch and Therneau (1994), Proportional hazards tests and diagnostics based on weighted residuals, Biometrika 81,
    515-526.
    """
    from scipy import stats

    times, status = np.asarray(times, dtype=float), np.asarray(status) == 1
    entry = np.zeros(len(times)) if entry is None else np.asarray(entry, dtype=float)
    residuals, moments, before = _schoenfeld(times, status, x, coefficients, entry)
    place = {time: share for time, share in zip(moments, before, strict=True)}
    g = np.array([place[time] for time in np.sort(times[status])])
    g = g - g.mean()
    scaled = len(g) * residuals @ covariance
    spread = len(g) * np.diag(covariance) * (g @ g)
    chi_square = np.divide((g @ scaled) ** 2, spread, out=np.zeros(len(spread)), where=spread > 0)
    p = stats.chi2(1).sf(chi_square)
    return pd.DataFrame({"chi_square": chi_square, "p_value": p, "p_adjusted": holm(p)})


def _fitted(times, status, entry, x) -> tuple[np.ndarray, np.ndarray, float]:
    import warnings

    from statsmodels.duration.hazard_regression import PHReg

    with warnings.catch_warnings():
        # what they warn of is looked for by whoever called
        warnings.simplefilter("ignore")
        late = entry if entry.any() else None
        try:
            fitted = PHReg(times, x, status=status, entry=late, ties="efron").fit(disp=0)
            return np.asarray(fitted.params), np.asarray(fitted.cov_params()), float(fitted.llf)
        except np.linalg.LinAlgError as error:
            raise FitError("Cox's regression has no maximum for these contracts") from error


def _schoenfeld(times, status, x, coefficients, entry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residuals in the order of the events' times, the different times, and the share that had left before each.

    Of events at the same time, each is held against the mean of the risk sets that Efron's method gives them.
    """
    weight = np.exp(x @ coefficients - (x @ coefficients).max())
    parts, before, kept = [], [], 1.0
    moments = np.unique(times[status])
    for moment in moments:
        risk = (times >= moment) & (entry < moment)
        events = status & (times == moment)
        d, sum_of, of_events = int(events.sum()), weight[risk].sum(), weight[events].sum()
        mean_of, mean_events = weight[risk] @ x[risk], weight[events] @ x[events]
        means = [(mean_of - k / d * mean_events) / (sum_of - k / d * of_events) for k in range(d)]
        parts.append(x[events] - np.mean(means, axis=0))
        before.append(1 - kept)
        kept *= 1 - d / risk.sum()
    return np.vstack(parts), moments, np.array(before)
