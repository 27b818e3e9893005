"""Sheets of Excel workbooks, read row by row."""

import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from crmlab.contract import InputError, suggestion
from crmlab.reading.form import FileForm
from crmlab.reading.opened import Opened, check_header
from crmlab.reading.staging import stage, text_of

# a workbook of Excel's most rows and columns in use stays below; what unpacks to more is none
_MOST_BYTES = 4 << 30
# texts and styles are held in memory, sheets are read row by row
_MOST_HELD = 512 << 20
_MOST_ROWS = 1_048_576


def open_sheet(connection, path: Path, name: str, form: FileForm, *, table: str) -> Opened:
    """A sheet of a workbook: the one that is named, or the only one that can be seen.

    Raises
    ------
    InputError
        If it is no workbook, the sheet is not there or not stated, or it has no header.
    """
    # heavy, and needed for workbooks alone
    import openpyxl

    # a broken workbook raises whatever its reader stumbles on
    broken = (
        zipfile.BadZipFile,
        RuntimeError,
        ParseError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        OSError,
        EOFError,
        zlib.error,
    )
    try:
        check_size(path, name)
        with warnings.catch_warnings():
            # on extensions that are not read, such as lists to choose from
            warnings.simplefilter("ignore")
            workbook = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
            try:
                rows = _rows(_sheet(workbook, name, form.sheet), form.header, name)
                columns, width = _header(rows, name, form.header)
                return stage(connection, _below(rows, width), columns, name=name, table=table)
            finally:
                workbook.close()
    except InputError:
        raise
    except broken as error:
        said = _first_line(error).replace(str(path), name)
        raise InputError(f"{name}: cannot be read as a workbook: {said}; save it anew as .xlsx") from error


def check_size(path: Path, name: str) -> None:
    """Check that a workbook would not fill the memory when it is read; no part unpacks to more than it states.

    Raises
    ------
    InputError
        If it unpacks to more than a workbook can hold.
    """
    with zipfile.ZipFile(path) as packed:
        sizes = {part.filename: part.file_size for part in packed.infolist()}
    held = sum(size for part, size in sizes.items() if not part.startswith(("xl/worksheets/", "xl/media/")))
    if sum(sizes.values()) > _MOST_BYTES or held > _MOST_HELD:
        raise InputError(f"{name}: unpacks to more than a workbook can hold; save the sheet as CSV")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _sheet(workbook, name: str, wanted: str | None):
    sheets = {sheet.title: sheet for sheet in workbook.worksheets}
    if wanted is not None:
        if wanted not in sheets:
            raise InputError(f"{name}: has no sheet {wanted}{suggestion(wanted, sheets)}")
        return sheets[wanted]
    seen = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"] or workbook.worksheets
    if len(seen) != 1:
        raise InputError(f"{name}: has several sheets; say sheet: with one of {', '.join(s.title for s in seen)}")
    return seen[0]


def _rows(sheet, header: int, name: str) -> Iterator[tuple[int, Sequence[Any]]]:
    # what a workbook says of its own size may be wrong, and would cut it short
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(min_row=header, values_only=True), header):
        # a row far below the last comes with all the empty ones between them
        if number > _MOST_ROWS:
            raise InputError(f"{name}: has a row below {_MOST_ROWS:,}, where a sheet ends; save it anew as .xlsx")
        yield number, cells


def _header(rows: Iterator, name: str, at: int) -> tuple[list[str], int]:
    names = [("" if cell is None else text_of(cell)) for cell in next(rows, (at, ()))[1]]
    while names and not names[-1].strip():
        names.pop()
    if not names:
        raise InputError(f"{name}: row {at} is empty; it must name the columns (header: says which row does)")
    return check_header(names, name), len(names)


def _below(rows: Iterator, width: int) -> Iterator[tuple[int, Sequence[Any]]]:
    """Rows below the header, as wide as it; those without any content are passed over."""
    for number, cells in rows:
        if any(cell is not None and cell != "" for cell in cells[:width]):
            yield number, tuple(cells[:width]) + (None,) * (width - len(cells))
