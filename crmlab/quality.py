"""What was read of a table and what was kept: counts, reasons, and the first rows that broke each rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from crmlab.checks import UNCLOSED, Rule
from crmlab.contract import InputError
from crmlab.messages import N_, Reason
from crmlab.privacy import harmless
from crmlab.reading.sql import quoted

EXAMPLES = 5
# in place of a rule: the client's file leaves the row out
FILTERED = -1
# what DuckDB calls the faults of a line, in small letters; marked here for the translator
_LINE_FAULTS = (
    N_("missing columns"),
    N_("too many columns"),
    N_("unquoted value"),
    N_("line size over maximum"),
    _ENCODING := N_("invalid encoding"),
    N_("invalid state"),
)


@dataclass(frozen=True)
class Rejection:
    """A row that broke a rule. `row` counts as a spreadsheet does, the header as 1, but passes over blank lines."""

    file: str
    row: int
    column: str
    value: str
    reason: Reason

    def __str__(self):
        return f"{self.file}: row {self.row}: {self.column}: {self.reason}, got {self.value!r}"

    def told(self) -> str:
        """As text without what may say who somebody is: an error stands in pages too."""
        return str(replace(self, value=harmless(self.value)))

    def to_dict(self) -> dict:
        """The row of a report's table, in the language that is spoken."""
        return {name: part.told() if isinstance(part, Reason) else part for name, part in vars(self).items()}


