"""Maximum likelihood for models with a few positive parameters: the maximum, its covariance, and draws around it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crmlab.intervals import Estimate, z_score

# Shapes are held between e^-4 and e^4 (0.02 to 55) by a penalty that is zero inside. Some customer bases have no
# maximum otherwise (nobody ever leaves; all leave at the same rate), and beyond these bounds a forecast hardly changes.
SHAPE_LOG_BOUND = 4.0
# Parameters are not drawn from further out than this, however little the data say about them.
_WIDEST_LOG_SD = 2.0
_STEPS = 100
_TOLERANCE = 1e-7


class FitError(ValueError):
    """The data cannot carry the model; the message says why in one sentence."""


@dataclass(frozen=True, eq=False)
class Maximum:
    """Maximum of a log-likelihood.

    Attributes
    ----------
    params
        Positive parameters.
    covariance
        Of the logarithms of the parameters.
    log_likelihood
        Total over all observations.
    """

    params: np.ndarray
    covariance: np.ndarray
    log_likelihood: float

    @property
    def standard_errors(self) -> np.ndarray:
        """Of the parameters themselves (delta method)."""
        return self.params * np.sqrt(np.diag(self.covariance))


def maximise(log_likelihood: Callable[[np.ndarray], float], start, *, shapes, model: str) -> Maximum:
    """Newton's method in the logarithms of the parameters.

    Parameters
    ----------
    log_likelihood
        Total log-likelihood of positive parameters.
    start
        Positive parameters to start from.
    shapes
        Which of the parameters are shapes, that is free of units, as a list of booleans.
    model
        Name of the model, for the error message.

    Raises
    ------
    FitError
        If no maximum is found.
    """
    from statsmodels.tools.numdiff import approx_fprime, approx_hess3

    shapes = np.asarray(shapes)

    def objective(log_params):
        beyond = np.maximum(np.abs(log_params[shapes]) - SHAPE_LOG_BOUND, 0.0)
        value = log_likelihood(np.exp(np.clip(log_params, -300, 300))) - beyond @ beyond / 2
        return value if np.isfinite(value) else -np.inf

    point = np.log(np.asarray(start, dtype=float))
    value = objective(point)
    for _ in range(_STEPS):
        gradient = approx_fprime(point, objective, centered=True).reshape(point.shape)
        information = -approx_hess3(point, objective).reshape(len(point), len(point))
        if not (np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(information).all()):
            break
        # Along a ridge that ends nowhere both slope and curvature fade, and their ratio still says how far to go.
        step = _inverse(information, floor=1e-8) @ gradient
        if gradient @ step < _TOLERANCE:
            return Maximum(np.exp(point), _inverse(information, floor=_WIDEST_LOG_SD**-2), float(value))
        step *= min(1.0, 2.0 / np.abs(step).max())
        # Armijo: a Newton step that overshoots is halved until it gains.
        while (candidate := objective(point + step)) < value + 1e-4 * (gradient @ step) and np.abs(step).max() > 1e-10:
            step = step / 2
        if candidate <= value:
            return Maximum(np.exp(point), _inverse(information, floor=_WIDEST_LOG_SD**-2), float(value))
        point, value = point + step, candidate
    raise FitError(f"{model} could not be fitted: its likelihood has no maximum on these customers")


def draw_params(params, covariance, *, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Parameters as uncertain as the data leave them: normal in logarithms, one row per draw."""
    return np.exp(rng.multivariate_normal(np.log(params), covariance, size=draws, method="eigh"))


def prediction_bounds(outcomes, confidence_level: float) -> np.ndarray:
    """Ends of a prediction interval from simulated outcomes, one row per draw.

    Quantiles are those that a further draw falls below with exactly the stated chance (Weibull's rank / (n + 1)), so
    that an interval from few draws is not too narrow.
    """
    z_score(confidence_level)
    tail = (1 - confidence_level) / 2
    needed = int(np.ceil(1 / tail - 1e-9)) - 1
    if len(outcomes) < needed:
        level = f"{confidence_level:.0%}"
        raise ValueError(f"`draws` must be at least {needed} for a {level} interval, got {len(outcomes)}")
    return np.quantile(np.asarray(outcomes, dtype=float), [tail, 1 - tail], axis=0, method="weibull")


def prediction(value: float, outcomes, *, unit: str, n: int, label: str, confidence_level: float) -> Estimate:
    """An expected value with the interval in which the outcome will fall.

    Where nearly every outcome is the same (a handful of customers of whom hardly any will buy) the expected value can
    lie beyond the quantiles: the interval is then widened to hold it, which costs no coverage.
    """
    low, high = prediction_bounds(outcomes, confidence_level)
    return Estimate(value, min(float(low), value), max(float(high), value), unit, n, label, confidence_level)


def parameter_table(names, params, covariance, *, confidence_level: float = 0.95):
    """Parameters with standard errors and intervals (normal in logarithms, so that the ends stay positive)."""
    import pandas as pd

    spread = np.sqrt(np.diag(covariance))
    z = z_score(confidence_level)
    params = np.asarray(params, dtype=float)
    return pd.DataFrame(
        {
            "parameter": list(names),
            "estimate": params,
            "standard_error": params * spread,
            "low": params * np.exp(-z * spread),
            "high": params * np.exp(z * spread),
        }
    )


def _inverse(information: np.ndarray, *, floor: float) -> np.ndarray:
    """Inverse of a symmetric matrix, its eigenvalues held to at least `floor`."""
    values, vectors = np.linalg.eigh((information + information.T) / 2)
    return (vectors / np.maximum(np.abs(values), floor)) @ vectors.T


def model_entry(params: dict[str, float], standard_errors: dict[str, float], log_likelihood: float, n: int) -> dict:
    """What a report's JSON says of a fitted model."""
    plain = {"params": params, "standard_errors": standard_errors}
    entry = {key: {name: float(value) for name, value in values.items()} for key, values in plain.items()}
    return entry | {"log_likelihood": float(log_likelihood), "n": int(n)}
