"""Numbers, dates and money as a reader expects them. Everything that a sentence or table shows passes through here."""

import math
from datetime import date

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_symbol

LOCALES = {"en": "en_US"}
SHARES = {"share"}
_BARE = {"", "index", "ratio"}


def is_currency(unit: str) -> bool:
    """Whether a unit is an ISO 4217 code: three capitals."""
    return len(unit) == 3 and unit.isalpha() and unit.isupper()


def is_noun(unit: str) -> bool:
    """Whether a unit is a word that follows the number, such as `months`."""
    return unit not in SHARES and unit not in _BARE and not is_currency(unit)


def decimals(half_width: float) -> int:
    """Decimals that leave two significant digits in the half width of an interval; negative for tens and more."""
    if not math.isfinite(half_width) or half_width <= 0:
        return 2
    return 1 - math.floor(math.log10(half_width))


def number(value: float, digits: int = 0, *, language: str = "en") -> str:
    """A number with thousands separators and `digits` decimals; negative `digits` round to tens, hundreds and so on.

    Examples
    --------
    >>> number(1234567.891, 1), number(1234567.891, -3), number(-0.04, 1)
    ('1,234,567.9', '1,235,000', '0.0')
    """
    if value is None or not math.isfinite(value):
        return "–"
    rounded = round(float(value), digits) + 0.0
    pattern = "#,##0" + ("." + "0" * digits if digits > 0 else "")
    return format_decimal(rounded, pattern, locale=LOCALES[language]).replace("-", "−")


def quantity(value: float, unit: str, *, digits: int | None = None, language: str = "en") -> str:
    """A value with its unit: a share in per cent, money with its symbol, anything else as a number.

    Examples
    --------
    >>> quantity(0.6783, "share"), quantity(-1234.5, "USD"), quantity(0.635, "index"), quantity(12, "months")
    ('67.8%', '−$1,234', '0.635', '12 months')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if unit in SHARES:
        return number(100 * value, 1 if digits is None else digits, language=language) + "%"
    if is_currency(unit):
        digits = (0 if abs(value) >= 100 else 2) if digits is None else digits
        rounded = round(float(value), digits) + 0.0
        pattern = "¤#,##0" + ("." + "0" * digits if digits > 0 else "")
        text = format_currency(rounded, unit, pattern, locale=LOCALES[language], currency_digits=False)
        return text.replace("-", "−")
    if unit in _BARE:
        return number(value, 3 if digits is None else digits, language=language)
    digits = (0 if float(value).is_integer() else 1) if digits is None else digits
    return f"{number(value, digits, language=language)} {unit}"


def currency_symbol(unit: str, *, language: str = "en") -> str:
    return get_currency_symbol(unit, locale=LOCALES[language])


def day(value: date, *, language: str = "en") -> str:
    """A date in words: 30 June 1998."""
    return format_date(value, "d MMMM y", locale=LOCALES[language])
