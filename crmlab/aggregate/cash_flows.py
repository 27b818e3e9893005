"""Cash flows of the CRM programme by scenario, date, kind and category; and how many customers it reached by when."""

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import DECIMALS, collected, day_number, timestamps

ACTUAL = "actual"
_NEEDED = ("date", "kind", "category", "amount")
_FLOW = ["scenario", "date", "kind", "category"]


def crm_cash_flows(flows) -> pd.DataFrame:
    """Amounts added up by day.

    Parameters
    ----------
    flows
        Frame with `date`, `kind` (cost or benefit), `category`, `amount`, and `scenario` where there are plans. A flow
        without a scenario is an actual one.

    Returns
    -------
    DataFrame
        `scenario`, `date`, `kind`, `category`, `amount` and `rows`, sorted by the first four. Flows without a date, an
        amount or a category are left out.

    Raises
    ------
    ValueError
        If `flows` lack a column other than `scenario`.
    """
    frame = nw.from_native(flows).lazy()
    schema = frame.collect_schema()
    missing = [name for name in _NEEDED if name not in schema]
    if missing:
        raise ValueError(f"`flows` must have the columns {', '.join(_NEEDED)}; missing: {', '.join(missing)}")
    scenario = nw.col("scenario").cast(nw.String).str.strip_chars() if "scenario" in schema else nw.lit(ACTUAL)
    frame = frame.select(
        scenario.alias("named"),
        day_number("date").alias("day"),
        nw.col("kind").cast(nw.String).str.strip_chars(),
        nw.col("category").cast(nw.String).str.strip_chars(),
        nw.col("amount").cast(nw.Float64),
    ).filter(~nw.col("day").is_null(), ~nw.col("amount").is_null(), ~nw.col("category").is_null())
    unnamed = nw.col("named").is_null() | (nw.col("named").str.to_lowercase().is_in(["", ACTUAL]))
    frame = frame.with_columns(
        nw.when(unnamed).then(nw.lit(ACTUAL)).otherwise(nw.col("named")).alias("scenario"), nw.lit(1).alias("row")
    )
    grouped = frame.group_by("scenario", "day", "kind", "category")
    found = collected(grouped.agg(nw.col("amount").sum(), nw.col("row").sum().alias("rows")))
    found["date"] = timestamps(found["day"].astype(float))
    found["amount"] = found["amount"].astype(float)
    found["rows"] = found["rows"].astype("int64")
    found["amount"] = found["amount"].round(DECIMALS)
    return found[[*_FLOW, "amount", "rows"]].sort_values(_FLOW, ignore_index=True)


def customers_reached(exposure) -> pd.DataFrame:
    """How many customers the programme reached, by the day it first did: `from_date`, `customers`.

    Customers who were reached, but without a day, stand in the last row, whose `from_date` is empty.

    Parameters
    ----------
    exposure
        Frame with `customer_id`, `treated`, and `from_date` where it is known.

    Raises
    ------
    ValueError
        If `exposure` lacks `customer_id` or `treated`.
    """
    frame = nw.from_native(exposure).lazy()
    schema = frame.collect_schema()
    missing = [name for name in ("customer_id", "treated") if name not in schema]
    if missing:
        raise ValueError(f"`exposure` must have the columns customer_id and treated; missing: {', '.join(missing)}")
    day = day_number("from_date") if "from_date" in schema else nw.lit(None, nw.Float64)
    frame = frame.filter(nw.col("treated").cast(nw.Boolean))
    frame = frame.select("customer_id", day.alias("day"), nw.lit(1).alias("one"))
    # an engine may pass over empty keys of a group
    frame = frame.with_columns(nw.when(nw.col("day").is_null()).then(nw.lit(0.0)).otherwise(nw.col("day")).alias("day"))
    found = collected(frame.group_by("day").agg(nw.col("one").sum().alias("customers")))
    day = found["day"].astype(float)
    found["from_date"] = timestamps(day.where(day > 0))
    found["customers"] = found["customers"].astype("int64")
    return found[["from_date", "customers"]].sort_values("from_date", ignore_index=True)
