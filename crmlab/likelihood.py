"""Maximum likelihood for models with a few positive parameters: the maximum, its covariance, and draws around it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crmlab.absence import FitError
from crmlab.intervals import Estimate, z_score

# Shapes are held between e^-4 and e^4 (0.02 to 55) by a penalty that is zero inside. Some customer bases have no
# maximum otherwise (nobody ever leaves; all leave at the same rate), and beyond these bounds a forecast hardly changes.
SHAPE_LOG_BOUND = 4.0
# Parameters are not drawn from further out than this, however little the data say about them.
_WIDEST_LOG_SD = 2.0
# Importance resampling: candidates per draw, and degrees of freedom of the t distribution that they come from.
_CANDIDATES = 5
_TAIL = 5
# Where the log-likelihood two standard deviations out differs from a normal one by less, a normal one is as good.
_SKEW_ALLOWED = 0.3
_STEPS = 100
_TOLERANCE = 1e-7
# Of the differences, in logarithms of parameters: small against the curve of a likelihood, large against rounding.
_DIFFERENCE = 3e-4


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
    objective
        What was maximised: the log-likelihood of the logarithms of the parameters, less the penalty on shapes.
    shapes
        Which of the parameters are shapes.
    """

    params: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    objective: Callable[[np.ndarray], float]
    shapes: np.ndarray

    @property
    def standard_errors(self) -> np.ndarray:
        """Of the parameters themselves (delta method)."""
        return self.params * np.sqrt(np.diag(self.covariance))


def maximise(
    log_likelihood: Callable[[np.ndarray], float],
    start,
    *,
    shapes,
    model: str,
    derivatives: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None,
) -> Maximum:
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
    derivatives
        Gradient and Hessian of `log_likelihood` in the parameters; differences of it if none are given.

    Raises
    ------
    FitError
        If no maximum is found.
    """
    shapes = np.asarray(shapes)

    def objective(log_params):
        beyond = np.maximum(np.abs(log_params[shapes]) - SHAPE_LOG_BOUND, 0.0)
        value = log_likelihood(np.exp(np.clip(log_params, -300, 300))) - beyond @ beyond / 2
        return value if np.isfinite(value) else -np.inf

    def maximum(point, value, information):
        covariance = _inverse(information, floor=_WIDEST_LOG_SD**-2)
        return Maximum(np.exp(point), covariance, float(value), objective, shapes)

    def slopes(point, value):
        if derivatives is None:
            return _differences(objective, point, value)
        return _in_logarithms(derivatives, point, shapes)

    point = np.log(np.asarray(start, dtype=float))
    value = objective(point)
    for _ in range(_STEPS):
        gradient, information = slopes(point, value)
        if not (np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(information).all()):
            break
        # Along a ridge that ends nowhere both slope and curvature fade, and their ratio still says how far to go.
        step = _inverse(information, floor=1e-8) @ gradient
        if gradient @ step < _TOLERANCE:
            point = point + _inverse(information, floor=_WIDEST_LOG_SD**-2) @ gradient
            return maximum(point, objective(point), information)
        step *= min(1.0, 2.0 / np.abs(step).max())
        # Armijo: a Newton step that overshoots is halved until it gains.
        while (candidate := objective(point + step)) < value + 1e-4 * (gradient @ step) and np.abs(step).max() > 1e-10:
            step = step / 2
        if candidate <= value:
            return maximum(point, value, information)
        point, value = point + step, candidate
    raise FitError(f"{model} could not be fitted: its likelihood has no maximum on these customers")


def covariance_root(covariance: np.ndarray) -> np.ndarray:
    """A matrix that turns independent standard normals into normals of that covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def draw_params(
    params,
    covariance,
    *,
    draws: int,
    rng: np.random.Generator,
    objective: Callable[[np.ndarray], float] | None = None,
) -> np.ndarray:
    """Parameters as uncertain as the data leave them, one row per draw.

    Parameters
    ----------
    objective
        Log-likelihood of the logarithms of the parameters. With it, draws follow the likelihood itself (importance
        resampling from a t distribution around the maximum); without it they are normal in logarithms.

    References
    ----------
    Rubin (1988), Using the SIR algorithm to simulate posterior distributions, Bayesian Statistics 3, 395-402.
    """
    centre, root = np.log(params), covariance_root(np.asarray(covariance))
    if objective is None or _is_quadratic(objective, centre, root):
        return np.exp(centre + rng.standard_normal((draws, len(centre))) @ root.T)
    normal = rng.standard_normal((_CANDIDATES * draws, len(centre)))
    out = normal / np.sqrt(rng.chisquare(_TAIL, len(normal)) / _TAIL)[:, None]
    candidates = centre + out @ root.T
    log_density = -(_TAIL + len(centre)) / 2 * np.log1p((out**2).sum(axis=1) / _TAIL)
    weights = np.array([objective(candidate) for candidate in candidates]) - log_density
    shares = np.cumsum(np.exp(weights - weights.max()))
    # Evenly spaced over the shares, one random offset for all: less repetition than drawing one by one.
    chosen = np.searchsorted(shares / shares[-1], (rng.random() + np.arange(draws)) / draws)
    return np.exp(candidates[rng.permutation(np.minimum(chosen, len(candidates) - 1))])


