"""When the events of a table happened."""

from datetime import datetime
from typing import NamedTuple

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import collected


class EventDays(NamedTuple):
    """First and last moment before a day, NaT where there is none, and how many rows lie on it or after it."""

    first: pd.Timestamp
    last: pd.Timestamp
    later_rows: int


def event_days(table, event: str, *, before: datetime | None = None) -> EventDays:
    """First and last event of a table, of those before a moment, and how many rows come later.

    Parameters
    ----------
    table
        Frame with the column `event`, on any engine.
    before
        The first moment that does not count any more; None if all count.
    """
    moment = nw.col(event)
    counts = nw.lit(True) if before is None else moment < nw.lit(before)
    frame = nw.from_native(table).lazy()
    frame = frame.select(
        nw.when(counts).then(moment).alias("used"), nw.when(counts).then(nw.lit(0)).otherwise(nw.lit(1)).alias("later")
    )
    found = collected(
        frame.select(nw.col("used").min().alias("first"), nw.col("used").max().alias("last"), nw.col("later").sum())
    ).iloc[0]
    later = 0 if pd.isna(found["later"]) else int(found["later"])
    return EventDays(pd.Timestamp(found["first"]), pd.Timestamp(found["last"]), later)
