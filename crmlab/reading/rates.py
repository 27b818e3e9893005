"""Amounts of other currencies into the client's, by a table of rates."""

from crmlab.contract import Column, InputError, Table
from crmlab.reading.form import ConversionForm
from crmlab.reading.sql import literal, quoted

RATES = Table(
    "rates",
    "one row per currency and day from which its rate holds",
    (
        Column("currency", "text", "ISO 4217 code", required=True),
        Column("rate", "number", "one unit of it in the client's currency", required=True, low=1e-9),
        Column("date", "date", "first day on which it holds; empty if it always did"),
    ),
    unique=("currency", "date"),
)
# before every date
_EVER = "TIMESTAMP '0001-01-01'"


def amounts(contract: Table) -> list[str]:
    """Columns of a table that are money."""
    return [column.name for column in contract.columns if column.kind == "number" and not column.units]


def first_date(contract: Table) -> str | None:
    """The date of a row of the table, unless another is stated."""
    dates = [column.name for column in contract.columns if column.kind == "date"]
    return contract.event or next(iter(dates), None)


def converted(
    body: str, form: ConversionForm, contract: Table, columns: list[str], rates: tuple[str, bool], to: str, where: str
) -> str:
    """SQL of a table's rows with their amounts in the client's currency `to`, and the rate of each as `_rate`.

    Parameters
    ----------
    columns
        Those that the table has.
    rates
        SQL of the rates, and whether any holds from a date on.
    to, where
        The client's currency (ISO 4217), and the table, as errors name it.

    Raises
    ------
    InputError
        If rates have dates and the table has none.
    """
    reader, dated = rates
    day = form.date or first_date(contract)
    if dated and day not in columns:
        raise InputError(f"{where}.convert: rates have dates, but {contract.name} has no {day or 'date'}")
    moment = quoted(day) if dated else "TIMESTAMP '2000-01-01'"
    chosen = [name for name in form.columns or amounts(contract) if name in columns]
    since = f"SELECT upper(currency) AS currency, rate, coalesce(date, {_EVER}) AS since FROM {reader}"
    joined = (
        f"SELECT u.*, CASE WHEN u._currency = {literal(to)} THEN 1.0 ELSE r.rate END AS _rate FROM ({body}) AS u "
        f"ASOF LEFT JOIN ({since}) AS r ON u._currency = r.currency AND u.{moment if dated else '_moment'} >= r.since"
    )
    if not dated:
        joined = joined.replace(f"({body})", f"(SELECT *, {moment} AS _moment FROM ({body}))", 1)
    by = ", ".join(f"{quoted(name)} * coalesce(_rate, 1) AS {quoted(name)}" for name in chosen)
    return f"SELECT * REPLACE ({by}) FROM ({joined})" if by else joined
