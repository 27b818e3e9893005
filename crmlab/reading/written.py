"""How the texts of a column are written: as the client's file states it, else as the whole column shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crmlab.contract import Column
from crmlab.reading import numbers
from crmlab.reading.dates import Order
from crmlab.reading.form import SourceForm
from crmlab.reading.numbers import Written


@dataclass(frozen=True)
class Manner:
    """How a table's numbers and dates are written.

    Attributes
    ----------
    form
        What the client's file states of the table.
    currency, timezone
        The client's.
    seen
        By field: the way of its numbers or the order of its dates, where its texts showed it.
    """

    form: SourceForm
    currency: str
    timezone: str
    seen: Mapping[str, str] = field(default_factory=dict)

    def number(self, label: str, column: Column | None = None) -> Written:
        """How numbers are written: of a column of the contract; without one, of what a formula or condition reads."""
        unit = "|".join(column.units) if column else ""
        if column and (column.kind != "number" or unit):
            return Written(self.form.decimal or "plain", unit)
        currency = self.form.convert.currency if self.form.convert else None
        way = self.form.decimal or self.seen.get(label, "unclear")
        return Written(way, money=numbers.signs(currency or self.currency))

    def date(self, column: Column) -> Order:
        """How the dates of a column of the contract are written: as stated, else as seen, else not known."""
        stated = self.form.dates.get(column.name) or self.form.dates.get("")
        return Order(stated or self.seen.get(column.name, ""), self.timezone)

    def of(self, label: str, column: Column | None) -> Written | Order:
        """`date` of a column of dates, else `number`."""
        return self.date(column) if column and column.kind == "date" else self.number(label, column)
