"""Contracts become a panel of person-periods, on whatever engine holds them: who was at risk of leaving, and who left.

Rules that hold throughout:

- a period is a month that ends on the day of the month of `until`: a calendar month where that is a month's last day;
- a customer is at risk in a period if a contract runs on its first day, and leaves in it if the last contract ends in
  it. A contract that starts no later than `gap_days` + 1 days after another of the customer's has ended continues it;
- what is known of a customer in a period is what was known at the end of the day before it: an end, a purchase, an
  answer or a payment after that has not happened yet. Columns of `contracts` carry no date: they are taken as fixed;
- periods that `until` cuts short are no part of it, nor are those that begin before `observed_from`;
- whatever starts and ends between the first days of two periods is never at risk; it is counted, and left out.

Rows with the same covariates are one row with its trials and events, which is all that a model of the hazard needs.
Above `most_rows` person-periods, numbers are put into bins first: each cell of the bins becomes one row at the means
of its bins. Cuts lie where they leave least spread within bins (density to the power of 1/3). The same coefficients
follow but for the spread within cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from crmlab.aggregate.contract_runs import contract_runs, facts_at_risk
from crmlab.aggregate.engine import as_day, collected
from crmlab.aggregate.period_cells import SAMPLE, TENURE, affordable_cuts, binned_rows, exact_rows, with_log_tenure
from crmlab.aggregate.period_covariates import Grid
from crmlab.aggregate.period_panel import kinds_of, panel_of_periods, tidy


@dataclass(frozen=True, eq=False)
class PersonPeriods:
    """Person-periods with the same covariates, each as one row.

    Attributes
    ----------
    rows
        Covariates, `tenure_months` (1 in the first period), its logarithm, `segment` (how many of the cut-offs the
        period lies after), `trials` and `events`.
    bins
        How many bins each number was put into; None where rows are exact.
    never_at_risk
        Contracts that were at risk in no period.
    first_day, last_day
        Of the periods.
    """

    rows: pd.DataFrame
    person_periods: int
    events: int
    bins: int | None
    contracts: int
    never_at_risk: int
    first_day: date
    last_day: date


@dataclass(frozen=True, eq=False)
class Fold:
    """What was known at a cut-off, and who left after it.

    Attributes
    ----------
    rows
        As those of `PersonPeriods`, of the periods up to the cut-off.
    customers
        Those at risk on the day after it: `customer_id`, covariates, and `left`, within `months`.
    """

    cut_off: date
    months: int
    rows: pd.DataFrame
    customers: pd.DataFrame


@dataclass(frozen=True, eq=False)
class HazardData:
    """All that a model of the hazard is fitted to, applied to and tested on.

    Attributes
    ----------
    customers
        Those whose contract runs on the day after `until`, with their covariates.
    last_period
        Those at risk in the last period, with what was known before it and `left`.
    folds
        The earliest cut-off first; none where the periods before and after cut-offs are too few.
    """

    panel: PersonPeriods
    customers: pd.DataFrame
    last_period: pd.DataFrame
    folds: tuple[Fold, ...]


def hazard_data(
    contracts,
    *,
    until: date | str,
    observed_from: date | str | None = None,
    cut_offs: int = 4,
    outcome_months: int = 3,
    **options,
) -> HazardData:
    """Panel, customers and folds, as of `until`.

    Parameters
    ----------
    cut_offs
        How many there are at most; they lie `outcome_months` apart, the last one as many before `until`. Before each
        there are at least six periods.
    outcome_months
        Months after a cut-off within which leaving counts, at least 1.
    contracts, observed_from, options
        As of `crmlab.aggregate.person_periods.person_periods`.

    Raises
    ------
    ValueError
        If `cut_offs` is below 0, `outcome_months` below 1, or `contracts` lack a column.
    """
    if cut_offs < 0 or outcome_months < 1:
        raise ValueError(f"`cut_offs` must be at least 0 and `outcome_months` 1, got {cut_offs} and {outcome_months}")
    grid = Grid.ending(as_day(until, "until"))
    facts = facts_at_risk(contract_runs(contracts, grid, options.get("gap_days", 0)), grid, observed_from)
    at = [grid.last - outcome_months * step for step in range(cut_offs, 0, -1)]
    at = [index for index in at if facts and index - facts["first"] >= 5]
    panel = person_periods(contracts, until=until, observed_from=observed_from, cut_offs=at, **options)
    covariates = [name for name in panel.rows if name not in ("segment", "trials", "events", *TENURE)]
    asked = options | {"until": until, "covariates": None if not covariates else _own(contracts, covariates)}
    asked.pop("most_rows", None)

    def on(index: int, months: int) -> pd.DataFrame:
        return customers_at_risk(contracts, on=grid.last_day(index), months=months, **asked)

    folds = tuple(
        Fold(
            grid.last_day(index), outcome_months, panel.rows[panel.rows["segment"] <= place], on(index, outcome_months)
        )
        for place, index in enumerate(at)
    )
    return HazardData(panel, on(grid.last, 0), on(grid.last - 1, 1), folds)


def person_periods(
    contracts,
    *,
    until: date | str,
    observed_from: date | str | None = None,
    covariates: Sequence[str] | None = None,
    transactions=None,
    interactions=None,
    surveys=None,
    payments=None,
    complaint_kinds: Sequence[str] = (),
    gap_days: int = 0,
    most_rows: int = 300_000,
    cut_offs: Sequence[int] = (),
) -> PersonPeriods:
    """The panel of all periods up to a date.

    Parameters
    ----------
    contracts
        Frame with `customer_id`, `start`, and `end` and covariates where there are any.
    until
        Last day of the last period.
    observed_from
        The first day from which contracts that ended are in the table; all that ever ran where it is None.
    covariates
        Columns of `contracts`; by default numbers, and texts of at most 30 levels, but for `renewals`, which only
        those get who stay.
    transactions, interactions, surveys, payments, complaint_kinds
        Tables from which covariates of each period are made, where they are given, and the kinds of case that are
        complaints: see `crmlab.aggregate.period_covariates`.
    gap_days, most_rows
        Days without a contract that end no relationship, and person-periods above which numbers are put into bins.
    cut_offs
        Numbers of periods after which a new segment begins.
    """
    grid = Grid.ending(as_day(until, "until"))
    runs = contract_runs(contracts, grid, gap_days)
    tables = {"transactions": transactions, "interactions": interactions, "surveys": surveys, "payments": payments}
    columns = kinds_of(contracts, covariates)
    facts = facts_at_risk(runs, grid, observed_from)
    if not facts:
        names = [*columns, *TENURE, "segment", "trials", "events"]
        rows, there = tidy(pd.DataFrame(columns=names), columns), len(collected(runs.select("began")))
        return PersonPeriods(rows, 0, 0, None, 0, there, grid.first_day(grid.last), grid.last_day(grid.last))
    indices = range(facts["first"], grid.last + 1)
    panel, columns = panel_of_periods(contracts, runs, indices, grid, columns, tables, complaint_kinds)
    segment = sum(((nw.col("period") > index).cast(nw.Int64) for index in cut_offs), nw.lit(0))
    panel, bins = panel.with_columns(segment.alias("segment")), None
    if facts["person_periods"] <= most_rows:
        rows = exact_rows(panel, columns)
    else:
        sample = tidy(collected(_thinned(panel, facts, grid)), columns)
        for bins, cuts in affordable_cuts(sample, columns, most_rows):  # noqa: B007 - the last is what is used
            rows = binned_rows(panel, columns, cuts)
            if len(rows) <= 1.5 * most_rows:
                break
    # in the order of the contracts' columns, whatever the engine sent: later ones give way to earlier
    rows = tidy(rows, columns)[[*columns, *TENURE, "segment", "trials", "events"]]
    rows = rows.sort_values(["segment", *TENURE, *columns], ignore_index=True)
    counts: dict[str, Any] = {name: facts[name] for name in ("person_periods", "contracts", "never_at_risk")}
    days: dict[str, Any] = {"first_day": grid.first_day(facts["first"]), "last_day": grid.last_day(grid.last)}
    return PersonPeriods(rows, events=int(rows["events"].sum()), bins=bins, **counts, **days)


def customers_at_risk(
    contracts,
    *,
    on: date | str,
    until: date | str | None = None,
    months: int = 0,
    covariates: Sequence[str] | None = None,
    transactions=None,
    interactions=None,
    surveys=None,
    payments=None,
    complaint_kinds: Sequence[str] = (),
    gap_days: int = 0,
) -> pd.DataFrame:
    """Who was at risk on the day after `on`, with what was known at its end; one row per customer.

    Parameters
    ----------
    until
        Last day that is known, `on` by default.
    months
        Periods after `on` within which leaving counts: with any, the frame has the column `left`.
    contracts, covariates, transactions, interactions, surveys, payments, complaint_kinds, gap_days
        As of `crmlab.aggregate.person_periods.person_periods`.

    Raises
    ------
    ValueError
        If `until` lies less than `months` after `on`, or `contracts` lack a column.
    """
    day = as_day(on, "on")
    known = day if until is None else as_day(until, "until")
    grid = Grid.ending(known)
    index = grid.index(day)
    if index + months > grid.last:
        raise ValueError(f"`until` must lie {months} months after `on` {day:%Y-%m-%d}, got {known:%Y-%m-%d}")
    tables = {"transactions": transactions, "interactions": interactions, "surveys": surveys, "payments": payments}
    runs = contract_runs(contracts, grid, gap_days)
    columns = kinds_of(contracts, covariates)
    panel, columns = panel_of_periods(
        contracts, runs, range(index + 1, index + 2), grid, columns, tables, complaint_kinds
    )
    left = (nw.col("ends") <= index + months).cast(nw.Int64).alias("left")
    found = collected(panel.select("customer_id", *columns, TENURE[0], *([left] if months else [])))
    found = with_log_tenure(found)[["customer_id", *columns, *TENURE, *(["left"] if months else [])]]
    return tidy(found, columns).sort_values("customer_id", ignore_index=True)


def contract_spells(
    contracts, *, until: date | str, observed_from: date | str | None = None, covariates=None, gap_days: int = 0
) -> pd.DataFrame:
    """One row per customer and unbroken run of contracts: `months` until it ended or `until`, `entry_months` that had
    passed when it came to be observed, `left` (0 or 1), and covariates as its first contract has them.

    Months are periods, so that many end in the same one; arguments as of
    `crmlab.aggregate.person_periods.person_periods`.
    """
    grid = Grid.ending(as_day(until, "until"))
    columns = kinds_of(contracts, covariates)
    facts = facts_at_risk(contract_runs(contracts, grid, gap_days), grid, observed_from)
    first = facts["first"] if facts else grid.last
    frame = contract_runs(contracts, grid, gap_days).filter(nw.col("before") == nw.col("began"))
    found = tidy(collected(frame.select("customer_id", "began", "ends", "_from", "_reach", *columns)), columns)
    # several may begin in one month; of those on one day the lowest counts, in whatever order the engine sends them
    found = found.sort_values(["customer_id", "began", "_from", "_reach", *columns], ignore_index=True)
    found = found.drop_duplicates(["customer_id", "began"]).drop(columns=["_from", "_reach"])
    found["left"] = (found["ends"] <= grid.last).astype("int64")
    found["months"] = np.minimum(found["ends"], grid.last) - found["began"]
    found["entry_months"] = np.maximum(first - 1 - found["began"], 0.0)
    found = found[found["months"] > found["entry_months"]].drop(columns=["began", "ends"])
    return found.sort_values(["customer_id", "months"], ignore_index=True)


def _thinned(panel: nw.LazyFrame, facts: dict, grid: Grid) -> nw.LazyFrame:
    """About `SAMPLE` person-periods: every so many periods, of the contracts that began in every so many months."""
    step = max(1, -(-facts["person_periods"] // SAMPLE))
    kept = (nw.col("period") * 7 + nw.col("began") * 11) % step == 0
    return panel.filter(kept)


def _own(contracts, covariates: Sequence[str]) -> list[str]:
    schema = nw.from_native(contracts).lazy().collect_schema()
    return [name for name in covariates if name in schema]
