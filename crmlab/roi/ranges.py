r"""What may come instead of what is planned: ranges that the analyst states, and draws from them together.

A range has a lowest, a most likely and a highest value. Its shape is triangular, or PERT: a beta distribution on the
range with parameters :math:`1 + 4 (m - l) / (h - l)` and :math:`1 + 4 (h - m) / (h - l)`. Terms that go together are
drawn through a Gaussian copula from their stated rank correlation :math:`\rho`, whose normal correlation is
:math:`2 \sin(\pi \rho / 6)`.

References
----------
Malcolm, Roseboom, Clark and Fazar (1959), Application of a technique for research and development program evaluation,
Operations Research 7, 646-669.
Kruskal (1958), Ordinal measures of association, JASA 53, 814-861.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SHAPES = ("triangular", "pert")
_KEYS = ("low", "mode", "high", "shape")
# normal scores at which quantiles are computed; between them they are interpolated
_SCORES = np.linspace(-6, 6, 1201)


@dataclass(frozen=True)
class Range:
    """A number that may turn out between `low` and `high`, most likely at `mode`.

    Attributes
    ----------
    shape
        `triangular` or `pert`, which keeps closer to the mode.

    Raises
    ------
    ValueError
        If the numbers are not finite or not in order, or the shape is neither.
    """

    low: float
    mode: float
    high: float
    shape: str = "pert"

    def __post_init__(self):
        if not all(math.isfinite(each) for each in (self.low, self.mode, self.high)):
            raise ValueError(f"a range must be of finite numbers, got {self.low}, {self.mode}, {self.high}")
        if not self.low <= self.mode <= self.high:
            raise ValueError(f"a range must have low <= mode <= high, got {self.low}, {self.mode}, {self.high}")
        if self.shape not in SHAPES:
            raise ValueError(f"the shape of a range must be {' or '.join(SHAPES)}, got {self.shape!r}")

    def quantile(self, levels) -> np.ndarray:
        """The value that is not exceeded with each of these chances, from 0 to 1."""
        from scipy import special

        levels, width = np.asarray(levels, dtype=float), self.high - self.low
        if width == 0:
            return np.full(levels.shape, self.low)
        peak = (self.mode - self.low) / width
        if self.shape == "pert":
            return self.low + width * special.betaincinv(1 + 4 * peak, 1 + 4 * (1 - peak), levels)
        rising = np.sqrt(levels * peak)
        return self.low + width * np.where(levels <= peak, rising, 1 - np.sqrt((1 - levels) * (1 - peak)))


def read_ranges(given: Mapping[str, Mapping], *, likely: Mapping[str, float]) -> dict[str, Range]:
    """Ranges by the name of their term, as a client's file states them.

    Parameters
    ----------
    given
        `{licence: {low: 0.9, high: 1.3, mode: 1, shape: pert}}`.
    likely
        By term, all that are known: the most likely value where none is given.

    Raises
    ------
    ValueError
        If a term is unknown, `low` or `high` is missing, a key is unknown, or the numbers make no range.
    """
    found = {}
    for name, stated in given.items():
        if name not in likely:
            raise ValueError(f"`ranges` names {name!r}, which the programme has not; it has {', '.join(likely)}")
        unknown = [key for key in stated if key not in _KEYS]
        if unknown or not {"low", "high"} <= set(stated):
            raise ValueError(f"`ranges` of {name} must give low and high, and may give mode and shape, got {stated}")
        numbers = {"mode": likely[name], **stated}
        try:
            low, mode, high = (float(numbers[key]) for key in _KEYS[:3])
            found[name] = Range(low, mode, high, numbers.get("shape", "pert"))
        except (TypeError, ValueError) as error:
            raise ValueError(f"`ranges` of {name}: {error}") from error
    return found


def draw_together(
    quantiles: Mapping, *, correlations: Sequence = (), draws: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draws of several terms, through a Gaussian copula (see the module).

    Parameters
    ----------
    quantiles
        By term: a function of levels, as `Range.quantile`.
    correlations
        `[[licence, staff, 0.5], ...]`: two terms and their rank correlation, -1 to 1; others are independent.

    Raises
    ------
    ValueError
        If a correlation does not join two of the terms by a number from -1 to 1, or they contradict one another.
    """
    from scipy import special

    names = list(quantiles)
    scores = rng.standard_normal((len(names), draws))
    if correlations:
        scores = _root(_matrix(names, correlations)) @ scores
    levels = special.ndtr(_SCORES)
    return {name: np.interp(score, _SCORES, quantiles[name](levels)) for name, score in zip(names, scores, strict=True)}


def _matrix(names: list[str], correlations: Sequence) -> np.ndarray:
    matrix = np.eye(len(names))
    for stated in correlations:
        if not isinstance(stated, Sequence) or isinstance(stated, str) or len(stated) != 3:
            raise ValueError(f"`correlations` must be of two terms and a number each, got {stated!r}")
        one, other, rank = stated
        unknown = [name for name in (one, other) if name not in names]
        if unknown:
            raise ValueError(f"`correlations` names {unknown[0]!r}, which has no range; there are {', '.join(names)}")
        if one == other or isinstance(rank, bool) or not isinstance(rank, int | float) or not -1 <= rank <= 1:
            raise ValueError(f"`correlations` must join two terms by a number from -1 to 1, got {stated!r}")
        i, j = names.index(one), names.index(other)
        matrix[i, j] = matrix[j, i] = 2 * math.sin(math.pi * rank / 6)
    return matrix


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < -1e-9:
        raise ValueError("`correlations` contradict one another: no terms can be correlated like this")
    return vectors * np.sqrt(np.clip(values, 0, None))
