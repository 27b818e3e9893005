"""What the aggregations share: units of time, days as every engine counts them, and the way back from the engine."""

from datetime import date

import narwhals as nw
import pandas as pd

DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12}

# Engines add floats in any order. Rounding far below a cent makes the same rows give the same bytes.
DECIMALS = 6


def collected(frame: nw.LazyFrame) -> pd.DataFrame:
    """The rows, brought back from the engine; moments without a zone, as they went there."""
    found = frame.collect().to_pandas()
    # Spark gives what it truncates a zone, that of its session
    zoned = [name for name, kind in found.dtypes.items() if isinstance(kind, pd.DatetimeTZDtype)]
    return found.assign(**{name: found[name].dt.tz_localize(None) for name in zoned}) if zoned else found


def as_day(value: date | str, argument: str) -> pd.Timestamp:
    """A day given as an argument of that name.

    Raises
    ------
    ValueError
        If it is empty.
    """
    day = pd.Timestamp(value)
    if day is pd.NaT:
        raise ValueError(f"`{argument}` must be a date, got {value!r}")
    return day.normalize()


def days_per_unit(time_unit: str) -> float:
    """Days in a `day`, `week` or `month`.

    Raises
    ------
    ValueError
        If `time_unit` is none of these.
    """
    if time_unit not in DAYS:
        raise ValueError(f"`time_unit` must be one of {', '.join(DAYS)}, got {time_unit!r}")
    return DAYS[time_unit]


def day_number(name: str) -> nw.Expr:
    """Days as `date.toordinal` counts them: engines differ in how they subtract days, and agree on numbers."""
    day = nw.col(name).cast(nw.Datetime("us"))
    years = day.dt.year().cast(nw.Float64) - 1  # not an integer: pandas keeps empty days as NaN
    leap_days = (years / 4).floor() - (years / 100).floor() + (years / 400).floor()
    return years * 365 + leap_days + day.dt.ordinal_day().cast(nw.Float64)


def timestamps(day_numbers: pd.Series) -> pd.Series:
    """The other way round, once the numbers have come back."""
    since_1970 = day_numbers - date(1970, 1, 1).toordinal()
    return pd.to_datetime(since_1970, unit="D")
