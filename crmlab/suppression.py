"""Small groups hidden, and with them whatever would give them away by subtraction.

A group of fewer than `min_group` people is hidden. Whoever knows a sum and all its parts but one knows that one as
well; so more parts are hidden, the smallest first, until nothing hidden is told by what is shown. It is judged against
a reader who knows this rule, and of every hidden part whether it was hidden for being small: within what is shown, its
count must still be able to take two values, and what is hidden of a sum must make up no small group itself.

Where tables of one page overlap, as the strategies of customers do with their segments, `overlapping` hides on until
no two of them tell by their difference what neither shows.

What this does not stop: counts of another date, of another selection of customers, or what a reader knows already.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

MIN_GROUP = 5


def suppressed(
    frame: pd.DataFrame, *, count: str = "customers", min_group: int = MIN_GROUP, total: bool = False
) -> tuple[pd.DataFrame, np.ndarray]:
    """The frame without the figures of its small groups, and which rows those are.

    A row is a group; who knows how many customers there are in all can subtract, so the sum of all rows counts as
    shown whether it stands in the frame or not. With the count go all numbers of the row: sums, shares and means would
    tell it.

    Parameters
    ----------
    frame
        The first column names the group; texts stay.
    count
        Column of how many people each group is made of; a group without a count is hidden already.
    total
        The last row is the sum of the others; it is hidden too where nothing less will do.
    """
    parts = frame.iloc[:-1] if total and len(frame) else frame
    counts, names = _numbers(parts[count]), [str(name) for name in parts.iloc[:, 0]]
    dates = parts.select_dtypes(["datetime", "datetimetz"]).columns
    amounts = [_numbers(parts[name]) for name in parts.columns[1:].difference(dates)]
    hidden, shown = hidden_cells(counts, [range(len(parts))], min_group=min_group, names=names, amounts=amounts)
    hidden |= np.isnan(counts)
    rows = np.append(hidden, not shown[0]) if len(parts) < len(frame) else hidden
    return without_figures(frame, rows), rows


def without_figures(frame: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """The frame with nothing but texts in some of its rows, which are groups that the first column names."""
    if not rows.any():
        return frame
    found = frame.astype(object)
    for name in frame.columns[1:]:
        if not _is_text(frame[name]):
            found.loc[rows, name] = None
    return found


def _numbers(column: pd.Series) -> np.ndarray:
    """The column's figures, of estimates their values; NaN for what is none."""
    values = column.map(lambda value: getattr(value, "value", value))
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _is_text(column: pd.Series) -> bool:
    return all(isinstance(value, str) for value in column.dropna())


