"""What a report says, in its reader's language: English in the source, other languages from gettext catalogues.

A process speaks one language, which `crmlab.open` sets from the client's file; `speaking` sets another for a block,
so that one process can write the pages of several clients. A message that its catalogue lacks is shown in English.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

# by code: the language's name in itself, and its locale
LANGUAGES = {"en": "English", "zh": "中文"}
LOCALES = {"en": "en_US", "zh": "zh_CN"}
CATALOGUES = Path(__file__).parent / "locale"

# A cell of a notebook may run in a context of its own: what it sets must hold for the next.
_of_process = ["en"]
_of_block: ContextVar[str | None] = ContextVar("language", default=None)
# what opens a line of Markdown and is no text: list marks, quotation marks
_MARK = re.compile(r"(\s*(?:[-*+]|\d+\.|>)\s+)(.*)", re.DOTALL)


def speak(language: str) -> None:
    """Set the language of this process."""
    _of_process[0] = _known(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Another language, inside the block only."""
    token = _of_block.set(_known(language))
    try:
        yield
    finally:
        _of_block.reset(token)


def spoken() -> str:
    """The language that is spoken now: `en`."""
    return _of_block.get() or _of_process[0]


def N_(message: str) -> str:
    """Mark a message that is translated later, where it is shown."""
    return message


def _(message: str) -> str:
    """The message in the language that is spoken; fill its braces afterwards, with `format`."""
    # the entry of the empty message is the catalogue's own head
    return _catalogue(spoken()).gettext(message) if message else ""


def pgettext(context: str, message: str) -> str:
    """As `_`, for a message that means something else elsewhere."""
    return _catalogue(spoken()).pgettext(context, message) if message else ""


def ngettext(one: str, more: str, n: int) -> str:
    """As `_`, for a message that counts."""
    return _catalogue(spoken()).ngettext(one, more, n)


class Reason(str):
    """Why a row is left out: the text itself is English, as errors say it; `told` is what a report says.

    Parameters
    ----------
    message
        Marked for translation, with names of `values` in braces.

    Examples
    --------
    >>> Reason("must be at least {low}", low=0)
    'must be at least 0'
    """

    message: str
    values: dict[str, object]

    def __new__(cls, message: str, **values: object) -> "Reason":
        if isinstance(message, Reason):
            return message
        made = super().__new__(cls, message.format(**values) if values else message)
        made.message, made.values = message, values
        return made

    def told(self) -> str:
        """In the language that is spoken; reasons among the values too."""
        values = {name: value.told() if isinstance(value, Reason) else value for name, value in self.values.items()}
        return _(self.message).format(**values) if values else _(self.message)


def sentences(*parts: object) -> str:
    """Whole sentences one after another, as the language sets them; empty ones are left out."""
    # Chinese sentences end in a full-width stop, which brings its own space
    return ("" if spoken() == "zh" else " ").join(str(part) for part in parts if str(part))


def listed(items: Iterable[object]) -> str:
    """Names one after another: `a, b, c`, in Chinese `a、b、c`."""
    return ("、" if spoken() == "zh" else ", ").join(map(str, items))


def clauses(items: Iterable[object]) -> str:
    """Statements of equal rank one after another: `a; b`."""
    return ("；" if spoken() == "zh" else "; ").join(map(str, items))


def markdown(source: str) -> str:
    """Markdown with its headings, paragraphs and list items in the language that is spoken."""
    if spoken() == "en":
        return source
    return "\n".join(f"{mark}{_(text)}" if text else mark for mark, text in blocks(source))


def blocks(source: str) -> list[tuple[str, str]]:
    """The pieces of a Markdown source that are translated: the mark that opens each, and its text on one line.

    Code between fences and tables are kept as they are, as marks without a text.
    """
    found: list[tuple[str, str]] = []
    fenced, open_block = False, False
    for line in source.splitlines():
        fence = line.lstrip().startswith("```")
        if fenced or fence or not line.strip() or line.lstrip().startswith("|"):
            found.append((line, ""))
            fenced, open_block = fenced ^ fence, False
            continue
        heading, item = re.match(r"(#{1,6} +)(.*)", line), _MARK.match(line)
        if begun := heading or item:
            found.append((begun[1], begun[2]))
            open_block = not heading
        elif open_block:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
        else:
            found.append(("", line.strip()))
            open_block = True
    return found


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f"`language` must be among {', '.join(LANGUAGES)}, got {language!r}")
    return language


@cache
def _catalogue(language: str) -> NullTranslations:
    """The messages of a language, compiled from its catalogue as they are first needed."""
    if language == "en":
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with (CATALOGUES / language / "LC_MESSAGES" / "crmlab.po").open("rb") as stream:
        write_mo(compiled, read_po(stream, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
