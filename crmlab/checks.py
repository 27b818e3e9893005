"""The contract as SQL: how a column is cast to its type, and when a row breaks a rule. `crmlab.data` runs it."""

from dataclasses import dataclass

from crmlab.contract import FIRST_YEAR, LAST_YEAR, Column, Table

UNCLOSED = "must be on one line; a quotation mark before it is not closed"

_TIME_TYPES = ("DATE", "TIMESTAMP")
# A date that DuckDB could read in another way (a named zone, which it drops; "epoch"; two-digit years) is none to us.
_ZONE = "( ?(Z|[+-](0\\d|1[0-4])(:?[0-5]\\d)?))"
_DAY = f"^\\d{{4}}[-/]\\d{{1,2}}[-/]\\d{{1,2}}([ T]\\d{{1,2}}:\\d{{2}}(:\\d{{2}}(\\.\\d+)?)?{_ZONE}?)?$"
# DuckDB's trim knows the plain space only; U+00A0 comes from spreadsheets, U+3000 is the space of Chinese text
_BLANKS = " \t\r\n\u00a0\u3000"


@dataclass(frozen=True)
class Rule:
    """What makes a row wrong: `broken` and `value` are SQL over the columns that `typed` makes."""

    column: str
    reason: str
    broken: str
    value: str


def quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def trimmed(text: str) -> str:
    """SQL of a text without blanks around it."""
    return f"trim({text}, {literal(_BLANKS)})"


def typed(source: str, type_name: str, column: Column, timezone: str) -> str:
    """SQL of a column in the contract's type; NULL where it cannot be read so."""
    text = f"nullif({trimmed(f'CAST({source} AS VARCHAR)')}, '')"
    match column.kind:
        case "id" | "text":
            return text
        case "number":
            return f"TRY_CAST({text if type_name == 'VARCHAR' else source} AS DOUBLE)"
        case "integer":
            return f"TRY_CAST(TRY_CAST({text} AS DOUBLE) AS BIGINT)"
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


def row_rules(contract: Table, columns: list[str]) -> list[Rule]:
    """The rules of a table over the columns there are, in the order of the contract."""
    rules = []

    def add(column: str, reason: str, broken: str) -> None:
        rules.append(Rule(column, reason, broken, quoted("raw " + column)))

    for column in contract.columns:
        if column.name not in columns:
            continue
        name, raw = quoted(column.name), trimmed(quoted("raw " + column.name))
        filled = f"{raw} <> ''"
        if column.required:
            add(column.name, "must not be empty", f"coalesce({raw}, '') = ''")
        if column.kind in ("id", "date", "number"):
            add(column.name, UNCLOSED, f"contains({raw}, chr(10))")
        if column.kind == "date":
            add(column.name, "must be a date (YYYY-MM-DD)", f"{filled} AND coalesce(NOT isfinite({name}), true)")
            years = f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}"
            add(column.name, years, f"year({name}) NOT BETWEEN {FIRST_YEAR} AND {LAST_YEAR}")
        if column.kind == "number":
            add(column.name, "must be a number", f"{filled} AND coalesce(NOT isfinite({name}), true)")
        if column.kind == "integer":
            whole = f"coalesce(TRY_CAST({raw} AS DOUBLE) <> {name}, true)"
            add(column.name, "must be a whole number", f"{filled} AND {whole}")
        if column.kind == "boolean":
            add(column.name, "must be true or false", f"{filled} AND {name} IS NULL")
        if column.choices:
            allowed = ", ".join(map(literal, column.choices))
            add(column.name, f"must be one of {', '.join(column.choices)}", f"{filled} AND {name} NOT IN ({allowed})")
        if column.low is not None:
            add(column.name, f"must be at least {column.low:g}", f"{name} < {column.low}")
        if column.high is not None:
            add(column.name, f"must be at most {column.high:g}", f"{name} > {column.high}")
    for earlier, later in contract.ordered:
        if earlier in columns and later in columns:
            add(later, f"must not precede {earlier}", f"{quoted(later)} < {quoted(earlier)}")
    return rules
