"""What each customer said last, and said before: one row per customer with answers.

Of several answers to a question that a customer gave on one day, whatever they are about, the last counts, and of those
at the same time the lowest, as in `crmlab.aggregate.answers`.
"""

from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.answers import csat_ends
from crmlab.aggregate.engine import DECIMALS, as_day, collected, day_number, timestamps

QUESTIONS = ("nps", "csat")
# above any answer in hundredths, so that a time and an answer make one number
_STEPS = 1_000_000


def customer_answers(
    surveys, *, until: date | str, csat_scale: tuple[float, float] | list[float] = (1, 5)
) -> pd.DataFrame:
    """What each customer had answered by a date.

    Parameters
    ----------
    surveys
        Frame with `date`, and `customer_id`, `nps`, `csat` where there are any; answers without a customer count for
        nobody.
    until
        Last day that counts.
    csat_scale
        The lowest and the highest answer to the question of satisfaction; others are none.

    Returns
    -------
    DataFrame
        One row per customer with an answer, sorted by `customer_id`: `answers`, the days on which there was one;
        `last_on`, the last of them; `last_nps` and `last_csat`, the last answer to each question; `nps_before` and
        `csat_before`, the mean of those of earlier days. What there is not is empty.

    Raises
    ------
    ValueError
        If `csat_scale` is not a lower and a higher number.
    """
    foot, head = csat_ends(csat_scale)
    last_day = as_day(until, "until").toordinal()
    frame = nw.from_native(surveys).lazy()
    schema = frame.collect_schema()
    at = nw.col("date").cast(nw.Datetime("us"))
    second = at.dt.hour().cast(nw.Float64) * 3600 + at.dt.minute().cast(nw.Float64) * 60 + at.dt.second()
    scores = [nw.col(name).cast(nw.Float64) if name in schema else nw.lit(None, nw.Float64) for name in QUESTIONS]
    named = nw.col("customer_id").cast(nw.String) if "customer_id" in schema else nw.lit(None, nw.String)
    frame = frame.select(
        named.alias("customer_id"),
        day_number("date").floor().alias("day"),
        second.alias("second"),
        *(score.alias(name) for name, score in zip(QUESTIONS, scores, strict=True)),
    ).filter(~nw.col("customer_id").is_null(), nw.col("day") <= last_day)
    ends = {"nps": (0.0, 10.0), "csat": (foot, head)}
    frame = frame.with_columns(
        nw.when((nw.col(name) >= low) & (nw.col(name) <= high)).then(nw.col(name)).alias(name)
        for name, (low, high) in ends.items()
    ).filter(~nw.col("nps").is_null() | ~nw.col("csat").is_null())
    # engines lack the value of the last row, but all have a maximum: of the day's seconds with the answer behind them
    coded = frame.with_columns((nw.col("second") * _STEPS - (nw.col(name) * 100).round()).alias(name) for name in ends)
    daily = coded.group_by("customer_id", "day").agg(*(nw.col(name).max() for name in ends))
    daily = daily.with_columns(
        (((nw.col(name) / _STEPS).ceil() * _STEPS - nw.col(name)) / 100).alias(name) for name in ends
    )
    latest = {name: nw.col("day") * _STEPS + (nw.col(name) * 100).round() for name in ends}
    daily = daily.with_columns(code.alias(f"{name}_code") for name, code in latest.items())
    found = collected(
        daily.group_by("customer_id").agg(
            nw.len().alias("answers"),
            nw.col("day").max(),
            *(nw.col(name).sum().alias(f"{name}_sum") for name in ends),
            *(nw.col(name).count().alias(f"{name}_days") for name in ends),
            *(nw.col(f"{name}_code").max() for name in ends),
        )
    ).sort_values("customer_id", ignore_index=True)
    told = pd.DataFrame({"customer_id": found["customer_id"].astype(object), "answers": found["answers"].astype(int)})
    told["last_on"] = timestamps(found["day"].astype(float))
    for name in ends:
        last = (found[f"{name}_code"].astype(float) % _STEPS) / 100
        earlier = (found[f"{name}_days"] - 1).astype(float)
        told[f"last_{name}"] = last
        mean = (found[f"{name}_sum"].astype(float) - last) / earlier.where(earlier > 0)
        told[f"{name}_before"] = mean.round(DECIMALS)
    return told
