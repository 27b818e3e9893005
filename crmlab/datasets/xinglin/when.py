"""Days and months of Xinglin's calendar."""

import numpy as np

from crmlab.datasets.xinglin.truth import AS_OF, SEASON

# Opportunities open up to three months before the first customer is won.
_FIRST = np.datetime64("2021-10-01")
_DAYS = np.arange(_FIRST, np.datetime64(AS_OF) + 1)
_MONTH = _DAYS.astype("datetime64[M]").astype(int) % 12
# Season's weight of all days before each day, and of all days.
_WEIGHT = np.concatenate([[0.0], np.cumsum(np.array(SEASON)[_MONTH])])


def _position(day) -> np.ndarray:
    return (np.asarray(day, dtype="datetime64[D]") - _FIRST).astype(int)


def seasonal_years(first, last) -> np.ndarray:
    """Years from `first` to `last`, both included, with each day weighted by its season."""
    return (_WEIGHT[_position(last) + 1] - _WEIGHT[_position(first)]) / 365.25


def seasonal_days(rng: np.random.Generator, first, last) -> np.ndarray:
    """One day for each `first`, from it to `last`, with chances that follow the season."""
    low, high = _WEIGHT[_position(first)], _WEIGHT[_position(last) + 1]
    drawn = low + (high - low) * rng.random(np.shape(low))
    return _FIRST + np.clip(np.searchsorted(_WEIGHT, drawn, side="right") - 1, 0, _DAYS.size - 1)


def months_after(day, months) -> np.ndarray:
    """The same day of a later month, or that month's last day where it is shorter."""
    day = np.asarray(day, dtype="datetime64[D]")
    month = day.astype("datetime64[M]")
    later = month + np.asarray(months)
    last = (later + 1).astype("datetime64[D]") - 1
    return np.minimum(later.astype("datetime64[D]") + (day - month.astype("datetime64[D]")), last)
