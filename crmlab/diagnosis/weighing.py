"""The arithmetic of the score: weights, letters, what intervals leave open, what other weights would do.

Whatever is drawn at random is drawn by the indicators' names, so that their order does not matter.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from crmlab.diagnosis.indicators import PARTS, Indicator, nearest
from crmlab.intervals import Estimate, z_score

# the least score that earns each letter
RATINGS = {"A": 80.0, "B": 65.0, "C": 50.0, "D": 35.0, "E": 0.0}
# other weights that are as reasonable: each halved to doubled
_FACTOR = 2.0
# so that 80 that is a sum of fractions is 80
_ROUNDING = 5e-7


def checked_bands(bands: Mapping[str, float]) -> dict[str, float]:
    """The least score of each letter, best first.

    Raises
    ------
    ValueError
        If the scores are no numbers, or do not fall from at most 100 to 0.
    """
    cuts = list(bands.values())
    if any(isinstance(cut, bool) or not isinstance(cut, int | float) for cut in cuts):
        raise ValueError(f"`bands` must give each letter its least score, got {dict(bands)}")
    falling = all(high > low for high, low in zip(cuts, cuts[1:], strict=False))
    if not cuts or cuts[-1] != 0 or cuts[0] > 100 or not falling:
        raise ValueError(f"`bands` must fall from at most 100 to 0, the best letter first, got {dict(bands)}")
    return {str(letter): float(cut) for letter, cut in bands.items()}


def checked_part_weights(given: Mapping[str, float]) -> dict[str, float]:
    """The weight of each part; of those that are not given, the default.

    Raises
    ------
    ValueError
        If a part is unknown, or a weight is no number of at least 0.
    """
    for part, weight in given.items():
        if part not in PARTS:
            raise ValueError(f"`part_weights` names {part}, which is no part{nearest(part, PARTS)}")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < np.inf:
            raise ValueError(f"`part_weights`: {part} must be a number of at least 0, got {weight!r}")
    return {part: weight for part, (_label, weight) in PARTS.items()} | dict(given)


def letters(scores, bands: Mapping[str, float]) -> np.ndarray:
    """The letter of each score, 0 to 100: the first of `bands` (the least score of each, best first) that it earns."""
    cuts = np.array(list(bands.values()))
    return np.array(list(bands))[(np.asarray(scores, float)[..., None] + _ROUNDING < cuts).sum(axis=-1)]


def shares(indicators: Sequence[Indicator], part_weights: Mapping[str, float]) -> np.ndarray:
    """Each indicator's weight in the whole; they add up to one.

    Raises
    ------
    ValueError
        If the weights of all parts that have an indicator are 0.
    """
    member = _membership(indicators)
    of_parts = np.array([float(part_weights[part]) for part in PARTS])
    if not (member @ of_parts).sum() > 0:
        raise ValueError("`part_weights` must be above 0 for a part of which something is known")
    return _shares(member, np.array([each.weight for each in indicators]), of_parts)


def drawn_scores(indicators: Sequence[Indicator], found: Mapping[str, Estimate], draws: int, seed: int) -> np.ndarray:
    """Scores of indicators drawn within their intervals, a row for each draw.

    Each is drawn from a normal distribution of two halves, each as wide as its side of the interval, independently of
    the others; one without an interval, such as a full count, is what it is.
    """
    normal = _by_name(indicators, np.random.default_rng(seed).standard_normal((draws, len(indicators))))
    columns = []
    for each, deviate in zip(indicators, normal.T, strict=True):
        estimate = found[each.name]
        value, low, high = estimate.value, estimate.low, estimate.high
        if low is None:
            low = high = value
        width = np.where(deviate > 0, high - value, value - low) / z_score(estimate.confidence_level)
        columns.append(each.score(value + width * deviate))
    return np.column_stack(columns)


def under_other_weights(
    indicators: Sequence[Indicator], scores: np.ndarray, part_weights: Mapping[str, float], draws: int, seed: int
) -> np.ndarray:
    """The overall score, 0 to 100, in each draw of other weights: halved to doubled, evenly in logarithms."""
    rng, ends = np.random.default_rng(seed), (-np.log(_FACTOR), np.log(_FACTOR))
    within = np.exp(_by_name(indicators, rng.uniform(*ends, (draws, len(indicators)))))
    within = within * np.array([each.weight for each in indicators])
    of_parts = np.exp(rng.uniform(*ends, (draws, len(PARTS)))) * np.array([part_weights[part] for part in PARTS])
    return _shares(_membership(indicators), within, of_parts) @ scores


def _membership(indicators: Sequence[Indicator]) -> np.ndarray:
    """Which part each indicator belongs to: a row for each, with a one under its part."""
    return np.array([[float(each.part == part) for part in PARTS] for each in indicators])


def _shares(member: np.ndarray, within: np.ndarray, of_parts: np.ndarray) -> np.ndarray:
    raw = within / (within @ member @ member.T) * (of_parts @ member.T)
    return raw / raw.sum(axis=-1, keepdims=True)


def _by_name(indicators: Sequence[Indicator], drawn: np.ndarray) -> np.ndarray:
    """Columns drawn for the indicators in the order of their names, in the order that is given."""
    order = np.argsort([each.name for each in indicators], kind="stable")
    placed = np.empty_like(drawn)
    placed[:, order] = drawn
    return placed
