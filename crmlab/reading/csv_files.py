"""CSV files of any delimiter and encoding. What is not UTF-8 is written anew, piece by piece, for the engine."""

import codecs
import csv
import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from crmlab.contract import InputError
from crmlab.reading.form import FileForm
from crmlab.reading.opened import Opened, check_header
from crmlab.reading.sql import literal, one_file

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_PIECE = 1 << 20
# a header longer than this is no header
_LONGEST_HEADER = 1 << 20
# a packed table may unpack to so many bytes, or to so many times its own
_MOST_BYTES, _MOST_TIMES = 4 << 30, 100
# deflate packs no tighter
_TIGHTEST = 1032


def open_csv(path: Path, name: str, form: FileForm, held: ExitStack) -> Opened:
    """A CSV file, packed or not; `held` keeps what is written for the engine until the table is read.

    Raises
    ------
    InputError
        If it is in another encoding than stated or marked, or has no header.
    """
    check_unpacked(path, name)
    encoding = form.encoding or _marked(path, name)
    with _faults_of(name, form.encoding):
        if codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig", "ascii"):
            path = held.enter_context(_as_utf8(path, name, encoding))
            encoding = "utf-8"
        with _opened(path, "utf-8-sig") as stream:
            return _open(path, name, form, stream)


def check_unpacked(path: Path, name: str) -> None:
    """Check that a packed file would not fill the disk when it is read.

    Raises
    ------
    InputError
        If it unpacks to more than any table would.
    """
    packed = path.stat().st_size if path.name.lower().endswith(".gz") else 0
    most, unpacked = max(_MOST_BYTES, _MOST_TIMES * packed), 0
    if packed * _TIGHTEST <= most:
        return
    with _faults_of(name, None), _bytes(path) as stream:
        while piece := stream.read(_PIECE):
            unpacked += len(piece)
            if unpacked > most:
                raise InputError(f"{name}: unpacks to more than {most:,} bytes; if it is a table, give it unpacked")


def _open(path: Path, name: str, form: FileForm, stream) -> Opened:
    """The header is read here, and the dialect stated: DuckDB's guess gives up on files with a few broken lines."""
    for _above in range(form.header - 1):
        stream.readline(_LONGEST_HEADER)
    line = stream.readline(_LONGEST_HEADER)
    if not line.strip():
        where = "its first line" if form.header == 1 else f"line {form.header}"
        begins = "begins with an empty line" if form.header == 1 else f"line {form.header} is empty"
        raise InputError(f"{name}: {begins}; {where} must name the columns")
    outside = "".join(line.split('"')[::2])
    delimiter = form.delimiter or max(",;\t|", key=outside.count)
    header = _split(line, stream, delimiter, name)
    "".join(header).encode()
    if "\0" in "".join(header):
        raise InputError(f"{name}: is no text, or in another encoding; say encoding: utf-16 where it is that")
    columns = check_header(header, name)
    types = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    above = f", skip = {form.header - 1}" if form.header > 1 else ""
    reader = (
        f"read_csv({one_file(path)}, auto_detect = false, header = true, columns = {{{types}}}, "
        f"delim = {literal(delimiter)}, quote = '\"', escape = '\"', store_rejects = true{above})"
    )
    return Opened(name, str(path), reader, dict.fromkeys(columns, "VARCHAR"), f"row_number() OVER () + {form.header}")


def _split(line: str, stream, delimiter: str, name: str) -> list[str]:
    """The header's names; one in quotation marks may go on in the next line."""
    while line.count('"') % 2 and len(line) < _LONGEST_HEADER and (more := stream.readline(_LONGEST_HEADER)):
        line += more
    if line.count('"') % 2 or len(line) >= _LONGEST_HEADER:
        raise InputError(f"{name}: a quotation mark in the header is not closed, or the header has no end")
    if len(delimiter) > 1:
        return [part.strip('"') for part in line.rstrip("\r\n").split(delimiter)]
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))
    except csv.Error as error:
        raise InputError(f"{name}: the header cannot be read: {error}") from error


def _marked(path: Path, name: str) -> str:
    """The encoding that a file's first bytes say, else UTF-8."""
    with _faults_of(name, None), _bytes(path) as stream:
        first = stream.read(4)
    return next((encoding for mark, encoding in _MARKS.items() if first.startswith(mark)), "utf-8")


def _bytes(path: Path):
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


def _opened(path: Path, encoding: str):
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    # a row in another encoding is the engine's to reject; the header is checked
    return opener(path, "rt", encoding=encoding, errors="surrogateescape", newline="")


@contextmanager
def _as_utf8(path: Path, name: str, encoding: str) -> Iterator[Path]:
    """A file written anew as UTF-8, readable by this user alone, for as long as it is needed."""
    handle, target = tempfile.mkstemp(suffix=".csv", prefix="crmlab-")
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        line = 1
        with os.fdopen(handle, "wb") as written, _bytes(path) as stream:
            while piece := stream.read(_PIECE):
                try:
                    text = decoder.decode(piece)
                except UnicodeError as error:
                    raise _undecoded(name, encoding, line, error) from error
                line += text.count("\n")
                written.write(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"))
            try:
                decoder.decode(b"", final=True)
            except UnicodeError as error:
                raise _undecoded(name, encoding, line, error) from error
        yield Path(target)
    finally:
        Path(target).unlink(missing_ok=True)


def _undecoded(name: str, encoding: str, line: int, error: UnicodeError) -> InputError:
    at = ""
    if isinstance(error, UnicodeDecodeError):
        line += error.object[: error.start].count(b"\n")
        at = f", bytes {error.object[error.start : error.start + 4]!r}"
    return InputError(
        f"{name}: is not {encoding} throughout (line {line}{at}); state its encoding, or save it anew as UTF-8"
    )


@contextmanager
def _faults_of(name: str, stated: str | None) -> Iterator[None]:
    try:
        yield
    except UnicodeError as error:
        advice = "" if stated else "say encoding: gb18030 (or what it is in), or "
        raise InputError(
            f"{name}: cannot be read as UTF-8 text: its header is in another encoding; {advice}save it anew, as UTF-8"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        # without the place on this machine, which Python's own words hold
        raise InputError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