def _is_quadratic(objective, centre, root) -> bool:
    """Whether the log-likelihood is that of a normal distribution, as far as two standard deviations each way."""
    axes = 2.0 * np.concatenate([root.T, -root.T])
    fall = objective(centre) - np.array([objective(centre + step) for step in axes])
    return bool(np.abs(fall - 2.0).max() < _SKEW_ALLOWED)


def prediction_bounds(outcomes, confidence_level: float) -> np.ndarray:
    """Ends of a prediction interval from simulated outcomes, one row per draw.

    Quantiles are those that a further draw falls below with at most the stated chance (Weibull's rank / (n + 1)), so
    that an interval from few draws is not too narrow.

    Raises
    ------
    ValueError
        If there are fewer draws than the level needs: 39 for 95%, 19 for 90%.
    """
    z_score(confidence_level)
    tail = (1 - confidence_level) / 2
    needed = int(np.ceil(1 / tail - 1e-9)) - 1
    draws = len(outcomes)
    if draws < needed:
        level = f"{100 * confidence_level:.6g}%"
        raise ValueError(f"`draws` must be at least {needed} for a {level} interval, got {draws}")
    # Outcomes themselves, not values between them: of counts, those between 0 and 1 would leave out 0.
    rank = int(tail * (draws + 1) + 1e-9)
    ordered = np.sort(np.asarray(outcomes, dtype=float), axis=0)
    return ordered[[rank - 1, draws - rank]]


def prediction(value: float, outcomes, *, unit: str, n: int, label: str, confidence_level: float) -> Estimate:
    """An expected value with the interval in which the outcome will fall, from simulated `outcomes`, one per draw.

    Where nearly every outcome is the same (a handful of customers of whom hardly any will buy) the expected value can
    lie beyond the quantiles: the interval is then widened to hold it, which costs no coverage.
    """
    low, high = prediction_bounds(outcomes, confidence_level)
    return Estimate(value, min(float(low), value), max(float(high), value), unit, n, label, confidence_level)


def _differences(objective, point: np.ndarray, value: float) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and negative Hessian, by central differences of the same few values."""
    steps = _DIFFERENCE * np.eye(len(point))
    ahead, behind = (np.array([objective(point + sign * step) for step in steps]) for sign in (1, -1))
    fall = 2 * value - ahead - behind
    information = np.diag(fall)
    for i, j in zip(*np.tril_indices(len(point), -1), strict=True):
        both = steps[i] + steps[j]
        joint = 2 * value - objective(point + both) - objective(point - both)
        information[i, j] = information[j, i] = (joint - fall[i] - fall[j]) / 2
    return (ahead - behind) / (2 * _DIFFERENCE), information / _DIFFERENCE**2


def _in_logarithms(derivatives, log_params: np.ndarray, shapes) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and negative Hessian of the objective, from those of the log-likelihood in the parameters themselves."""
    params = np.exp(log_params)
    gradient, hessian = derivatives(params)
    beyond = np.where(shapes, np.sign(log_params) * np.maximum(np.abs(log_params) - SHAPE_LOG_BOUND, 0.0), 0.0)
    information = np.diag((beyond != 0) - params * gradient) - hessian * np.outer(params, params)
    return params * gradient - beyond, information


def _inverse(information: np.ndarray, *, floor: float) -> np.ndarray:
    """Inverse of a symmetric matrix, its eigenvalues held to at least `floor`."""
    values, vectors = np.linalg.eigh((information + information.T) / 2)
    return (vectors / np.maximum(np.abs(values), floor)) @ vectors.T


def model_entry(params: dict[str, float], standard_errors: dict[str, float], log_likelihood: float, n: int) -> dict:
    """What a report's JSON says of a fitted model."""
    plain = {"params": params, "standard_errors": standard_errors}
    entry = {key: {name: float(value) for name, value in values.items()} for key, values in plain.items()}
    return entry | {"log_likelihood": float(log_likelihood), "n": int(n)}
