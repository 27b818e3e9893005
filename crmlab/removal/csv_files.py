"""CSV files without the rows of one customer: every other byte stays as it is."""

import csv
import gzip
import io
import os
from collections.abc import Iterator
from contextlib import ExitStack

from crmlab.contract import InputError
from crmlab.reading.csv_files import check_unpacked
from crmlab.removal.rows import Removal, Wanted

_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def rewrite_csv(removal: Removal, wanted: Wanted, header: int, delimiter: str | None, encoding: str | None) -> None:
    """Write all but the customer's rows, each as it stands, into the new file.

    Raises
    ------
    InputError
        If it is empty, cannot be read, or is written in a way that rows cannot be taken out of.
    """
    path = removal.path
    check_unpacked(path, path.name)
    packed = path.name.lower().endswith(".gz")
    with ExitStack() as held:
        source = held.enter_context((gzip.open if packed else open)(path, "rb"))
        file = held.enter_context(removal.new.open("wb"))
        # no date in the packed file: the same rows give the same bytes
        target = held.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0)) if packed else file
        try:
            encoding = _encoding(source, encoding)
            lines = _lines(source, encoding)
            # most rows hold none of these; an id with a quotation mark or accents may be written in several ways
            signs = [each.encode(encoding) if each.isascii() and '"' not in each else b"" for each in wanted.ids]
            above = [next(lines) for _ in range(header)]
            target.writelines(raw for _, raw in above)
            first = above[-1][0].removeprefix("\ufeff")
            delimiter = delimiter or max(",;\t|", key="".join(first.split('"')[::2]).count)
            if len(delimiter) > 1 or first.count('"') % 2:
                raise InputError(f"{path.name}: is written in a way that rows cannot be taken out of")
            columns = [each.strip().lower() for each in next(csv.reader([first.rstrip("\r\n")], delimiter=delimiter))]
            key = columns.index(wanted.column.strip().lower()) if wanted.column.strip().lower() in columns else None
            removal.keyed, row = key is not None, header
            for fields, raw in _records(lines, delimiter):
                if not any(sign in raw for sign in signs):
                    row += 1
                    target.write(raw)
                    continue
                if key is not None and key < len(fields) and wanted.owns(fields[key]):
                    removal.rows += 1
                    continue
                row += 1
                target.write(raw)
                if any(map(wanted.is_named_in, fields)):
                    removal.named.append(row)
        except (csv.Error, UnicodeError, StopIteration, EOFError, OSError) as error:
            raise InputError(f"{path.name}: no row can be taken out of it: {error or 'it is empty'}") from error
        if packed:
            target.close()
        file.flush()
        os.fsync(file.fileno())


def _encoding(source, stated: str | None) -> str:
    """What the first bytes mark, else what is stated, else UTF-8; by a name under which no mark is added."""
    start = source.read(2)
    source.seek(0)
    found = _UTF16.get(start, stated or "utf-8")
    return {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(found, found)


def _lines(source, encoding: str) -> Iterator[tuple[str, bytes]]:
    """Each line as text and as it stands; what is no text is read as well as can be, and kept as it stands."""
    if encoding.startswith("utf-16"):  # where any byte may look like the end of a line
        with io.TextIOWrapper(source, encoding, newline="\n") as texts:
            yield from ((text, text.encode(encoding)) for text in texts)
        return
    for raw in source:
        yield raw.decode(encoding, "replace"), raw


def _records(lines: Iterator[tuple[str, bytes]], delimiter: str) -> Iterator[tuple[list[str], bytes]]:
    """Each record's fields, and the lines that it stands on: a field in quotation marks may hold their ends."""
    taken: list[bytes] = []

    def texts() -> Iterator[str]:
        for text, raw in lines:
            taken.append(raw)
            yield text

    for fields in csv.reader(texts(), delimiter=delimiter):
        yield fields, b"".join(taken)
        taken.clear()
