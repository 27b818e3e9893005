"""Numbers, dates and money as a reader expects them. Everything that a sentence or table shows passes through here."""

import math
from datetime import date
from functools import cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_name, get_currency_symbol

from crmlab.messages import LOCALES, N_, _, spoken

SHARES = {"share"}
_BARE = {"", "index", "ratio"}
_DAYS = {"en": "d MMMM y", "zh": "y 年 M 月 d 日"}
# how a number and its unit stand together; other nouns follow as they are
_NOUNS = {
    "customers": N_("{number} customers"),
    "purchases": N_("{number} purchases"),
    "points": N_("{number} points"),
    "months": N_("{number} months"),
    "weeks": N_("{number} weeks"),
    "days": N_("{number} days"),
    "hours": N_("{number} hours"),
    "answers": N_("{number} answers"),
    "rows": N_("{number} rows"),
    "percentage points": N_("{number} percentage points"),
}
_ONE = {
    "customers": N_("{number} customer"),
    "purchases": N_("{number} purchase"),
    "points": N_("{number} point"),
    "months": N_("{number} month"),
    "weeks": N_("{number} week"),
    "days": N_("{number} day"),
    "hours": N_("{number} hour"),
    "answers": N_("{number} answer"),
    "rows": N_("{number} row"),
    "percentage points": N_("{number} percentage point"),
}
# Longer numbers nobody reads in full, and Babel cannot set some of them.
_LONGEST = 1e18
# by language: the powers of ten by which long sums are told
_POWERS = {"en": ((6, "m"), (3, "k")), "zh": ((8, "亿"), (4, "万"))}


@cache
def _locale(language: str) -> Locale:
    # by its name, Babel would search all locales for every number
    return Locale.parse(LOCALES[language])


def is_currency(unit: str) -> bool:
    """Whether a unit is an ISO 4217 code: three capitals."""
    return len(unit) == 3 and unit.isalpha() and unit.isupper()


def is_bare(unit: str) -> bool:
    """Whether a unit is none, and the number stands by itself."""
    return unit in _BARE


def is_noun(unit: str) -> bool:
    """Whether a unit is a word that follows the number, such as `months`."""
    return unit not in SHARES and unit not in _BARE and not is_currency(unit)


def decimals(half_width: float) -> int:
    """Decimals that leave two significant digits in the half width of an interval; negative for tens and more."""
    if not math.isfinite(half_width) or half_width <= 0:
        return 2
    return 1 - math.floor(math.log10(half_width))


def number(value: float, digits: int = 0) -> str:
    """A number with thousands separators and `digits` decimals; negative `digits` round to tens, hundreds and so on.

    Examples
    --------
    >>> number(1234567.891, 1), number(1234567.891, -3), number(-0.04, 1)
    ('1,234,567.9', '1,235,000', '0.0')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= _LONGEST:
        return f"{value:.1e}".replace("e+", "e").replace("-", "−")
    rounded = round(float(value), digits) + 0.0
    pattern = "#,##0" + ("." + "0" * digits if digits > 0 else "")
    return format_decimal(rounded, pattern, locale=_locale(spoken())).replace("-", "−")


def quantity(value: float, unit: str, *, digits: int | None = None) -> str:
    """A value with its unit: a share in per cent, money with its symbol or name, anything else as a number.

    Chinese tells money by its name, from ten thousand on in 万 and 亿: `124.5 万元`.

    Examples
    --------
    >>> quantity(0.6783, "share"), quantity(-1234.5, "USD"), quantity(0.635, "index"), quantity(12, "months")
    ('67.8%', '−$1,234', '0.635', '12 months')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if unit in SHARES:
        return number(100 * value, 1 if digits is None else digits) + "%"
    if is_currency(unit):
        return _money(float(value), unit, digits)
    if unit in _BARE:
        return number(value, 3 if digits is None else digits)
    digits = (0 if float(value).is_integer() else 1) if digits is None else digits
    told = number(value, digits)
    names = _ONE if told in ("1", "−1") else _NOUNS
    return _(names[unit]).format(number=told) if unit in names else f"{told} {unit}"


def stated_share(share: float) -> str:
    """A share that somebody set, such as a level of confidence: with the decimals that it has, two at most.

    Examples
    --------
    >>> stated_share(0.95), stated_share(0.975)
    ('95%', '97.5%')
    """
    fraction = f"{100 * share:.6f}".rstrip("0").partition(".")[2]
    return quantity(share, "share", digits=min(len(fraction), 2))


def span(low: float, high: float, unit: str, *, digits: int | None = None) -> str:
    """The ends of an interval in prose; Chinese names money's unit once, after the second.

    Examples
    --------
    >>> span(745_000, 789_000, "USD", digits=-3), span(0.669, 0.686, "share")
    ('$745,000 to $789,000', '66.9% to 68.6%')
    """
    if spoken() == "zh" and is_currency(unit):
        power, suffix, kept = scale(max(abs(low), abs(high)), digits)
        kept = (0 if max(abs(low), abs(high)) >= 100 else 2) if kept is None else kept
        first, second = (number(end / 10**power, kept) for end in (low, high))
        second = f"{second} {suffix}{currency_symbol(unit)}"
    else:
        first, second = (quantity(end, unit, digits=digits) for end in (low, high))
    return _("{low} to {high}").format(low=first, high=second)


def _money(value: float, unit: str, digits: int | None) -> str:
    if spoken() == "zh":
        power, suffix, kept = scale(value, digits)
        kept = (0 if abs(value) >= 100 else 2) if kept is None else kept
        return f"{number(value / 10**power, kept)} {suffix}{currency_symbol(unit)}"
    if abs(value) >= _LONGEST:
        return f"{currency_symbol(unit)}{number(value)}"
    digits = (0 if abs(value) >= 100 else 2) if digits is None else digits
    pattern = "¤#,##0" + ("." + "0" * digits if digits > 0 else "")
    rounded = round(value, digits) + 0.0
    return format_currency(rounded, unit, pattern, locale=_locale("en"), currency_digits=False).replace("-", "−")


def scale(value: float, digits: int | None) -> tuple[int, str, int | None]:
    """The power of ten by which a long sum is told, its suffix, and the decimals that are then left.

    Parameters
    ----------
    digits
        Decimals that the sum itself would have, negative for tens and more; None if its last digits do not matter.

    Examples
    --------
    >>> scale(767_123, -3), scale(767_123, 0)
    ((3, 'k', 0), (0, '', 0))
    """
    for power, suffix in _POWERS[spoken()]:
        left = (2 if spoken() == "zh" else 1) if digits is None else max(0, power + digits)
        if abs(value) >= 10**power and left <= 2:
            return power, suffix, left
    return 0, "", digits


def currency_symbol(unit: str) -> str:
    """What marks a currency: `$` before a number, in Chinese `美元` after it."""
    if spoken() == "zh":
        return "元" if unit == "CNY" else get_currency_name(unit, locale=_locale("zh"))
    return get_currency_symbol(unit, locale=_locale("en"))


def currency_name(unit: str) -> str:
    """A currency's full name: US dollars, 美元."""
    return get_currency_name(unit, count=2, locale=_locale(spoken()))


def day(value: date) -> str:
    """A date in words: 30 June 1998."""
    return format_date(value, _DAYS[spoken()], locale=_locale(spoken()))
