"""One house style for tables: `(frame, ...) -> Table`, a great_tables table in JupyterLab and the house's in a report.

Fractions become per cent here and nowhere else; units stand in the headers; an estimate shows its interval beside it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from crmlab import disclosure, language
from crmlab.absence import Absent
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, spoken
from crmlab.prose import MIME, NOTHING, Block, answer, as_text, capitalised, position

if TYPE_CHECKING:
    from great_tables import GT

FORMATS = ("text", "integer", "number", "ratio", "money", "share", "date", "estimate")
# headers of columns that many tables have
_COLUMNS = {
    "bias": N_("Bias"),
    "customers": N_("Customers"),
    "estimate": N_("Estimate"),
    "frequency": N_("Frequency"),
    "log_likelihood": N_("Log-likelihood"),
    "mae": N_("Mean absolute error"),
    "measure": N_("Measure"),
    "model": N_("Model"),
    "parameter": N_("Parameter"),
    "rating": N_("Rating"),
    "revenue": N_("Revenue"),
    "segment": N_("Segment"),
    "source": N_("Source"),
    "standard_error": N_("Standard error"),
    "target": N_("Target"),
}
_QUALITY = {
    "table": N_("Table"),
    "rows": N_("Rows"),
    "accepted": N_("Kept"),
    "rejected": N_("Rejected"),
    "remarks": N_("Remarks"),
}
_REJECTED = {
    "table": N_("Table"),
    "file": N_("File"),
    "row": N_("Row"),
    "column": N_("Column"),
    "value": N_("Value"),
    "reason": N_("Reason"),
}
LONG = 16  # rows from which on a page shows the first ones, and offers all of them as a file


@dataclass(frozen=True, eq=False)
class Table:
    """A table ready to show. `gt` is the great_tables object; `content` is what a report sets."""

    content: dict

    @property
    def gt(self) -> "GT":
        """The same as a great_tables object, without bars, to be styled further."""
        from great_tables import GT

        columns = [column for column in self.content["columns"] if column["kind"] != "bar"]
        keep = [place for place, column in enumerate(self.content["columns"]) if column["kind"] != "bar"]
        names = [f"c{place}" for place in keep]
        rows = self.content["rows"] + self.content["total"]
        frame = pd.DataFrame([[_joined(row[place]) for place in keep] for row in rows], columns=names, dtype=object)
        numbers = [name for name, column in zip(names, columns, strict=True) if column["kind"] == "num"]
        digest = hashlib.sha256(repr(self.content).encode()).hexdigest()[:12]
        gt = GT(frame, id=f"t{digest}").cols_label({n: c["label"] for n, c in zip(names, columns, strict=True)})
        gt = gt.tab_header(title=self.content["title"], subtitle=self.content["subtitle"] or None)
        gt = gt.cols_align("left", columns=[name for name in names if name not in numbers])
        return gt.cols_align("right", columns=numbers) if numbers else gt

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        html = as_text(self.gt.as_raw_html())
        return {"text/plain": self.content["title"], "text/html": html, MIME: self.content}


def _joined(cell: dict) -> str:
    return f"{cell['text']} {cell['bounds']}".strip() if "bounds" in cell else cell["text"]


def table(
    frame: pd.DataFrame,
    *,
    title: str,
    subtitle: str = "",
    formats: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    currency: str = "",
    bars: Mapping[str, tuple[float, float]] | None = None,
    intervals: Mapping[str, tuple[str, str]] | None = None,
    total: bool = False,
    flag: str | None = None,
) -> Table | Block:
    """A frame as a table for stakeholders, as far as it may be shown: see `crmlab.disclosure`.

    Parameters
    ----------
    frame
        One row per line; the first column names the line. A named index becomes the first columns. Of one that is
        absent, nothing is shown.
    title, subtitle
        The title says what is shown, the subtitle period and method.
    formats
        By column: `integer`, `number` (one decimal), `ratio` (three decimals), `money`, `share` (a fraction, shown in
        per cent), `date`, `estimate` (cells are `Estimate` or None) or `text`. Guessed from the column if not given.
    labels
        Headers by column; units are added to them. The column's name with spaces where not given.
    currency
        ISO 4217 code of the columns of money.
    bars
        Columns of estimates that also get a bar, with the ends of its scale.
    intervals
        By column of numbers, the two columns that hold the ends of its interval: they are shown beside it, in brackets.
    total
        The last row is the total.
    flag
        First cell of the one row to stand out.

    Raises
    ------
    ValueError
        If `frame` has no column, or an argument names a column that it lacks or an unknown format.
    """
    if isinstance(frame, Absent):
        return NOTHING
    if frame.index.names != [None]:
        frame = frame.reset_index()
    if frame.shape[1] == 0:
        raise ValueError("`frame` must have at least one column, got none")
    formats, labels, bars, intervals = dict(formats or {}), dict(labels or {}), dict(bars or {}), dict(intervals or {})
    ends = [end for pair in intervals.values() for end in pair]
    named = {"formats": [*formats], "labels": [*labels], "bars": [*bars], "intervals": [*intervals, *ends]}
    for argument, given in named.items():
        unknown = [name for name in given if name not in frame.columns]
        if unknown:
            raise ValueError(
                f"`{argument}` names the column {unknown[0]!r}; the frame has {', '.join(map(str, frame))}"
            )
    unknown = {form for form in formats.values() if form not in FORMATS}
    if unknown:
        raise ValueError(f"`formats` must be among {', '.join(FORMATS)}, got {min(unknown)!r}")
    safe = disclosure.shown(frame, total=total)
    columns, cells = [], []
    for name in frame.columns.difference(ends, sort=False):
        values = list(safe.frame[name])
        form = formats.get(name) or _guess(frame[name], list(frame[name]))
        label = _(str(labels.get(name) or _COLUMNS.get(name) or capitalised(str(name).replace("_", " "))))
        power, unit = _unit(form, currency, values)
        header = _("{label}, {unit}").format(label=label, unit=unit) if unit else label
        # a date within a row is set like a number: it does not break
        words = form == "text" or (form == "date" and not columns)
        columns.append({"label": header, "kind": "text" if words else "num"})
        cells.append(_cells(values, form, power))
        if name in intervals:
            low, high = (_cells(list(frame[end]), form, power) for end in intervals[name])
            cells[-1] = [
                cell | {"bounds": f"[{a['text']}, {b['text']}]"}
                for cell, a, b in zip(cells[-1], low, high, strict=True)
            ]
        if form != "text" and columns[1:]:
            cells[-1] = safe.without_hidden(cells[-1])
        if name in bars:
            columns.append({"label": _scale_label(bars[name], values), "kind": "bar"})
            cells.append([_bar_cell(value, bars[name]) for value in values])
    rows = [list(row) for row in zip(*cells, strict=True)]
    split = len(rows) - 1 if total and rows else len(rows)
    content = {"type": "table", "title": _(title), "subtitle": safe.noted(_(subtitle)), "columns": columns}
    content |= {"rows": rows[:split], "total": rows[split:], "flag": flag or ""}
    if len(rows) > LONG:
        content["csv"] = safe.as_csv()
    return Table(content)


def of(result, **options) -> Table | Block:
    """The own table of a `result`, with the formats, headers and intervals that it gives; `options` of `table`."""
    if isinstance(result, Absent) or (frame := result.table()).empty:
        return NOTHING
    known = {
        name: {column: value for column, value in getattr(result, name, {}).items() if column in frame}
        for name in ("formats", "labels", "intervals")
    }
    return table(frame, **(known | options))


def data_quality(
    quality_rows: Sequence[Mapping], *, title: str = N_("What was read and what was kept")
) -> Table | Block:
    """Rows read, kept and rejected for each table, from `quality_rows` of `{table, rows, accepted, rejected, remarks}`.

    A table that the client does not supply has None for its numbers.
    """
    names = ["table", "rows", "accepted", "rejected", "remarks"]
    frame = pd.DataFrame([{name: row.get(name) for name in names} for row in quality_rows], columns=names, dtype=object)
    integers = dict.fromkeys(("rows", "accepted", "rejected"), "integer")
    texts = {"table": "text", "remarks": "text"}
    return table(frame, title=title, formats=texts | integers, labels=_QUALITY)


def rejected_rows(
    rejections: Sequence[Mapping], *, title: str = N_("Rows left out, with the rule they broke"), subtitle: str = ""
) -> Table | Block:
    """The `rejections` of a rule, as `{table, file, row, column, value, reason}`; a sentence where there are none."""
    if not rejections:
        return answer(N_("No row broke a rule."))
    frame = pd.DataFrame([{name: row.get(name) for name in _REJECTED} for row in rejections], dtype=object)
    return table(frame, title=title, subtitle=subtitle, formats=dict.fromkeys(_REJECTED, "text"), labels=_REJECTED)


def _guess(column: pd.Series, values: list) -> str:
    if any(isinstance(value, Estimate) for value in values):
        return "estimate"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return "text"
    return "integer" if pd.api.types.is_integer_dtype(column) else "number"


def _unit(form: str, currency: str, values: list) -> tuple[int, str]:
    """The power of ten by which a column of money is told, and the unit that stands in the column's header."""
    units = {value.unit for value in values if isinstance(value, Estimate)} if form == "estimate" else set()
    if form == "share" or units == {"share"}:
        return 0, "%"
    code = currency if form == "money" else units.pop() if len(units) == 1 else ""
    if not language.is_currency(code):
        return 0, ""
    sums = sorted(abs(getattr(value, "value", value)) for value in values if not _empty(value))
    # English tables tell money in full
    power, suffix, _digits = language.scale(sums[len(sums) // 2], None) if sums and spoken() == "zh" else (0, "", None)
    return power, suffix + language.currency_symbol(code)


def _cells(values: list, form: str, power: int = 0) -> list[dict]:
    """The cells of a column: money with the same decimals throughout, other numbers by their format."""
    money = [abs(value) for value in values if form == "money" and not _empty(value)]
    whole = 0 if max(money, default=0) >= 100 else 2
    digits = {"integer": 0, "number": 1, "ratio": 3, "money": 2 if power else whole}.get(form)
    sums = [value for value in values if isinstance(value, Estimate) and value.digits is not None]
    large = any(abs(value.value) >= 100 for value in sums)
    most = 0 if large else max(0, min((value.digits for value in sums), default=0))
    if power:
        most = min(2, max((max(0, value.digits + power) for value in sums), default=2))
    return [_cell(value, form, digits, most, power) for value in values]


def _cell(value, form: str, digits: int | None, most_digits: int, power: int) -> dict:
    if isinstance(value, Estimate):
        return _estimate_cell(value, most_digits, power)
    if _empty(value):
        return {"text": "–"}
    if form in ("text", "estimate"):
        return {"text": str(value)}
    if form == "date":
        return {"text": language.day(value)}
    if form == "share":
        return {"text": language.number(100 * value, 1)}
    return {"text": language.number(value / 10**power if form == "money" else value, digits)}


def _estimate_cell(estimate: Estimate, most_digits: int, power: int) -> dict:
    """Value and interval without their unit, which stands in the header."""
    if language.is_currency(estimate.unit) and estimate.digits is not None:
        digits = min(estimate.digits + power, most_digits)
        parts = (part / 10**power for part in (estimate.value, estimate.low, estimate.high))
        value, low, high = (language.number(part, digits) for part in parts)
        return {"text": value, "bounds": f"[{low}, {high}]"}
    if estimate.unit in language.SHARES:
        return {"text": language.number(100 * estimate.value, 1), "bounds": estimate.bounds()}
    if language.is_currency(estimate.unit):
        value = estimate.value / 10**power
        return {"text": language.number(value, 2 if power or abs(value) < 100 else 0), "bounds": ""}
    # units of nouns stand after the number, in the label of a column as a rule
    return {"text": estimate.text().partition(" ")[0], "bounds": estimate.bounds()}


def _empty(value) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _scale_label(scale: tuple[float, float], values: list) -> str:
    unit = next((value.unit for value in values if isinstance(value, Estimate)), "")
    low, high = (language.quantity(end, unit, digits=0) for end in scale)
    return _("{low} to {high}").format(low=low, high=high)


def _bar_cell(value, scale: tuple[float, float]) -> dict:
    if not isinstance(value, Estimate) or value.low is None:
        return {"text": ""}
    return {"text": "", "bar": position(value, scale)}
