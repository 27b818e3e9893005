"""What people wrote, one row per comment, from surveys or from the notes of service cases.

Words have to be read one by one, so that this is the one table that leaves the engine row by row: texts cut to a
length, and of very many the latest. A text that one person left twice on a day is one comment.
"""

from dataclasses import dataclass
from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import as_day, collected, day_number, timestamps

LONGEST = 4_000
MOST = 1_000_000


@dataclass(frozen=True, eq=False)
class Comments:
    """Comments up to a day.

    Attributes
    ----------
    rows
        One row per comment: `comment`, `date`, `customer_id` (empty where not known), `nps` (empty where there is no
        answer), and whatever column was asked for besides. In no order.
    blank
        Rows without a comment.
    repeated
        Comments left out, because the same person left the same one on the same day.
    earlier
        Comments left out, because there are more than can be read; the latest are.
    """

    rows: pd.DataFrame
    blank: int
    repeated: int
    earlier: int


def written_comments(
    table,
    *,
    until: date | str,
    since: date | str | None = None,
    day: str = "date",
    beside: tuple[str, ...] | list[str] = (),
    most: int = MOST,
) -> Comments:
    """Comments of `surveys`, or with `day="opened_at"` the notes of `interactions`.

    Parameters
    ----------
    table
        Frame with `comment` and the column `day`, and `customer_id` and `nps` where there are any.
    until, since
        Last and first day that count.
    beside
        Other columns to keep, such as `kind` or `touchpoint`; those that are not there are passed over.
    most
        Comments that are read at the most: whole days, from the last one back.

    Raises
    ------
    ValueError
        If `most` is below 1.
    """
    last, first = as_day(until, "until"), None if since is None else as_day(since, "since")
    if not most >= 1:
        raise ValueError(f"`most` must be at least 1, got {most}")
    frame = nw.from_native(table).lazy()
    schema = frame.collect_schema()
    beside = tuple(name for name in beside if name in schema)
    if "comment" not in schema or day not in schema:
        columns = ["comment", "date", "customer_id", "nps", *beside]
        return Comments(pd.DataFrame(columns=columns, dtype=object), 0, 0, 0)
    known = {name: nw.col(name) if name in schema else nw.lit(None, nw.String) for name in ("customer_id", *beside)}
    frame = frame.select(
        nw.col("comment").cast(nw.String),
        day_number(day).alias("day"),
        (nw.col("nps").cast(nw.Float64) if "nps" in schema else nw.lit(None, nw.Float64)).alias("nps"),
        *(expression.alias(name) for name, expression in known.items()),
    ).filter(nw.col("day") <= last.toordinal())
    if first is not None:
        frame = frame.filter(nw.col("day") >= first.toordinal())
    blank = nw.col("comment").is_null() | (nw.col("comment").str.strip_chars() == "")
    per_day = collected(
        frame.with_columns(nw.when(blank).then(nw.lit(1)).otherwise(nw.lit(0)).alias("blank"))
        .group_by("day")
        .agg(nw.len().alias("rows"), nw.col("blank").sum().alias("blank"))
    )
    written = (per_day["rows"] - per_day["blank"]).groupby(per_day["day"]).sum().sort_index(ascending=False)
    kept = written[written.cumsum() <= most]
    kept = written.iloc[: max(len(kept), 1)]
    rows = frame.filter(~blank).with_columns(nw.col("comment").str.slice(0, LONGEST))
    if len(kept) < len(written):
        rows = rows.filter(nw.col("day") >= float(kept.index.min()))
    found = collected(rows)
    # an empty column of strings is of no type that could be compared
    same = ["customer_id", "day", "comment"]
    several = found.duplicated(same, keep=False) & found["customer_id"].notna()
    # of the same comment with different scores the lowest, in whatever order the engine sends them
    again = found[several].sort_values([*same, "nps", *beside]).duplicated(same)
    again = again.reindex(found.index, fill_value=False)
    found = found[~again].reset_index(drop=True)
    found["date"] = timestamps(found["day"])
    return Comments(
        found[["comment", "date", "customer_id", "nps", *beside]],
        int(per_day["blank"].sum()),
        int(again.sum()),
        int(written.sum() - kept.sum()),
    )
