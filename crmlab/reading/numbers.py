"""Numbers as people write them, as SQL: what a comma means is stated, or follows from the whole column, or not known.

A column of texts is read in one of these ways:

- `.` and `,`: that is its decimal sign, and the other one may stand between thousands;
- `plain`: as programs write numbers; a comma makes it none;
- `unclear`: as plain, but what could be a thousand or a little over one (`1,234`, `1.234`) is none either;
- `unclear comma`: as plain; points are decimal signs, of commas nothing is known.

Blanks and apostrophes between groups of three digits have one reading only, as have a currency's sign, brackets around
what is negative, and a minus behind it. Whatever changes the number (`5万`, `50%`) makes it no number.
"""

from dataclasses import dataclass

from crmlab.reading.sql import BLANKS, literal, matches, narrow, replaced

# Signs of money by ISO 4217 code, beside the code itself; regular expressions.
_SIGNS = {
    "AUD": r"A?\$",
    "BRL": r"R\$",
    "CAD": r"C?\$",
    "CHF": r"Fr\.?|SFr\.?",
    "CNY": r"[¥￥元圆]|RMB|人民币",
    "EUR": r"€",
    "GBP": r"£",
    "HKD": r"HK\$|\$|港[元币]",
    "INR": r"₹|Rs\.?",
    "JPY": r"[¥￥円]",
    "KRW": r"₩",
    "MXN": r"(?:MX)?\$",
    "RUB": r"₽",
    "SGD": r"S?\$",
    "TWD": r"(?:NT)?\$|新?[台臺]币",
    "USD": r"(?:US)?\$|美元",
}
_SPACE = f"[{BLANKS}]*"
_GROUPED = "^[-+]?[0-9]{1,3}([ \u00a0\u202f'’][0-9]{3})+([.,][0-9]+)?$"
_TWO_READINGS = r"^[-+]?[1-9][0-9]{0,2}[.,][0-9]{3}$"


def _only(decimal: str, thousands: str) -> str:
    """What is a number with this decimal sign; of what has two readings, both."""
    group = rf"[1-9][0-9]{{0,2}}(?:{thousands}[0-9]{{3}})"
    return rf"^[-+]?(?:[0-9]*{decimal}[0-9]+|[0-9]+{decimal}|{group}+(?:{decimal}[0-9]+)?)$"


_POINT, _COMMA = _only("[.]", ","), _only(",", "[.]")


def signs(currency: str) -> str:
    """The code and the signs of a currency, as a regular expression: `EUR|€`."""
    return f"{currency}|{_SIGNS[currency]}" if currency in _SIGNS else currency


@dataclass(frozen=True)
class Written:
    """How the numbers of a column are written.

    Attributes
    ----------
    way
        `.`, `,`, `plain`, `unclear` or `unclear comma`.
    unit, money
        What may stand behind a number, and what on either side, without changing it: regular expressions.
    """

    way: str = "plain"
    unit: str = ""
    money: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is not known yet what a comma or a point means."""
        return self.way.startswith("unclear")

    def number(self, text: str) -> str:
        """SQL of a text as a number; NULL where it is none, or has two readings."""
        bare = self.bare(text)
        # DuckDB takes 1_5 for 15
        either = f"coalesce(TRY_CAST({text} AS DOUBLE), TRY_CAST({bare} AS DOUBLE))"
        plain = f"CASE WHEN NOT contains({text}, '_') THEN {either} END"
        match self.way:
            case "unclear" | "unclear comma":
                return f"CASE WHEN NOT {self.unclear(text)} THEN {plain} END"
            case ".":
                pointed = f"CASE WHEN {matches(bare, _POINT)} THEN TRY_CAST(replace({bare}, ',', '') AS DOUBLE) END"
                return f"coalesce({plain}, {pointed})"
            case ",":
                swapped = f"TRY_CAST(replace(replace({bare}, '.', ''), ',', '.') AS DOUBLE)"
                alike = matches(bare, "^[-+]?[0-9]+$|[eE]")
                return f"CASE WHEN {alike} THEN {plain} WHEN {matches(bare, _COMMA)} THEN {swapped} END"
        return plain

    def unclear(self, text: str) -> str:
        """SQL of whether a text is a number whose reading the column leaves open."""
        if not self.is_open:
            return "false"
        bare = self.bare(text)
        open_ones = f"contains({bare}, ',') AND ({matches(bare, _POINT)} OR {matches(bare, _COMMA)})"
        # nearly every text is a plain number; this test is cheap, and CASE spares it the others
        candidate = f"TRY_CAST({text} AS DOUBLE) IS NULL"
        if self.way == "unclear":
            candidate += f" OR ascii(right({text}, 4)) = {ord('.')}"
            open_ones += f" OR {matches(bare, _TWO_READINGS)} OR {matches(bare, _COMMA)}"
        return f"CASE WHEN {candidate} THEN coalesce({open_ones}, false) ELSE false END"

    def evidence(self, bare: str) -> list[str]:
        """SQL that counts, of a column's `bare` texts, those with a decimal point, with a comma, with other digits."""
        two, point, comma = (matches(bare, pattern) for pattern in (_TWO_READINGS, _POINT, _COMMA))
        # several groups of thousands are evidence against their sign
        whole = f"TRY_CAST({bare} AS DOUBLE) IS NOT NULL AND NOT contains({bare}, '_')"
        other = f"NOT {point} AND NOT {comma} AND NOT ({whole}) AND {matches(bare, '[0-9]')}"
        kinds = (f"{point} AND NOT {comma} AND NOT {two}", f"{comma} AND NOT {point} AND NOT {two}", other)
        return [f"count(*) FILTER ({kind})" for kind in kinds]

    @staticmethod
    def shown(point: int, comma: int, other: int) -> str:
        """How a column is to be read, from what `evidence` counts.

        Its decimal sign is known if every number in it fits that sign and some exclude the other.
        """
        if point and not comma:
            return "unclear comma" if other else "."
        return "," if comma and not point and not other else "unclear"

    def bare(self, text: str) -> str:
        """SQL of a text's digits, signs, points and commas alone, as far as what else stands there changes nothing."""
        bare = narrow(text)
        if self.unit:
            bare = replaced(bare, rf"^([-+]?[0-9.,]+){_SPACE}(?:{self.unit})$", r"\1", "i")
        if self.money:
            before = rf"^([-+(]?){_SPACE}(?:{self.money}){_SPACE}([-+]?[0-9.].*)$"
            bare = replaced(bare, before, r"\1\2", "i")
            bare = replaced(bare, rf"^(.*[0-9.]){_SPACE}(?:{self.money})([-)]?)$", r"\1\2", "i")
            bare = replaced(bare, r"^(?:\(([0-9][^-+()]*)\)|([0-9][^-+()]*)-)$", r"-\1\2")
        ungrouped = f"translate({bare}, {literal(BLANKS + chr(39) + '’')}, '')"
        cleaned = f"CASE WHEN {matches(bare, _GROUPED)} THEN {ungrouped} ELSE {bare} END"
        return f"CASE WHEN {matches(text, '^[-+]?[0-9.,]+$')} THEN {text} ELSE {cleaned} END"
