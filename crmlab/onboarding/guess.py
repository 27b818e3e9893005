"""Which table of the contract a file is, and which of its columns is which: a score that can be told in words.

A column of the contract is sought by its names (`crmlab.onboarding.names`); one whose values break the contract's
checks is not it, whatever its name. A file is the table of which it has every required column and most of the others;
required ones count twice. A file that is no table says what it lacks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from crmlab.contract import TABLES, Column, Table
from crmlab.onboarding.looks import Look, Values
from crmlab.onboarding.names import file_likeness, likeness, meaning, words

# share of values that must pass the contract's checks; below it, the name was wrong
_PASSING = 0.9
_LEAST = 0.4
_BY_VALUES = 0.4
_REQUIRED, _FILE = 2.0, 1.5
# Of tables of which the required columns alone say too little: others, of which one must be there.
_TELLING = {
    "customers": ("name", "industry", "region", "segment", "acquired_on", "credit_rating"),
    "contracts": ("end", "value", "renewals"),
    "surveys": ("nps", "csat", "comment"),
    "interactions": ("first_response_at", "resolved_at", "kind", "comment"),
    "opportunities": ("closed_on", "outcome"),
    "acquisition_spend": ("channel", "new_customers"),
}
CUSTOMER = "customer_id"
_PRICE, _QUANTITY = {"price"}, {"quantity", "qty", "units", "pieces"}
_IDS = ("id", "no", "nr", "number", "code", "key", "ref")
# satisfaction is seldom asked on a longer scale, willingness to recommend on no shorter one
_LONG_SCALE = 5


@dataclass(frozen=True)
class Match:
    """A column of the contract found in a file.

    Attributes
    ----------
    header
        What it is called there.
    score
        0 to 1: how near its name comes, times the share of its values that pass.
    doubt
        Why it should be checked; empty where its name and its values leave none.
    values
        What its values are in the contract's words, where they differ.
    """

    header: str
    score: float
    doubt: str = ""
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Guess:
    """What a file is taken for.

    Attributes
    ----------
    table
        The contract's table; where `missing` names anything, the one it comes nearest to.
    columns
        By the contract's name.
    score
        How well the table fits, from 0 up: the scores of its columns, required ones twice, and that of the file's name.
    missing
        What it lacks to be that table, in words.
    """

    look: Look
    table: str
    columns: dict[str, Match]
    score: float
    missing: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the file has all that the table requires."""
        return not self.missing


def guess(look: Look) -> Guess:
    """What a file is: of the tables that it fits the one with the highest score, else the nearest."""
    tried = [_tried(look, table) for table in TABLES.values()]
    return max(tried, key=lambda found: (found.fits, found.score - len(found.missing)))


def one_each(guesses: Iterable[Guess]) -> tuple[list[Guess], list[Guess]]:
    """The best guess for each table, and the others that would be the same table."""
    best: dict[str, Guess] = {}
    rest = []
    for found in sorted(guesses, key=lambda found: -found.score):
        if found.fits and found.table not in best:
            best[found.table] = found
        else:
            rest.append(found)
    order = list(TABLES)
    return sorted(best.values(), key=lambda found: order.index(found.table)), rest


def _tried(look: Look, table: Table) -> Guess:
    pairs = sorted(
        ((column, header, match) for column in table.columns for header, values in look.columns.items()
         if (match := _match(header, values, table, column)) is not None),
        key=lambda pair: -pair[2].score,
    )  # fmt: skip
    columns: dict[str, Match] = {}
    if look.customer and any(column.name == CUSTOMER for column in table.columns):
        columns[CUSTOMER] = Match(look.customer, 1.0)
    for column, header, match in pairs:
        if column.name not in columns and header not in {found.header for found in columns.values()}:
            columns[column.name] = match
    for column in table.columns:
        if column.required and column.name not in columns and (only := _only(look, column, columns)):
            columns[column.name] = only
    if (amount := columns.get("amount")) and (pieces := _pieces(look, amount.header)):
        of_one = f"where it is the price of one, say amount: {{formula: '`{pieces}` * `{amount.header}`'}}"
        columns["amount"] = replace(amount, doubt="; ".join(filter(None, (amount.doubt, of_one))))
    missing = [f"{column.name} ({column.help})" for column in table.columns
               if column.required and column.name not in columns]  # fmt: skip
    telling = _TELLING.get(table.name, ())
    if telling and not set(telling) & set(columns):
        missing.append(f"one of {', '.join(telling)}")
    if key := _repeated(look, table, columns):
        missing.append(f"one row for each {key}: values of {columns[key].header} repeat")
    weights = {column.name: _REQUIRED if column.required else 1.0 for column in table.columns}
    score = sum(weights[name] * match.score for name, match in columns.items())
    score += _FILE * file_likeness(look.path.name.split(".")[0], table.name)
    ordered = {column.name: columns[column.name] for column in table.columns if column.name in columns}
    return Guess(look, table.name, ordered, score, tuple(missing))


