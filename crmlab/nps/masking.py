"""Comments made fit to be shown: what would reach or identify a person is masked, and long ones are cut.

Masked, whether typed in full-width or ordinary digits, with separators or without:

- e-mail addresses and links, and accounts of messengers behind the messenger's name (微信号 abc123, QQ 12345678);
- Chinese identity numbers (18 places with a right check digit), bank cards (13 to 19 digits that pass Luhn's check),
  mobile, landline and international telephone numbers;
- any other number of seven digits or more, the letters before it included: order, passport and wrong numbers. Dates,
  years and sums with commas stay;
- names and ids in the client's table of customers (`excerpt` alone; see `crmlab.privacy`).

Not masked, for it takes more than a pattern: other names of people and firms, postal addresses, number plates, what is
written as words or broken up on purpose. Whoever shows comments to others reads them first.
"""

import re
import unicodedata

from crmlab.messages import N_, _
from crmlab.privacy import without_names

# letters of a comment that are shown
SHOWN = 160
# read before masking: what lies beyond is not shown, and no number that is shown reaches beyond it
_READ = 2000
# what may stand between the digits of a number: blanks, hyphens, dots, brackets, and what cannot be seen
_BETWEEN = r"[\s\-\u2010-\u2015\u2212.\u00b7\u2022_()\[\]\u200b-\u200f\u2060\ufe0f\u20e3\ufeff]{0,4}"
_BOUNDED = r"(?<![0-9]){}(?![0-9])"


def _digits(least: int, most: int) -> str:
    """That many digits, with separators."""
    return rf"[0-9](?:{_BETWEEN}[0-9]){{{least - 1},{most - 1}}}"


_EMAIL = re.compile(r"[\w.+%-]{1,64}\s?@\s?[\w-]{1,63}(?:\s?\.\s?[\w-]{1,63}){1,5}", re.ASCII)
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"'，。；]+", re.IGNORECASE)
_ACCOUNT = re.compile(
    r"(微信|wechat|weixin|vx|qq|whatsapp|telegram|skype)(\s{0,3}(?:号码|号|id)?\s{0,3}(?:[:是为]|is)?\s{0,3})"
    r"([a-z0-9][a-z0-9_-]{4,31})",
    re.IGNORECASE | re.ASCII,
)
_IDENTITY = re.compile(rf"(?<![0-9])[1-9](?:{_BETWEEN}[0-9]){{16}}{_BETWEEN}[0-9Xx](?![0-9A-Za-z])")
_CARD = re.compile(_BOUNDED.format(_digits(13, 19)))
_MOBILE = _BOUNDED.format(rf"(?:(?:\+|00){_BETWEEN}86{_BETWEEN}|86{_BETWEEN})?1{_BETWEEN}[3-9](?:{_BETWEEN}[0-9]){{9}}")
_LANDLINE = _BOUNDED.format(rf"\(?0{_BETWEEN}[1-9](?:{_BETWEEN}[0-9]){{8,10}}")
_SERVICE = _BOUNDED.format(rf"[48]00(?:{_BETWEEN}[0-9]){{7}}")
_ABROAD = rf"(?<![0-9+])(?:\+|00){_BETWEEN}[1-9](?:{_BETWEEN}[0-9]){{6,14}}(?![0-9])"
_PHONE = re.compile("|".join((_MOBILE, _LANDLINE, _SERVICE, _ABROAD)))
_NUMBER = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z]{{0,3}}[0-9](?:{_BETWEEN}[0-9]){{6,}}[A-Za-z]?|[0-9]{{7,}}")
_WRITTEN_OUT = re.compile("[〇零一二三四五六七八九幺两]{7,}")
_YEAR = r"(?:19|20)[0-9]{2}"
_DATES = re.compile(
    rf"(?:{_YEAR}(?:[-.]?[01]?[0-9][-.]?[0-3]?[0-9])?(?:\s+[0-2]?[0-9](?:[.][0-5][0-9])?)?[\s\-\u2013\u2014]*){{1,2}}"
)
_UNSEEN = {place: None for place in (*range(0x00, 0x09), *range(0x0E, 0x20), *range(0x7F, 0xA0))} | {
    # marks that turn the direction of writing could make a comment read as what it does not say
    place: None
    for place in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0xFEFF)
}
_NAMES = {
    "email": N_("[e-mail address]"),
    "link": N_("[link]"),
    "account": N_("[account]"),
    "identity": N_("[identity number]"),
    "card": N_("[card number]"),
    "phone": N_("[phone number]"),
    "number": N_("[number]"),
}


def masked(text: str) -> str:
    """The text with what would reach or identify a person replaced by what it was.

    Examples
    --------
    >>> masked("call 138-0013-8000 or write to an@example.cn, order of 2026-09-30")
    'call [phone number] or write to [e-mail address], order of 2026-09-30'
    """
    text = str(text).translate(_UNSEEN)
    plain = _narrow(text)
    spans: list[tuple[int, int, str]] = []
    for start, end, kind in _found(plain):
        if all(end <= other_start or start >= other_end for other_start, other_end, _kind in spans):
            spans.append((start, end, kind))
    for start, end, kind in sorted(spans, reverse=True):
        text = text[:start] + _(_NAMES[kind]) + text[end:]
    return text


def excerpt(text: str, *, longest: int = SHOWN) -> str:
    """A comment to show: masked, without customers' names, in one line, and cut to a length.

    Parameters
    ----------
    longest
        Letters that are shown at most, the mark of the cut included.
    """
    line = " ".join(without_names(masked(str(text)[:_READ])).split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def _narrow(text: str) -> str:
    """Full-width and other forms of letters and digits made ordinary, each in its place."""
    if text.isascii():
        return text
    narrow = (_ordinary(letter) for letter in text)
    return "".join(narrow)


def _ordinary(letter: str) -> str:
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    if letter == "。":  # stands for the dot of an address
        return "."
    plain = unicodedata.normalize("NFKC", letter)
    return plain if len(plain) == 1 else letter


def _found(text: str):
    """Places to mask with what stands there, what is surest first."""
    for kind, pattern in (("email", _EMAIL), ("link", _LINK)):
        yield from ((*match.span(), kind) for match in pattern.finditer(text))
    yield from ((*match.span(3), "account") for match in _ACCOUNT.finditer(text) if not match[3].isalpha())
    yield from ((*match.span(), "identity") for match in _IDENTITY.finditer(text) if is_identity_number(match[0]))
    yield from ((*match.span(), "card") for match in _CARD.finditer(text) if is_card_number(match[0]))
    yield from ((*match.span(), "phone") for match in _PHONE.finditer(text) if not _DATES.fullmatch(match[0]))
    for match in _NUMBER.finditer(text):
        if not _DATES.fullmatch(match[0].strip()):
            yield (*match.span(), "number")
    yield from ((*match.span(), "number") for match in _WRITTEN_OUT.finditer(text))


def is_identity_number(text: str) -> bool:
    """Whether 18 places are a Chinese identity number: the last one checks the others (GB 11643-1999)."""
    places = [letter for letter in text.upper() if letter.isdigit() or letter == "X"]
    if len(places) != 18 or "X" in places[:17]:
        return False
    total = sum(int(place) * pow(2, 17 - at, 11) for at, place in enumerate(places[:17]))
    return places[17] == "10X98765432"[total % 11]


def is_card_number(text: str) -> bool:
    """Whether 13 to 19 digits pass the check of bank cards (Luhn, ISO/IEC 7812-1)."""
    digits = [int(letter) for letter in text if letter.isdigit()][::-1]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