def hidden_cells(
    counts: Sequence[float] | np.ndarray,
    sums: Sequence[Sequence[int]],
    *,
    min_group: int = MIN_GROUP,
    names: Sequence[str] | None = None,
    amounts: Sequence[np.ndarray] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Which cells of a table to hide, and which of its sums may be shown.

    Parameters
    ----------
    counts
        People in each cell; of a cross table, cell by cell.
    sums
        The cells of each sum that is shown: of a list all of them, of a cross table each row and each column.
    names
        Of equally small cells, the first by name is hidden, so that it is the same one in every table.
    amounts
        Other columns that add up, cell by cell: what is hidden of one must not be all zero.

    Raises
    ------
    ValueError
        For a `min_group` of 2: a hidden group of fewer than two is one of one, as every reader knows.
    """
    if min_group == 2:
        raise ValueError("`min_group` must be at least 3, or 1, which hides nothing; got 2")
    counts = np.nan_to_num(np.asarray(counts, dtype=float))
    hidden, shown = (counts > 0) & (counts < min_group), np.ones(len(sums), dtype=bool)
    order = np.lexsort((np.arange(len(counts)) if names is None else np.asarray(names), counts))
    lines = [np.asarray(line, dtype=int) for line in sums]
    while (telling := _telling(counts, hidden, lines, shown, min_group, amounts)) is not None:
        open_ones = [cell for cell in order if counts[cell] > 0 and not hidden[cell] and cell in lines[telling]]
        if open_ones:
            hidden[open_ones[0]] = True
        else:
            shown[telling] = False
    return hidden, shown


def overlapping(
    parts: Sequence[int], groups: np.ndarray, hidden: np.ndarray, *, settled: int = 0, min_group: int = MIN_GROUP
) -> np.ndarray:
    """Which groups to hide of a table that stands beside others of the same people, beyond those it hides by itself.

    Parameters
    ----------
    parts
        People in each part: two people are in one part if they are in the same groups.
    groups
        Parts by groups: whether a part belongs to a group.
    hidden
        Which groups are hidden: of the others finally, of this table by itself.
    settled
        So many groups, the first ones, are of the other tables. These tell nothing without this one, so that hiding
        all of it is enough.
    """
    groups, place = np.unique(np.asarray(groups, dtype=float), axis=0, return_inverse=True)
    parts, hidden = np.bincount(place, parts), np.array(hidden, dtype=bool)
    sizes = parts @ groups
    meet = groups.T @ groups > 0
    own = (np.arange(len(sizes)) >= settled) & (sizes > 0)
    # to hide more makes no other group easier to tell, so that each is judged until it is not told
    unjudged = [int(place) for place in np.flatnonzero(hidden) if sizes[place] > 0]
    while unjudged:
        shown = own & ~hidden
        if not shown.any() or _open(unjudged[-1], parts, groups, sizes, hidden, min_group):
            unjudged.pop()
            continue
        # what stands beside it in the smallest sum that is shown, and of that the smallest
        sums = meet[unjudged[-1]] & ~hidden
        beside = np.where(meet & sums, sizes, np.inf).min(axis=1)
        chosen = int(np.lexsort((sizes, beside, ~shown))[0])
        hidden[chosen] = True
        unjudged.insert(0, chosen)
    return hidden


def _open(place: int, parts, groups, sizes, hidden, min_group: int) -> bool:
    """Whether a hidden group can be of two sizes for who knows all that is shown, how groups overlap, and the rule."""
    from scipy.optimize import linprog

    small = hidden & (sizes < min_group)
    shown, open_ones = ~hidden & (sizes > 0), hidden & (sizes > 0)
    equal = np.vstack([groups[:, shown].T, np.ones(len(parts))])
    below = np.vstack([-groups[:, open_ones].T, groups[:, small & open_ones].T])
    least = np.where(small[open_ones], -1.0, -float(min_group))
    bounds = np.append(least, np.full(int((small & open_ones).sum()), min_group - 1.0))
    known, ends = np.append(sizes[shown], parts.sum()), []
    for sign in (1.0, -1.0):
        goal = sign * groups[:, place]
        solved = linprog(goal, A_ub=below, b_ub=bounds, A_eq=equal, b_eq=known)
        # without an end: nothing that is shown bounds it
        ends.append(sign * solved.fun if solved.status == 0 else -sign * np.inf)
    return ends[1] - ends[0] > 1 - 1e-6


def _telling(counts, hidden, lines, shown, min_group, amounts) -> int | None:
    """A sum that gives something hidden away; None if none does."""
    for place in np.flatnonzero(shown):
        line = lines[place]
        left = line[hidden[line]]
        if len(left) == 0:
            continue
        if counts[left].sum() < min_group:
            return int(place)
        more = not hidden[line[counts[line] > 0]].all()
        if more and any(_adds_up_to_nothing(amount[line], amount[left]) for amount in amounts):
            return int(place)
    cells = np.flatnonzero(hidden)
    ranges = _ranges(counts, cells, [line for line, open_one in zip(lines, shown, strict=True) if open_one], min_group)
    for cell in cells[ranges[:, 1] - ranges[:, 0] < 1]:
        holding = [place for place in np.flatnonzero(shown) if cell in lines[place]]
        # where it costs least: in the sum with the smallest cell to hide
        return int(min(holding, key=lambda place: _next(counts, hidden, lines[place])))
    return None


def _adds_up_to_nothing(line: np.ndarray, left: np.ndarray) -> bool:
    """Where no part can be negative, parts that add up to zero are all zero."""
    known = np.nan_to_num(line)
    return bool((known >= 0).all() and known.any() and not np.nan_to_num(left).any())


def _next(counts: np.ndarray, hidden: np.ndarray, line: np.ndarray) -> float:
    left = line[(counts[line] > 0) & ~hidden[line]]
    return float(counts[left].min()) if len(left) else np.inf


def _ranges(counts: np.ndarray, cells: np.ndarray, lines: list[np.ndarray], min_group: int) -> np.ndarray:
    """Between what each hidden cell lies, as far as the sums tell: lowest and highest, cell by cell."""
    small = counts[cells] < min_group
    bounds = np.column_stack([np.where(small, 1, min_group), np.where(small, min_group - 1, np.inf)])
    holds = np.array([np.isin(cells, line) for line in lines], dtype=float).reshape(len(lines), len(cells))
    known = holds @ counts[cells]
    if len(lines) == 1 and holds.all():  # a list of groups needs no programme
        others = [np.delete(bounds, place, axis=0).sum(axis=0) for place in range(len(cells))]
        ends = [
            (max(low, known[0] - most), min(high, known[0] - least))
            for (low, high), (least, most) in zip(bounds, others, strict=True)
        ]
        return np.array(ends).reshape(-1, 2)
    return np.array([_range(place, holds, known, bounds) for place in range(len(cells))]).reshape(-1, 2)


def _range(place: int, holds: np.ndarray, known: np.ndarray, bounds: np.ndarray) -> tuple[float, float]:
    """By linear programming; of a cross table its ends are whole numbers."""
    from scipy.optimize import linprog

    goal = np.zeros(len(bounds))
    ends = []
    for sign in (1.0, -1.0):
        goal[place] = sign
        sums = {"A_eq": holds, "b_eq": known} if len(known) else {}
        solved = linprog(goal, bounds=bounds, **sums)
        # without an end: nothing that is shown bounds it
        ends.append(round(sign * solved.fun, 6) if solved.status == 0 else -sign * np.inf)
    return ends[0], ends[1]
