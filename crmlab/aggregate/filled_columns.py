"""How much of a table is filled in, column by column."""

from collections.abc import Sequence

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import collected


def filled_columns(table, columns: Sequence[str]) -> pd.DataFrame:
    """One row per column: how many rows hold something there.

    Parameters
    ----------
    table
        Frame of which any of `columns` are known; blanks count as nothing.

    Returns
    -------
    DataFrame
        `column`, `rows` and `filled`, in the order of `columns`; a column that the table lacks is filled in none.
    """
    frame = nw.from_native(table).lazy()
    schema = frame.collect_schema()

    def filled(name: str) -> nw.Expr:
        known = ~nw.col(name).is_null()
        if schema[name] == nw.String:
            known = known & (nw.col(name).str.strip_chars() != "")
        return known.cast(nw.Int64).sum().alias(name)

    counts = collected(frame.select(nw.len().alias("rows"), *(filled(name) for name in columns if name in schema)))
    rows = int(counts["rows"].iloc[0])
    filled_in = [int(counts[name].fillna(0).iloc[0]) if name in counts else 0 for name in columns]
    return pd.DataFrame({"column": list(columns), "rows": rows, "filled": filled_in})
