"""What a report says in place of who a customer is: codes instead of ids, marks instead of names in what people wrote.

A code such as K7QF-3M2P is cut from an HMAC-SHA256 over client and id. It is the same in every report of a client, on
every date; another client's customer of the same id has another. Without the key nobody can tell whose it is, or try
out ids that they know. With the key anybody can, so that to the law a code is personal data still.

Two of 2,000 customers share a code with a chance of two in a million, two of a million with one of one in three: where
all are coded together (`pseudonyms`), those who would share one get a longer one that begins the same.
"""

import hmac
import re
import secrets
import sys
from base64 import b32encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlab.contract import TABLES
from crmlab.keys import BYTES, secret_key
from crmlab.messages import N_, _, ngettext

VARIABLE, FILE = "CRMLAB_PSEUDONYM_KEY", ".pseudonym_key"
# the folder of a date's reports that holds ids as they are; nothing outside it does
CONFIDENTIAL = "confidential"
# columns that hold an id, and those that hold what somebody wrote, whatever table they come from
IDS = frozenset(column.name for table in TABLES.values() for column in table.columns if column.kind == "id")
FREE_TEXT = frozenset({"comment"})
# groups of fewer customers are not shown, unless the client's file says otherwise
MIN_GROUP = 5
NAMED = N_("[name]")
# base32 in Crockford's signs: no letter that is taken for a digit
_SIGNS = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_GROUP, _GROUPS = 4, 2
_LEGAL_FORM = re.compile(
    r"(?:股份有限公司|有限责任公司|有限公司|集团|公司|,?\s+(?:Inc|Ltd|LLC|GmbH|AG|Co|Corp|plc)\b\.?)+$", re.IGNORECASE
)
# a number of four places at most before the point, and a date with or without its time
_HARMLESS = re.compile(
    r"[-+]?\d{1,4}(?:[.,]\d{1,4})?%?"
    r"|(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4})(?:[T ]\d{1,2}:\d{2}(?::\d{2})?)?",
    re.ASCII,
)


def pseudonym_key(root: Path) -> bytes:
    """The key of a project's codes: `CRMLAB_PSEUDONYM_KEY`, or `data/.pseudonym_key`; see `crmlab.keys`."""
    return secret_key(root, FILE, variable=VARIABLE, use="makes the codes of customers")


def pseudonym(client: str, customer_id: str, key: bytes) -> str:
    """The code that stands for a customer, or for whatever else has an id.

    Examples
    --------
    >>> pseudonym("acme", "C00012", bytes(32))
    '7M52-B5FM'
    """
    return _code(_digest(client, customer_id, key), _GROUPS)


def pseudonyms(client: str, ids: Iterable[str], key: bytes) -> dict[str, str]:
    """By id the code of each, none of them twice: who would share one has a longer one that begins with it."""
    digests = {each: _digest(client, each, key) for each in ids}
    codes, groups, open_ones = {}, _GROUPS, list(digests)
    while open_ones:
        codes |= {each: _code(digests[each], groups) for each in open_ones}
        held: dict[str, list[str]] = {}
        for each in open_ones:
            held.setdefault(codes[each], []).append(each)
        open_ones = [each for same in held.values() if len(same) > 1 for each in same]
        groups += 1
    return codes


def _digest(client: str, each: str, key: bytes) -> bytes:
    # no id of a client holds the sign between them
    return hmac.digest(key, f"{client}\0{each}".encode("utf-8", "surrogatepass"), "sha256")


def _code(digest: bytes, groups: int) -> str:
    signs = b32encode(digest).translate(_SIGNS)[: _GROUP * groups].decode()
    return "-".join(signs[start : start + _GROUP] for start in range(0, len(signs), _GROUP))


@dataclass
class _Guard:
    """What this process must not show, and how it says it instead."""

    client: str = ""
    key: Callable[[], bytes] = lambda: b""
    names: Callable[[], Iterable[str]] = tuple
    min_group: int = MIN_GROUP
    codes: dict[str, str] = field(default_factory=dict)
    forms: set[str] | None = None


def _nobody() -> _Guard:
    """Before a client is opened ids are hidden too, under a key that nobody keeps."""
    once = secrets.token_bytes(BYTES)
    return _Guard(key=lambda: once)


