"""The contract as SQL: how a column is cast to its type, and when a row breaks a rule. `crmlab.data` runs it."""

from dataclasses import dataclass

from crmlab.contract import FIRST_YEAR, LAST_YEAR, Column, Reason, Table
from crmlab.messages import N_

UNCLOSED = Reason(N_("must be on one line; a quotation mark before it is not closed"))
REPEATED = Reason(N_("repeats an earlier row"))

_TIME_TYPES = ("DATE", "TIMESTAMP")
# A date that DuckDB could read in another way (a named zone, which it drops; "epoch"; two-digit years) is none to us.
_ZONE = "( ?(Z|[+-](0\\d|1[0-4])(:?[0-5]\\d)?))"
_DAY = f"^\\d{{4}}[-/]\\d{{1,2}}[-/]\\d{{1,2}}([ T]\\d{{1,2}}:\\d{{2}}(:\\d{{2}}(\\.\\d+)?)?{_ZONE}?)?$"
# DuckDB's trim knows the plain space only; U+00A0 comes from spreadsheets, U+3000 is the space of Chinese text
_BLANKS = " \t\r\n\u00a0\u3000"
# Digits, signs and the point as Chinese input writes them, and the minus sign. No comma: `1，5` may be 1.5 or 15.
_WIDE, _PLAIN = "０１２３４５６７８９．＋－−", "0123456789.+--"


@dataclass(frozen=True)
class Rule:
    """What makes a row wrong: `broken` and `value` are SQL over a column's value, its `text` and its `raw` text."""

    column: str
    reason: Reason
    broken: str
    value: str


def quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def trimmed(text: str) -> str:
    """SQL of a text without blanks around it."""
    # nearly every text begins and ends with a visible ASCII character; this trim takes as long as all else together
    bare = f"ascii({text}) BETWEEN 33 AND 126 AND ascii(right({text}, 1)) BETWEEN 33 AND 126"
    return f"CASE WHEN {bare} THEN {text} ELSE trim({text}, {literal(_BLANKS)}) END"


def typed(type_name: str, column: Column, timezone: str) -> str:
    """SQL of a column in the contract's type, of its `source` and `text`; NULL where it cannot be read so."""
    source, text = quoted("source " + column.name), f"nullif({quoted('text ' + column.name)}, '')"
    match column.kind:
        case "id" | "text":
            return text
        case "number":
            return _number(text, column) if type_name == "VARCHAR" else f"TRY_CAST({source} AS DOUBLE)"
        case "integer":
            return f"TRY_CAST({_number(text, column)} AS BIGINT)"
        case "choice":
            return f"lower({text})"
        case "boolean":
            return (
                f"CASE WHEN lower({text}) IN ('true', 't', 'yes', 'y', '1') THEN true "
                f"WHEN lower({text}) IN ('false', 'f', 'no', 'n', '0') THEN false END"
            )
    zoned = f"timezone({literal(timezone)}, TRY_CAST({{}} AS TIMESTAMPTZ))"
    if type_name == "TIMESTAMP WITH TIME ZONE":
        return zoned.format(source)
    if type_name.startswith(_TIME_TYPES):
        return f"CAST({source} AS TIMESTAMP)"
    is_day = f"regexp_matches({text}, {literal(_DAY)})"
    has_zone = f"regexp_matches({text}, {literal(':.*' + _ZONE + '$')})"
    plain = f"TRY_CAST({text} AS TIMESTAMP)"
    return f"CASE WHEN NOT {is_day} THEN NULL WHEN {has_zone} THEN {zoned.format(text)} ELSE {plain} END"


def _number(text: str, column: Column) -> str:
    """SQL of a text as a number: as it stands, else with plain digits and without the column's own unit behind it.

    Whatever could be read in two ways (`1,5`, `9/10`) or changes the number (`5万`, `50%`) makes it no number.
    """
    bare = f"translate({text}, {literal(_WIDE)}, {literal(_PLAIN)})"
    if column.units:
        unit = f"^([-+]?[0-9.]+)[ \u00a0\u3000]*({'|'.join(column.units)})$"
        bare = f"regexp_replace({bare}, {literal(unit)}, '\\1', 'i')"
    return f"coalesce(TRY_CAST({text} AS DOUBLE), TRY_CAST({bare} AS DOUBLE))"


def _is_no_number(number: str, text: str) -> str:
    # DuckDB takes 1_5 for 15
    return f"(coalesce(NOT isfinite({number}), true) OR contains({text}, '_'))"


def row_rules(contract: Table, columns: list[str]) -> list[Rule]:
    """The rules of a table over the columns there are, in the order of the contract."""
    rules = []

    def add(column: str, broken: str, message: str, **values: object) -> None:
        rules.append(Rule(column, Reason(message, **values), broken, quoted("raw " + column)))

    for column in contract.columns:
        if column.name not in columns:
            continue
        name, text = quoted(column.name), quoted("text " + column.name)
        filled = f"{text} <> ''"
        if column.required:
            add(column.name, f"coalesce({text}, '') = ''", N_("must not be empty"))
        if column.kind in ("id", "date", "number", "integer"):
            add(column.name, f"contains({text}, chr(10))", UNCLOSED)
        if column.kind == "date":
            add(column.name, f"{filled} AND coalesce(NOT isfinite({name}), true)", N_("must be a date (YYYY-MM-DD)"))
            years = N_("must lie between the years {first} and {last}")
            outside = f"year({name}) NOT BETWEEN {FIRST_YEAR} AND {LAST_YEAR}"
            add(column.name, outside, years, first=FIRST_YEAR, last=LAST_YEAR)
        if column.kind == "number":
            add(column.name, f"{filled} AND {_is_no_number(name, text)}", N_("must be a number"))
        if column.kind == "integer":
            as_number = _number(text, column)
            add(column.name, f"{filled} AND {_is_no_number(as_number, text)}", N_("must be a number"))
            whole = f"coalesce({as_number} <> {name}, true)"
            add(column.name, f"{filled} AND {whole}", N_("must be a whole number"))
        if column.kind == "boolean":
            add(column.name, f"{filled} AND {name} IS NULL", N_("must be true or false"))
        if column.choices:
            allowed, shown = ", ".join(map(literal, column.choices)), ", ".join(column.choices)
            add(column.name, f"{filled} AND {name} NOT IN ({allowed})", N_("must be one of {choices}"), choices=shown)
        if column.low is not None:
            add(column.name, f"{name} < {column.low}", N_("must be at least {low}"), low=f"{column.low:g}")
        if column.high is not None:
            add(column.name, f"{name} > {column.high}", N_("must be at most {high}"), high=f"{column.high:g}")
    for earlier, later in contract.ordered:
        if earlier in columns and later in columns:
            add(later, f"{quoted(later)} < {quoted(earlier)}", N_("must not precede {earlier}"), earlier=earlier)
    return rules
