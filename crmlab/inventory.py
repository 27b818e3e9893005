"""What was read of a client's tables and what was left out, in the words of a report."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import narwhals as nw

from crmlab import aggregate
from crmlab.contract import TABLES
from crmlab.language import day, number
from crmlab.messages import _, clauses
from crmlab.privacy import rejected_value
from crmlab.quality import Quality


@dataclass(frozen=True)
class Period:
    """First and last event of a table up to the as-of date, and the rows after it, which are not used."""

    first: date | None
    last: date | None
    later_rows: int


def table_read(name: str, quality: Quality, period: Period, as_of: date, further: Iterable[str] = ()) -> dict:
    """One table, for `tables.data_quality`; `further` remarks come last."""
    reasons = quality.to_dict()["reasons"]
    remarks = [_("{what}: {n}").format(what=reason, n=number(n)) for reason, n in reasons.items()]
    if quality.filtered:
        remarks.append(_("left out by the client’s file: {n}").format(n=number(quality.filtered)))
    for column, files in quality.lacking.items():
        remarks.append(
            _("{column} is missing from {n} of {files} files").format(
                column=column, n=number(files), files=number(len(quality.files))
            )
        )
    if period.first:
        remarks.insert(0, _("{first} to {last}").format(first=day(period.first), last=day(period.last)))
    if period.later_rows:
        later = _("dated after {as_of}, not used: {n}")
        remarks.append(later.format(as_of=day(as_of), n=number(period.later_rows)))
    counts = {"rows": quality.rows, "accepted": quality.accepted, "rejected": quality.rejected}
    return {"table": name, **counts, "remarks": clauses([*remarks, *further])}


def rejected_rows(name: str, quality: Quality) -> list[dict]:
    """The first rows of a table that broke each rule, for `tables.rejected_rows`; of a value no more than is safe."""
    return [
        {"table": name, **rejection.to_dict(), "value": rejected_value(rejection.column, rejection.value)}
        for rejection in quality.examples
    ]


def names(customers) -> set[str]:
    """Names and ids in the table of customers, which are taken out of what people wrote."""
    rows = nw.from_native(customers)
    telling = {column.name for column in TABLES["customers"].columns if column.personal or column.kind == "id"}
    frame = rows.select(*sorted(telling & {*rows.collect_schema()})).collect()
    return {str(value) for column in frame.iter_columns() for value in column if value is not None}


def transaction_remarks(transactions: nw.LazyFrame, until: date) -> list[str]:
    """What a reader may not expect among the accepted transactions, where there is any of it."""
    amount = nw.col("amount")
    ((refunds, zeros),) = (
        transactions.select((amount < 0).sum(), (amount == 0).sum().alias("zeros")).collect().iter_rows()
    )
    found = {
        _("refunds"): refunds,
        _("purchases of amount zero, kept"): zeros,
        _("customers with refunds only, in no figure"): aggregate.refund_only_customers(transactions, until=until),
    }
    return [_("{what}: {n}").format(what=what, n=number(n)) for what, n in found.items() if n]
