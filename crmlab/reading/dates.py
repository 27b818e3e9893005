"""Dates as people write them, as SQL: whether the day or the month comes first is stated, or follows from the column.

Read as they stand: 2024-03-05, 2024/3/5, 2024.3.5, 2024年3月5日, each also with a time, and with a zone where it is ISO
8601. 3/5/2024, 05.03.2024 and 5-3-2024 have two readings until their order is known. Years have four digits.
"""

from dataclasses import dataclass

from crmlab.reading.sql import literal, matches, narrow, replaced

ORDERS = ("dmy", "mdy", "ymd", "excel")
# A date that DuckDB could read in another way (a named zone, which it drops; "epoch"; two-digit years) is none to us.
_ZONE = "( ?(Z|[+-](0\\d|1[0-4])(:?[0-5]\\d)?))"
_ISO = f"^\\d{{4}}[-/]\\d{{1,2}}[-/]\\d{{1,2}}([ T]\\d{{1,2}}:\\d{{2}}(:\\d{{2}}(\\.\\d+)?)?{_ZONE}?)?$"
_CLOCK = r"(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)"
_HALF = r"(?: ?([AP])\.?M\.?)?"
_YEAR_FIRST = rf"^(\d{{4}})[年./-] ?(\d{{1,2}})[月./-] ?(\d{{1,2}})[日号]? ?(?:[ T,]{{0,2}}{_CLOCK})?{_HALF}$"
# the same sign twice
_SHAPE = r"^(?:\d{1,2}/\d{1,2}/|\d{1,2}-\d{1,2}-|\d{1,2}\.\d{1,2}\.)\d{4}"
_YEAR_LAST = rf"^(\d{{1,2}})[-/.](\d{{1,2}})[-/.](\d{{4}})(?:[ T,]{{1,2}}{_CLOCK})?{_HALF}$"
_COMPACT = r"^(\d{4})(\d{2})(\d{2})$"
# Excel's day 60 is 29 February 1900, which never was; before it, its count is one off
_SERIAL = r"^\d{2,6}(?:\.\d+)?(?:e0)?$"
_FIRST_SERIAL = 61


@dataclass(frozen=True)
class Order:
    """How the dates of a column are written.

    Attributes
    ----------
    form
        `dmy`, `mdy`, `ymd` (which also takes 20240305), `excel` (a count of days), a form of strptime, such as
        `%d-%b-%y`, or empty where nothing is known.
    timezone
        The client's: what states a zone is converted to it.
    """

    form: str = ""
    timezone: str = "UTC"

    @property
    def is_open(self) -> bool:
        """Whether it is not known yet if the day or the month comes first."""
        return not self.form

    def timestamp(self, text: str) -> str:
        """SQL of a text as a timestamp; NULL where it is no date, or has two readings."""
        zoned = f"timezone({literal(self.timezone)}, TRY_CAST({text} AS TIMESTAMPTZ))"
        has_zone = matches(text, ":.*" + _ZONE + "$")
        iso = f"CASE WHEN {has_zone} THEN {zoned} ELSE TRY_CAST({text} AS TIMESTAMP) END"
        return f"CASE WHEN {matches(text, _ISO)} THEN {iso} ELSE {self._otherwise(text)} END"

    def _otherwise(self, text: str) -> str:
        bare = narrow(text)
        if "%" in self.form:
            return f"try_strptime({bare}, {literal(self.form)})"
        cases = [_parsed(bare, _YEAR_FIRST, r"\1-\2-\3")]
        if self.form in ("dmy", "mdy"):
            by = r"\3-\2-\1" if self.form == "dmy" else r"\3-\1-\2"
            quick = f"try_strptime({bare}, {_forms(self.form)})"
            cases.insert(0, f"CASE WHEN {matches(bare, _SHAPE + '( |$)')} THEN {quick} END")
            cases.append(f"CASE WHEN {matches(bare, _SHAPE)} THEN {_parsed(bare, _YEAR_LAST, by)} END")
        if self.form == "ymd":
            dashed = replaced(bare, _COMPACT, r"\1-\2-\3")
            cases.append(f"CASE WHEN {matches(bare, _COMPACT)} THEN TRY_CAST({dashed} AS TIMESTAMP) END")
        if self.form == "excel":
            serial = f"TRY_CAST({bare} AS DOUBLE)"
            moment = f"to_microseconds(CAST(round({serial} * 86400000) AS BIGINT) * 1000)"
            known = f"{matches(bare, _SERIAL)} AND {serial} >= {_FIRST_SERIAL}"
            cases.append(f"CASE WHEN {known} THEN TIMESTAMP '1899-12-30' + {moment} END")
        return f"coalesce({', '.join(cases)})" if len(cases) > 1 else cases[0]

    def unclear(self, text: str) -> str:
        """SQL of whether a text is a date of which nobody has said whether the day comes first."""
        if self.form:
            return "false"
        # nearly all have the year first; CASE spares them the rest
        return f"CASE WHEN {matches(text, '^[0-9]{4}-')} THEN false ELSE {matches(narrow(text), _SHAPE)} END"

    def bare(self, text: str) -> str:
        """SQL of a text with plain digits and signs."""
        return narrow(text)

    def evidence(self, bare: str) -> list[str]:
        """SQL that counts, of a column's `bare` texts, dates with the year last, those day first, those month first."""
        first, second = (f"TRY_CAST(regexp_extract({bare}, {literal(_YEAR_LAST)}, {n}) AS INTEGER)" for n in (1, 2))
        shaped = matches(bare, _SHAPE)
        day_first = f"{first} BETWEEN 1 AND 31 AND {second} BETWEEN 1 AND 12"
        month_first = f"{first} BETWEEN 1 AND 12 AND {second} BETWEEN 1 AND 31"
        return [f"count(*) FILTER ({shaped})"] + [
            f"count(*) FILTER ({shaped} AND {fits})" for fits in (day_first, month_first)
        ]

    @staticmethod
    def shown(shaped: int, day_first: int, month_first: int) -> str:
        """The order of a column, from what `evidence` counts: one that all its dates fit, and some fit no other.

        `dmy` or `mdy`; empty where the column leaves it open.
        """
        if shaped == day_first > month_first:
            return "dmy"
        return "mdy" if shaped == month_first > day_first else ""


def _forms(order: str) -> str:
    """SQL of the most frequent forms with the year last, for the engine's own quick reading."""
    days = [sign.join(f"%{part}" for part in (*order[:2], "Y")) for sign in "/.-"]
    return "[" + ", ".join(literal(day + time) for time in ("", " %H:%M", " %H:%M:%S") for day in days) + "]"


def _parsed(bare: str, pattern: str, by: str) -> str:
    """SQL of a text that a pattern takes apart, its time in group 4 and its half of the day in group 5."""
    day = replaced(bare, pattern, by + r" \4 \5M", "i")
    half = f"try_strptime(upper({day}), ['%Y-%m-%d %I:%M %p', '%Y-%m-%d %I:%M:%S %p'])"
    # without a half of the day, "M" is left over
    plain = f"TRY_CAST(trim(regexp_replace({day}, ' M$', '')) AS TIMESTAMP)"
    moment = f"CASE WHEN {matches(day, '(?i)[AP]M$')} THEN {half} ELSE {plain} END"
    return f"CASE WHEN {matches(bare, '(?i)' + pattern)} THEN {moment} END"
