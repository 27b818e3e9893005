"""The contract's rules as SQL: when a row breaks one. `crmlab.data` runs them."""

from collections.abc import Collection
from dataclasses import dataclass

from crmlab.contract import FIRST_YEAR, LAST_YEAR, Column, Table
from crmlab.messages import N_, Reason
from crmlab.reading.sql import literal, quoted

UNCLOSED = Reason(N_("must be on one line; a quotation mark before it is not closed"))
REPEATED = Reason(N_("repeats an earlier row"))
TWO_DATES = Reason(N_("could have its day or its month first; the client's file must say dates: dmy or dates: mdy"))
TWO_NUMBERS = Reason(N_("could be read in two ways; the client's file must say decimal: '.' or decimal: ','"))
_UNDECIDED = Reason(N_("must be true or false of every row; something that it reads is empty or no number"))
_NO_RATE = Reason(N_("has no rate of exchange on its day"))
EMPTY = Reason(N_("must not be empty"))


@dataclass(frozen=True)
class Rule:
    """What makes a row wrong: `broken` and `value` are SQL over a column's value, its `text` and its `raw` text."""

    column: str
    reason: Reason
    broken: str
    value: str

    @property
    def unclear(self) -> bool:
        """Whether a row breaks it because nobody has said how its text is to be read."""
        return self.reason in (TWO_DATES, TWO_NUMBERS)


def keep_rules() -> list[Rule]:
    """When it is open whether a row is kept."""
    raw = quoted("raw _keep")
    return [Rule("keep", TWO_NUMBERS, quoted("unclear _keep"), raw), Rule("keep", _UNDECIDED, "_keep IS NULL", raw)]


def rate_rules(column: str) -> list[Rule]:
    """When an amount cannot be converted; `column` says whose currency it is."""
    return [
        Rule(column, EMPTY, "coalesce(_currency, '') = ''", "_currency"),
        Rule(column, _NO_RATE, "_rate IS NULL", "_currency"),
    ]


def row_rules(contract: Table, columns: Collection[str], unclear: Collection[str] = ()) -> list[Rule]:
    """The rules of a table over the columns there are, in the order of the contract.

    Parameters
    ----------
    unclear
        Columns beside which it stands whether their text has two readings.
    """
    rules = []
    for column in contract.columns:
        if column.name in columns:
            rules += _column_rules(column, column.name in unclear)
    for earlier, later in contract.ordered:
        if earlier in columns and later in columns:
            reason = Reason(N_("must not precede {earlier}"), earlier=earlier)
            rules.append(Rule(later, reason, f"{quoted(later)} < {quoted(earlier)}", quoted("raw " + later)))
    return rules


def _column_rules(column: Column, unclear: bool) -> list[Rule]:
    rules = []
    name, text = quoted(column.name), quoted("text " + column.name)
    filled = f"{text} <> ''"

    def add(broken: str, message: str, **values: object) -> None:
        rules.append(Rule(column.name, Reason(message, **values), broken, quoted("raw " + column.name)))

    if column.required:
        add(f"coalesce({text}, '') = ''", EMPTY)
    if column.kind in ("id", "date", "number", "integer"):
        add(f"contains({text}, chr(10))", UNCLOSED)
    if unclear:
        add(quoted("unclear " + column.name), TWO_DATES if column.kind == "date" else TWO_NUMBERS)
    if column.kind == "date":
        add(f"{filled} AND coalesce(NOT isfinite({name}), true)", N_("must be a date (YYYY-MM-DD)"))
        outside = f"year({name}) NOT BETWEEN {FIRST_YEAR} AND {LAST_YEAR}"
        add(outside, N_("must lie between the years {first} and {last}"), first=FIRST_YEAR, last=LAST_YEAR)
    if column.kind == "number":
        add(f"{filled} AND coalesce(NOT isfinite({name}), true)", N_("must be a number"))
    if column.kind == "integer":
        number = quoted("number " + column.name)
        add(f"{filled} AND coalesce(NOT isfinite({number}), true)", N_("must be a number"))
        add(f"{filled} AND coalesce({number} <> {name}, true)", N_("must be a whole number"))
    if column.kind == "boolean":
        add(f"{filled} AND {name} IS NULL", N_("must be true or false"))
    if column.choices:
        allowed, shown = ", ".join(map(literal, column.choices)), ", ".join(column.choices)
        add(f"{filled} AND {name} NOT IN ({allowed})", N_("must be one of {choices}"), choices=shown)
    if column.low is not None:
        add(f"{name} < {column.low}", N_("must be at least {low}"), low=f"{column.low:g}")
    if column.high is not None:
        add(f"{name} > {column.high}", N_("must be at most {high}"), high=f"{column.high:g}")
    return rules