def _match(header: str, values: Values, table: Table, column: Column) -> Match | None:
    like = likeness(header, table.name, column.name)
    if like.score < _LEAST or not values.filled or (column.kind == "id" and not (like.is_exact or is_id(header))):
        return None
    translated = _translated(values, column)
    share = 1.0 if translated else values.share(column)
    if share < _PASSING or _is_another_kind(values, column):
        return None
    score = like.score * share
    doubts = [] if like.is_exact else [f"its name only contains one for {column.name}"]
    if column.name == "nps" and (values.high or 0) <= _LONG_SCALE:
        score *= 0.5
    if column.name == "csat" and (values.high or 0) > _LONG_SCALE:
        score *= 0.8
    if column.name in ("nps", "csat") and "nps" not in header.lower() and "csat" not in header.lower():
        doubts.append(f"{values.low or 0:g} to {values.high or 0:g} is taken for {column.help.split(';')[0]}")
    if translated:
        doubts.append("its values are translated")
    if share < 1:
        doubts.append(f"{_few(1 - share)} of its values break the contract")
    if values.unclear and column.kind in ("date", "number"):
        doubts.append("its values have two readings: see dates and decimal")
    if column.required and values.filled < 1:
        doubts.append(f"{_few(1 - values.filled)} of rows leave it empty, and are rejected")
    return Match(header, score, "; ".join(doubts), translated)


def is_id(header: str) -> bool:
    """Whether a header ends as those of ids do: `customer_unique_id`, not `customer_state`."""
    said = words(header)
    return bool(said) and (said[-1] in _IDS or said[-1].endswith(("号", "代码")))


def _few(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "less than 1%"


def _is_another_kind(values: Values, column: Column) -> bool:
    """Whether what may hold anything holds dates, or an id amounts."""
    if column.kind not in ("id", "text"):
        return False
    amounts = values.are_all("number") and not values.are_all("integer")
    return values.are_all("date") or (column.kind == "id" and amounts)


def _translated(values: Values, column: Column) -> tuple[tuple[str, str], ...]:
    """Values of a choice, or of true and false, in the contract's words; empty where none or one has none."""
    if column.kind not in ("choice", "boolean") or not values.few or values.share(column) == 1:
        return ()
    allowed = column.choices or ("true", "false")
    found = [(value, meant) for value in values.few if (meant := meaning(value) or "") in allowed]
    differing = tuple((value, meant) for value, meant in found if value.lower() != meant)
    return differing if len(found) == len(values.few) else ()


def _only(look: Look, column: Column, taken: dict[str, Match]) -> Match | None:
    """The only column left that a date or an amount could be."""
    if column.name not in ("date", "amount"):
        return None
    left = {header: values for header, values in look.columns.items()
            if header not in {match.header for match in taken.values()} and values.share(column) == 1
            and (column.kind == "date" or not values.are_all("integer"))}  # fmt: skip
    if len(left) != 1:
        return None
    ((header, values),) = left.items()
    return Match(header, _BY_VALUES * values.filled, f"the only column left that holds {column.kind}s")


def _pieces(look: Look, amount: str) -> str | None:
    """The column that counts pieces, where the amount is called a price."""
    if not _PRICE & set(words(amount)) and "价" not in amount:
        return None
    counts = (
        header
        for header, values in look.columns.items()
        if (_QUANTITY & set(words(header)) or "数量" in header) and values.are_all("number")
    )
    return next(counts, None)


def _repeated(look: Look, table: Table, columns: dict[str, Match]) -> str:
    """The column that should tell rows apart and does not."""
    if len(table.unique) != 1 or table.unique[0] not in columns:
        return ""
    values = look.columns[columns[table.unique[0]].header]
    return table.unique[0] if values.distinct < _PASSING * values.filled * look.rows else ""