@dataclass(frozen=True)
class Quality:
    """What was read of a table and what was kept.

    Attributes
    ----------
    rows, rejected
        How many were read, and how many of them broke a rule.
    reasons
        How many rows each rule rejected; a row counts under the first that it breaks.
    examples
        The first five rows that broke each rule.
    filtered
        Rows that the client's file leaves out (`keep`); they count neither as accepted nor as rejected.
    lacking
        By column: how many of the files do not have it, though others do.
    """

    table: str
    files: tuple[str, ...]
    rows: int
    rejected: int
    reasons: dict[Reason, int]
    examples: tuple[Rejection, ...]
    filtered: int = 0
    lacking: Mapping[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """How many rows are kept: those read, less the rejected and the filtered."""
        return self.rows - self.rejected - self.filtered

    def to_dict(self) -> dict:
        """The entry of a report's JSON, its reasons in the language that is spoken."""
        reasons = {reason.told(): n for reason, n in self.reasons.items()}
        further: dict[str, object] = {"filtered": self.filtered} if self.filtered else {}
        further |= {"lacking": dict(self.lacking)} if self.lacking else {}
        return {"rows": self.rows, "rejected": self.rejected, "reasons": reasons} | further


def measure(
    connection,
    table: str,
    files: Mapping[str, str],
    rules: Sequence[Rule],
    *,
    checked: str | None = None,
    lacking: Mapping[str, int] | None = None,
) -> Quality:
    """Count what a read left on the engine: the table `checked`, and the engine's record of malformed lines.

    Parameters
    ----------
    files
        What messages call each file, by the path that the engine read; in the order of `_file`.
    """
    checked, names = quoted(checked or "checked " + table), list(files.values())
    counts = dict(connection.execute(f"SELECT _rule, count(*) FROM {checked} GROUP BY _rule ORDER BY _rule").fetchall())
    malformed = _malformed(connection, files)
    broken_lines = {name: sorted(r.row for r in malformed if r.file == name) for name in names}
    examples = [
        Rejection(
            names[file],
            _shifted(row, broken_lines[names[file]]),
            rules[rule].column,
            value or "",
            Reason(rules[rule].reason),
        )
        for file, row, rule, value in connection.execute(
            f"SELECT _file, _row, _rule, _value FROM {checked} WHERE _rule >= 0 "
            f"QUALIFY row_number() OVER (PARTITION BY _rule ORDER BY _file, _row) <= {EXAMPLES} ORDER BY _file, _row"
        ).fetchall()
    ]
    reasons = {
        Reason(N_("{column} {reason}"), column=rules[rule].column, reason=Reason(rules[rule].reason)): n
        for rule, n in counts.items()
        if rule is not None and rule != FILTERED
    }
    if malformed:
        reasons[Reason(N_("line cannot be split into the header's columns"))] = len(malformed)
    return Quality(
        table=table,
        files=tuple(names),
        rows=sum(counts.values()) + len(malformed),
        rejected=sum(reasons.values()),
        reasons=reasons,
        examples=(*sorted(malformed, key=_is_closed)[:EXAMPLES], *examples),
        filtered=counts.get(FILTERED, 0),
        lacking=lacking or {},
    )


def _is_closed(rejection: Rejection) -> bool:
    """Whether a broken row at least ends where its line does; if not, it has swallowed those after it."""
    return not (rejection.reason == UNCLOSED or "quote" in rejection.reason or "line size" in rejection.reason)


def _malformed(connection, files: Mapping[str, str]) -> list[Rejection]:
    """Lines of CSV files that DuckDB could not split, one entry a line; clears DuckDB's record of them."""
    known = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if "reject_errors" not in known:
        return []
    found = connection.execute(
        "SELECT scans.file_path, errors.line, any_value(errors.csv_line), lower(any_value(errors.error_type)) "
        "FROM reject_errors AS errors JOIN reject_scans AS scans USING (scan_id, file_id) GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    forget_malformed(connection)
    whole = Reason(N_("line"))
    return [Rejection(files[path], line, whole, text.strip()[:80], Reason(why)) for path, line, text, why in found]


def forget_malformed(connection) -> None:
    """Clear the engine's record of malformed lines: what was read before does not count towards what is read next."""
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")


def _shifted(row: int, broken_lines: list[int]) -> int:
    """The row's number in the file, given the lines before it that DuckDB skipped."""
    for line in broken_lines:
        if line > row:
            break
        row += 1
    return row


def judge(quality: Quality, max_rejected: float, file: str, *, encoding: str | None = None) -> None:
    """Stop if there is nothing to work with, or if more rows are rejected than the client's `file` allows.

    A quotation mark that is not closed stops the run at any rate: nobody can tell how many rows it swallowed. So do
    rows in another encoding, unless the file's `encoding` is stated: that of the other rows may be wrong as well.

    Raises
    ------
    InputError
        In these cases, and if no row is left.
    """
    for example in quality.examples:
        if example.reason == _ENCODING and encoding is None:
            raise InputError(
                f"{example.file}: row {example.row}: cannot be read as UTF-8 text; say encoding: gb18030 (or what the "
                f"file is in) in data.{quality.table}, or encoding: utf-8 to leave such rows out"
            )
        if not _is_closed(example):
            raise InputError(
                f"{example.file}: row {example.row}: a quotation mark is not closed, or the line has no end, so that "
                f"the rows after it cannot be told apart; close the mark, or double it where it is part of the text"
            )
    shown = ", ".join(quality.files)
    if quality.rows == 0:
        raise InputError(f"{shown}: holds no rows below its header; data.{quality.table} needs at least one")
    if quality.accepted == 0 and not quality.rejected:
        raise InputError(f"{file}: data.{quality.table}.keep leaves out all {quality.rows:,} rows of {shown}; mend it")
    if not quality.examples:
        return
    first, wanted = quality.examples[0], quality.rows - quality.filtered
    rest = ""
    if quality.accepted == 0:
        rest = f"all {quality.rejected:,} rows of {quality.table} break the contract; mend the file"
    elif quality.rejected > max_rejected * wanted:
        rest = (
            f"{quality.rejected:,} of {wanted:,} rows of {quality.table} break the contract, more than "
            f"max_rejected: {max_rejected:g} allows; mend the file, or raise max_rejected in {file}"
        )
    if rest:
        raise InputError(f"{first.told()}; {rest}", f"{first}; {rest}")
