"""Names, texts, files and blanks in SQL."""

import re

# DuckDB's trim knows the plain space only; U+00A0 comes from spreadsheets, U+3000 is the space of Chinese text
BLANKS = " \t\r\n\u00a0\u202f\u3000"
# What Chinese input writes wide: digits, signs, point, comma, brackets, slash and colon.
_WIDE, _PLAIN = "０１２３４５６７８９．，＋－−（）／：", "0123456789.,+--()/:"


def quoted(identifier: str) -> str:
    """A name of a column or table as SQL, whatever signs it has."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as SQL, whatever signs it has."""
    return "'" + value.replace("'", "''") + "'"


def one_file(path: object) -> str:
    """A path as text that the engine takes for that file alone: it would read a pattern as all files that fit."""
    return literal(re.sub(r"[*?\[]", r"[\g<0>]", str(path)))


def trimmed(text: str) -> str:
    """SQL of a text without blanks around it."""
    # nearly every text begins and ends with a visible ASCII character; this trim takes as long as all else together
    bare = f"ascii({text}) BETWEEN 33 AND 126 AND ascii(right({text}, 1)) BETWEEN 33 AND 126"
    return f"CASE WHEN {bare} THEN {text} ELSE trim({text}, {literal(BLANKS)}) END"


def narrow(text: str) -> str:
    """SQL of a text with plain digits and signs for wide ones."""
    # as many bytes as characters: nothing wide
    return (
        f"CASE WHEN strlen({text}) = length({text}) THEN {text} "
        f"ELSE translate({text}, {literal(_WIDE)}, {literal(_PLAIN)}) END"
    )


def matches(text: str, pattern: str) -> str:
    """SQL of whether a text holds what a regular expression of the engine describes."""
    return f"regexp_matches({text}, {literal(pattern)})"


def replaced(text: str, pattern: str, by: str, options: str = "") -> str:
    """SQL of a text with the first place that a regular expression describes replaced; `options` such as `i`."""
    return f"regexp_replace({text}, {literal(pattern)}, {literal(by)}{', ' + literal(options) if options else ''})"