_of_process = [_nobody()]


def protect(
    client: str,
    root: Path,
    *,
    names: Callable[[], Iterable[str]] = tuple,
    min_group: int = MIN_GROUP,
) -> None:
    """From now on this process shows customers of that client by code; in a notebook, plain frames too.

    Parameters
    ----------
    names
        Gives all names and ids of customers; called only where what people wrote is to be shown.
    min_group
        Groups of fewer customers are not shown.
    """
    _of_process[0] = _Guard(client, lambda: pseudonym_key(root), names, min_group)
    _show_frames_coded()


def unprotected() -> None:
    """As at the start, for tests: no client is open."""
    _of_process[0] = _nobody()


def min_group() -> int:
    """How many customers a group needs to be shown."""
    return _of_process[0].min_group


def coded(value: object) -> object:
    """The code that stands for an id; nothing stays nothing."""
    if value is None or value != value:
        return value
    guard, text = _of_process[0], str(value)
    if text not in guard.codes:
        guard.codes[text] = pseudonym(guard.client, text, guard.key())
    return guard.codes[text]


def coded_ids(frame) -> Any:
    """A frame, or a series, with codes in place of the ids in its columns and its index; the same where it has none."""
    if not hasattr(frame, "columns"):
        frame = frame.map(coded) if frame.name in IDS else frame
    elif columns := [name for name in frame.columns if name in IDS]:
        frame = frame.assign(**{name: frame[name].map(coded).astype(object) for name in columns})
    if frame.index.nlevels == 1 and frame.index.name in IDS:
        frame = frame.set_axis(frame.index.map(coded), axis=0)
    return frame


def _show_frames_coded() -> None:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return
    formatters = shell.display_formatter.formatters
    for kind in ("DataFrame", "Series"):
        formatters["text/plain"].for_type_by_name("pandas", kind, _show_text)
    formatters["text/html"].for_type_by_name("pandas", "DataFrame", lambda frame: coded_ids(frame)._repr_html_())


def _show_text(frame, printer, cycle) -> None:
    printer.text(repr(coded_ids(frame)))


def rejected_value(column: str, value: str) -> str:
    """What a report shows of a value that broke a rule: of an id its code, of anything else what is harmless."""
    return str(coded(value)) if value and column in IDS else harmless(value)


def harmless(value: str) -> str:
    """A short number or a date as it is; of anything else how long it is.

    Where a value is wrong, anything may stand, such as a name or a telephone number in the wrong column. The row's
    number leads those who have the file to it.
    """
    if not value or _HARMLESS.fullmatch(value):
        return value
    return ngettext("[{n} sign]", "[{n} signs]", len(value)).format(n=len(value))


def without_names(text: str) -> str:
    """A text with each customer's name or id in it replaced by a mark, the longest first.

    A firm is known without its legal form too. Not found: names that are written otherwise, and those of people who are
    no customers.
    """
    said, guard = text.casefold(), _of_process[0]
    if guard.forms is None and said.strip():
        guard.forms = {form.casefold() for name in guard.names() for form in _forms(name)}
    named = sorted((form for form in guard.forms or () if form in said), key=lambda form: (-len(form), form))
    if not named:
        return text
    return re.sub("|".join(map(_as_word, named)), lambda found: _(NAMED), text, flags=re.IGNORECASE)


def _forms(name: str) -> Iterable[str]:
    """What a name is looked for as; nothing of one so short, or so like a number, that it may mean anything."""
    name = str(name).strip()
    if len(name) > 2 and not name.isdigit() or name.isdigit() and len(name) > 6:
        yield name
        if len(short := _LEGAL_FORM.sub("", name)) > 2:
            yield short
    elif len(name) == 2 and not name.isascii():
        yield name


def _as_word(name: str) -> str:
    """A name in Latin letters stands as a word of its own; Chinese has no signs between words."""
    left = r"(?<![A-Za-z0-9])" if name[0].isascii() and name[0].isalnum() else ""
    right = r"(?![A-Za-z0-9])" if name[-1].isascii() and name[-1].isalnum() else ""
    return f"{left}{re.escape(name)}{right}"
