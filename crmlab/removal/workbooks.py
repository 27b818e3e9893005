"""Workbooks without the rows of one customer, if cells are all that they hold."""

import warnings
import zipfile

from crmlab.contract import InputError
from crmlab.reading.workbooks import check_size
from crmlab.removal.rows import Removal, Wanted

# parts of a workbook that would be lost, or would point to other rows
_MORE_THAN_CELLS = ("/charts/", "/drawings/", "/media/", "/pivot", "/externalLinks/", "vbaProject", "/comments")


def rewrite_workbook(removal: Removal, wanted: Wanted, header: int) -> None:
    """Take the customer's rows out of every sheet whose `header` row has the column.

    Raises
    ------
    InputError
        If it cannot be read, is too large, or holds more than cells: formulas, merged cells, pictures or notes.
    """
    # heavy, and needed for workbooks alone
    import openpyxl

    name = removal.path.name
    try:
        check_size(removal.path, name)
        with zipfile.ZipFile(removal.path) as packed:
            parts = packed.namelist()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on extensions that are not read
            book = openpyxl.load_workbook(removal.path)
    except (zipfile.BadZipFile, LookupError, ValueError, OSError) as error:
        raise InputError(f"{name}: is no workbook that can be read") from error
    if any(mark in part for part in parts for mark in _MORE_THAN_CELLS) or any(map(_is_more, book.worksheets)):
        raise InputError(f"{name}: holds more than cells (formulas, merged cells, pictures, notes)")
    for sheet in book.worksheets:
        names = [str(cell.value or "").strip().lower() for cell in sheet[header]] if sheet.max_row >= header else []
        wished = wanted.column.strip().lower()
        if wished in names:
            removal.keyed, column = True, names.index(wished) + 1
            owned = [row for row in range(header + 1, sheet.max_row + 1) if wanted.owns(sheet.cell(row, column).value)]
            for row in reversed(owned):
                sheet.delete_rows(row)
            removal.rows += len(owned)
        for row, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            if any(isinstance(cell, str) and wanted.is_named_in(cell) for cell in cells):
                removal.named.append(row)
    book.save(removal.new)


def _is_more(sheet) -> bool:
    formulas = (cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
    return bool(sheet.merged_cells.ranges or sheet.conditional_formatting or sheet.tables) or any(formulas)
