"""Sums over answers by cell, and the sums over people of their products, lazily on the engine."""

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import DECIMALS, collected

SCORES = tuple(range(11))
# by question: what is summed over the answers
MEASURES = {"nps": ("promoters", "detractors"), "csat": ("satisfied", "level"), "response": ("responses",)}
# beside them, what a spread within a person takes
_BESIDE = {"nps": tuple(f"score_{score}" for score in SCORES), "csat": ("level_squared",), "response": ()}


def measured(rows: nw.LazyFrame, question: str, foot: float, head: float) -> nw.LazyFrame:
    """One column for each measure, 0 or 1 (`level` between them)."""

    def where(condition: nw.Expr) -> nw.Expr:
        return nw.when(condition).then(nw.lit(1.0)).otherwise(nw.lit(0.0))

    value = nw.col(question)
    match question:
        case "nps":
            measures = {"promoters": where(value >= 9), "detractors": where(value <= 6)}
            measures |= {f"score_{score}": where(value == score) for score in SCORES}
        case "csat":
            top = head - 1 if head - foot <= 10 else head - 0.2 * (head - foot)
            level = (value - foot) / (head - foot)
            measures = {"satisfied": where(value >= top), "level": level, "level_squared": level * level}
        case _:
            measures = {"responses": value}
    return rows.with_columns(nw.lit(1.0).alias("answers"), *(what.alias(name) for name, what in measures.items()))


def sums_of(question: str, by: tuple[str, ...]) -> tuple[str, ...]:
    """What is summed over answers: single scores only where there are no cells to compare."""
    beside = () if question == "nps" and by else _BESIDE[question]
    return ("answers", *MEASURES[question], *beside)


def product_names(question: str) -> dict[str, tuple[str, str]]:
    """By name the two measures of each product: `promoters_answers` is of `promoters` and `answers`."""
    names = ("answers", *MEASURES[question])
    return {f"{one}_{other}": (one, other) for one in names for other in names}


def with_products(people: nw.LazyFrame, question: str, sums: tuple, by: tuple[str, ...]) -> pd.DataFrame:
    """Sums of each cell, and the sums of products over the people in it, in one pass."""
    products = [(nw.col(one) * nw.col(other)).alias(name) for name, (one, other) in product_names(question).items()]
    frame = people.with_columns(nw.lit(1.0).alias("people"), *products)
    return _summed(frame, ("rows", "people", *sums, *product_names(question)), by)


def paired(people: nw.LazyFrame, question: str, by: tuple[str, ...]) -> pd.DataFrame:
    """For every two cells, the sums of products over the people in both."""
    names = ("answers", *MEASURES[question])
    twin = people.select("customer_id", *(nw.col(name).alias(f"{name}_b") for name in (*by, *names)))
    pairs = people.select("customer_id", *by, *names).join(twin, on="customer_id", how="inner")
    keys = (*by, *(f"{name}_b" for name in by))
    products = product_names(question)
    made = [(nw.col(one) * nw.col(f"{other}_b")).alias(name) for name, (one, other) in products.items()]
    return _summed(pairs.select(*keys, *made), tuple(products), keys)


def _summed(frame: nw.LazyFrame, names: tuple[str, ...], by: tuple[str, ...]) -> pd.DataFrame:
    sums = [nw.col(name).sum() for name in names]
    found = collected(frame.group_by(*by).agg(*sums) if by else frame.select(*sums))
    found[list(names)] = found[list(names)].astype(float).round(DECIMALS)
    return found


def added(parts: list[pd.DataFrame], by: tuple[str, ...]) -> pd.DataFrame:
    """Sums of the same cells added up over the parts, one row per cell."""
    frame = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    names = frame.columns.difference(by, sort=False)
    # a sum of no rows is empty on some engines
    frame[names] = frame[names].astype(float).fillna(0.0)
    if not by:
        return frame[names].sum().to_frame().T
    return frame.groupby(list(by), dropna=False, sort=False, as_index=False)[list(names)].sum()


def placed(cells: pd.DataFrame, products: pd.DataFrame, by: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells in a fixed order, and products by their places."""
    both = [f"{name}_b" for name in by]
    names = [name for name in products if name not in (*by, *both)]
    if not by:
        cells = cells[cells["answers"] > 0].reset_index(drop=True)
        return cells, products.head(len(cells)).assign(a=0, b=0)[["a", "b", *names]]
    cells = cells.sort_values(list(by), na_position="last", ignore_index=True)
    place = {_key(row): at for at, row in enumerate(cells[list(by)].itertuples(index=False))}
    found = {
        side: [place[_key(row)] for row in products[keys].itertuples(index=False)]
        for side, keys in (("a", list(by)), ("b", both))
    }
    products = products.assign(**found)[["a", "b", *names]]
    return cells, products.sort_values(["a", "b"], ignore_index=True)


def _key(row) -> tuple:
    return tuple(None if pd.isna(value) else value for value in row)
