"""A field as SQL of the contract's type."""

from crmlab.contract import Column
from crmlab.reading.sql import quoted
from crmlab.reading.written import Manner

_TIME_TYPES = ("DATE", "TIMESTAMP")


def boolean(text: str) -> str:
    """SQL of a text (true, t, yes, y, 1 and their opposites, in whatever case) as true or false; NULL of any other."""
    return (
        f"CASE WHEN lower({text}) IN ('true', 't', 'yes', 'y', '1') THEN true "
        f"WHEN lower({text}) IN ('false', 'f', 'no', 'n', '0') THEN false END"
    )


def typed(type_name: str, column: Column, manner: Manner) -> str:
    """SQL of a column in the contract's type, of its `source` and `text`; NULL where it cannot be read so."""
    source, text = quoted("source " + column.name), f"nullif({quoted('text ' + column.name)}, '')"
    match column.kind:
        case "id" | "text":
            return text
        case "number" if type_name != "VARCHAR":
            return f"TRY_CAST({source} AS DOUBLE)"
        case "integer" if type_name != "VARCHAR":
            return f"TRY_CAST(TRY_CAST({source} AS DOUBLE) AS BIGINT)"
        case "number":
            return manner.number(column.name, column).number(text)
        case "integer":
            return f"TRY_CAST({manner.number(column.name, column).number(text)} AS BIGINT)"
        case "choice":
            return f"lower({text})"
        case "boolean":
            return boolean(text)
    if type_name in ("TIMESTAMP_NS", "TIMESTAMPTZ_NS"):
        # downwards: the engine would round, and the last nanosecond of a year fall into the next
        micros = f"(epoch_ns({source}) // 1000 - CAST(epoch_ns({source}) % 1000 < 0 AS INTEGER))"
        if type_name == "TIMESTAMP_NS":
            return f"make_timestamp({micros})"
        return f"timezone('{manner.timezone}', make_timestamptz({micros}))"
    if type_name == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('{manner.timezone}', TRY_CAST({source} AS TIMESTAMPTZ))"
    if type_name.startswith(_TIME_TYPES):
        return f"CAST({source} AS TIMESTAMP)"
    return manner.date(column).timestamp(text)
