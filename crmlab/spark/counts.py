"""What Spark read of a table and what was kept, as `crmlab.quality.measure` tells it of DuckDB."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from crmlab.checks import Rule
from crmlab.messages import N_, Reason
from crmlab.quality import EXAMPLES, FILTERED, Quality, Rejection


def measured(rows: DataFrame, table: str, files: Sequence[str], rules: Sequence[Rule], lacking) -> Quality:
    """Count checked rows by `_rule`, and take the first of each.

    Parameters
    ----------
    rows
        With `_file`, `_row`, `_rule` (the place of the rule in `rules` that a row breaks; null where it breaks none)
        and `_value`.
    lacking
        By column: how many of the files have none of it.
    """
    counts = {row["_rule"]: row["count"] for row in rows.groupBy("_rule").count().collect()}
    broken = sorted(rule for rule in counts if rule is not None and rule != FILTERED)
    first = Window.partitionBy("_rule").orderBy("_file", "_row")
    shown = rows.select("_file", "_row", "_rule", "_value").filter(F.col("_rule") >= 0)
    shown = shown.withColumn("_place", F.row_number().over(first)).filter(F.col("_place") <= EXAMPLES)
    examples = shown.orderBy("_file", "_row", "_rule").collect() if broken else []
    named = N_("{column} {reason}")
    reasons = {
        Reason(named, column=rules[rule].column, reason=Reason(rules[rule].reason)): counts[rule] for rule in broken
    }
    return Quality(
        table=table,
        files=tuple(files),
        rows=sum(counts.values()),
        rejected=sum(reasons.values()),
        reasons=reasons,
        examples=tuple(
            Rejection(files[file], row, rules[rule].column, value or "", Reason(rules[rule].reason))
            for file, row, rule, value, _place in examples
        ),
        filtered=counts.get(FILTERED, 0),
        lacking=lacking,
    )
