"""What was read of a table and what was kept: counts, reasons, and the first rows that broke each rule."""

from dataclasses import dataclass

from crmlab.checks import UNCLOSED, Rule, quoted
from crmlab.contract import InputError, Reason
from crmlab.messages import N_

EXAMPLES = 5
# what DuckDB calls the faults of a line, in small letters; marked here for the translator
_LINE_FAULTS = (
    N_("missing columns"),
    N_("too many columns"),
    N_("unquoted value"),
    N_("line size over maximum"),
    N_("invalid encoding"),
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

    def to_dict(self) -> dict:
        """The row of a report's table, in the language that is spoken."""
        return {name: part.told() if isinstance(part, Reason) else part for name, part in vars(self).items()}


@dataclass(frozen=True)
class Quality:
    """What was read of a table and what was kept."""

    table: str
    files: tuple[str, ...]
    rows: int
    rejected: int
    reasons: dict[Reason, int]
    examples: tuple[Rejection, ...]

    @property
    def accepted(self) -> int:
        return self.rows - self.rejected

    def to_dict(self) -> dict:
        """The entry of a report's JSON, its reasons in the language that is spoken."""
        reasons = {reason.told(): n for reason, n in self.reasons.items()}
        return {"rows": self.rows, "rejected": self.rejected, "reasons": reasons}


def measure(connection, table: str, files: list[str], rules: list[Rule]) -> Quality:
    """Count what a read left on the engine: the table `checked <table>`, and the engine's record of malformed lines."""
    checked = quoted("checked " + table)
    counts = dict(connection.execute(f"SELECT _rule, count(*) FROM {checked} GROUP BY _rule ORDER BY _rule").fetchall())
    malformed = _malformed(connection, files)
    broken_lines = {name: sorted(r.row for r in malformed if r.file == name) for name in files}
    examples = [
        Rejection(
            files[file],
            _shifted(row, broken_lines[files[file]]),
            rules[rule].column,
            value or "",
            Reason(rules[rule].reason),
        )
        for file, row, rule, value in connection.execute(
            f"SELECT _file, _row, _rule, _value FROM {checked} WHERE _rule IS NOT NULL "
            f"QUALIFY row_number() OVER (PARTITION BY _rule ORDER BY _file, _row) <= {EXAMPLES} ORDER BY _file, _row"
        ).fetchall()
    ]
    reasons = {
        Reason(N_("{column} {reason}"), column=rules[rule].column, reason=Reason(rules[rule].reason)): n
        for rule, n in counts.items()
        if rule is not None
    }
    if malformed:
        reasons[Reason(N_("line cannot be split into the header's columns"))] = len(malformed)
    return Quality(
        table=table,
        files=tuple(files),
        rows=sum(counts.values()) + len(malformed),
        rejected=sum(reasons.values()),
        reasons=reasons,
        examples=(*sorted(malformed, key=_is_closed)[:EXAMPLES], *examples),
    )


def _is_closed(rejection: Rejection) -> bool:
    """Whether a broken row at least ends where its line does; if not, it has swallowed those after it."""
    return not (rejection.reason == UNCLOSED or "quote" in rejection.reason or "line size" in rejection.reason)


def _malformed(connection, files: list[str]) -> list[Rejection]:
    """Lines of CSV files that DuckDB could not split, one entry a line; clears DuckDB's record of them."""
    known = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if "reject_errors" not in known:
        return []
    found = connection.execute(
        "SELECT scans.file_path, errors.line, any_value(errors.csv_line), lower(any_value(errors.error_type)) "
        "FROM reject_errors AS errors JOIN reject_scans AS scans USING (scan_id, file_id) GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    by_path = {path: next(name for name in files if path.endswith(name)) for path, *_ in found}
    whole = Reason(N_("line"))
    return [Rejection(by_path[path], line, whole, text.strip()[:80], Reason(why)) for path, line, text, why in found]


def _shifted(row: int, broken_lines: list[int]) -> int:
    """The row's number in the file, given the lines before it that DuckDB skipped."""
    for line in broken_lines:
        if line > row:
            break
        row += 1
    return row


def judge(quality: Quality, max_rejected: float, file: str) -> None:
    """Stop if there is nothing to work with, or if more rows are rejected than the client's `file` allows.

    A quotation mark that is not closed stops the run at any rate: nobody can tell how many rows it swallowed.
    """
    for example in quality.examples:
        if not _is_closed(example):
            raise InputError(
                f"{example.file}: row {example.row}: a quotation mark is not closed, or the line has no end, so that "
                f"the rows after it cannot be told apart; close the mark, or double it where it is part of the text"
            )
    shown = ", ".join(quality.files)
    if quality.rows == 0:
        raise InputError(f"{shown}: holds no rows below its header; data.{quality.table} needs at least one")
    if quality.accepted == 0:
        raise InputError(
            f"{quality.examples[0]}; all {quality.rows:,} rows of {quality.table} break the contract; mend the file"
        )
    if quality.rejected > max_rejected * quality.rows:
        first = quality.examples[0]
        raise InputError(
            f"{first}; {quality.rejected:,} of {quality.rows:,} rows of {quality.table} break the contract, more than "
            f"max_rejected: {max_rejected:g} allows; mend the file, or raise max_rejected in {file}"
        )
