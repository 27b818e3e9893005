"""`Client`: the one object a notebook talks to. Tables and aggregates come from it, results go through it."""

import json
import os
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd

from crmlab import aggregate, data, findings, inventory, privacy, publication
from crmlab.absence import Absent, attempt
from crmlab.aggregate import AdjacentPeriods, adjacent_periods, payment_summary
from crmlab.contract import TABLES, InputError, suggestion
from crmlab.intervals import Estimate, count
from crmlab.inventory import Period
from crmlab.messages import _, speak
from crmlab.notebook import read_notebook
from crmlab.params import Params, Project, find_project, load_params
from crmlab.quality import Quality

# the tables whose last event is the last date in the data, the first that is supplied first
_CLOCKS = ("transactions", "interactions", "surveys", "contracts", "opportunities", "acquisition_spend")


class Client:
    """The firm whose customer relationships are judged, as of a date; tables are read, and checked, when first used.

    Attributes
    ----------
    id, name
        The stem of its file in `params/`, and its name on the reports.
    language, currency, timezone, targets
        As its file says; targets by the name of the metric.
    """

    def __init__(self, params: Params, project: Project):
        self.params = params
        self.project = project
        self.id = params.id
        self.name = params.client
        self.language = params.language
        self.currency = params.currency
        self.targets = params.targets
        self.timezone = params.timezone
        self._opened: dict[str, tuple[Any, Quality]] = {}

    def __repr__(self):
        return f"<Client {self.id} as of {self.as_of}: {', '.join(self.tables)}>"

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that the client supplies."""
        return tuple(self.params.data)

    @cached_property
    def as_of(self) -> date:
        """The day the analysis looks back from: the client's file gives it, or else the data, by their last event.

        Raises
        ------
        InputError
            If neither does.
        """
        if self.params.as_of:
            return self.params.as_of
        clock = next((table for table in _CLOCKS if table in self.tables), None)
        if clock is None:
            raise InputError(
                f"{self.params.file}: as_of: latest needs one of {', '.join(_CLOCKS)}; give a date instead"
            )
        event = TABLES[clock].event
        return aggregate.event_days(self._open(clock)[0], event).last.date()

    def table(self, name: str) -> nw.LazyFrame:
        """The accepted rows of the table `name` up to the as-of date, on the engine; `.collect()` brings them back.

        Raises
        ------
        InputError
            If the client has no such table, or it breaks the contract.
        """
        rows = nw.from_native(self._open(name)[0]).drop(self.params.unseen(name), strict=False)
        if name == "surveys" and "customer_id" not in rows.collect_schema():
            # nobody is named, as in rows that leave it empty
            rows = rows.with_columns(customer_id=nw.lit(None, nw.String))
        event = TABLES[name].event
        return rows.filter(nw.col(event) < self._end) if event else rows

    def lazy(self, name: str) -> nw.LazyFrame | Absent:
        """As `table`, for aggregation; an `Absent` where the client supplies no `name`, see `crmlab.absence`."""
        if name not in self.tables:
            return Absent(_("the client supplies no table {name}").format(name=name))
        return self.table(name)

    def optional(self, name: str) -> pd.DataFrame | Absent:
        """As `lazy`, all rows of the table `name` brought back as a frame."""
        return self.lazy(name).collect().to_pandas()

    def quality(self, name: str) -> Quality:
        """What was read of the table `name` and what was kept."""
        return self._open(name)[1]

    def period(self, name: str) -> Period:
        """When the events of the table `name` happened.

        Raises
        ------
        InputError
            If none did up to the as-of date, and as `table`.
        """
        relation, event = self._open(name)[0], TABLES[name].event
        if not event:
            return Period(None, None, 0)
        first, last, later = aggregate.event_days(relation, event, before=self._end)
        if pd.isna(first):
            raise InputError(
                f"{self.params.file}: as_of: no row of {name} is dated up to {self.as_of}; take a later date"
            )
        return Period(first.date(), last.date(), later)

    def names(self) -> set[str]:
        """Names and ids of all customers, as far as the client supplies a table of them; for `crmlab.privacy`."""
        return inventory.names(self._open("customers")[0]) if "customers" in self.tables else set()

    def rows(self, name: str) -> Estimate:
        """How many rows of the table `name` are used."""
        label = _("rows of the table {table} that are used").format(table=name)
        return count(self.quality(name).accepted - self.period(name).later_rows, "rows", label)

    def data_quality(self) -> list[dict]:
        """What was read of each table used so far and what was kept, for `tables.data_quality`."""
        further = {"transactions": lambda: inventory.transaction_remarks(self.table("transactions"), self.as_of)}
        return [
            inventory.table_read(name, quality, self.period(name), self.as_of, further.get(name, list)())
            for name, (_rows, quality) in self._opened.items()
        ]

    def rejected_rows(self) -> list[dict]:
        """The first rows that broke each rule, of the tables used so far, for `tables.rejected_rows`."""
        found = [inventory.rejected_rows(name, quality) for name, (_rows, quality) in self._opened.items()]
        return sum(found, [])

    def customer_summary(self, time_unit: str = "week") -> pd.DataFrame:
        """One row per customer as of the as-of date; see `aggregate.customer_summary`.

        Raises
        ------
        InputError
            If nobody purchased anything, and as `table`.
        """
        found = aggregate.customer_summary(self.table("transactions"), until=self.as_of, time_unit=time_unit)
        if found.empty:
            raise InputError(f"{self.params.file}: transactions holds refunds only up to {self.as_of}, no purchase")
        return found

    def calibration_holdout_summary(self, calibration_end: date | str, time_unit: str = "week") -> pd.DataFrame:
        """One row per customer as of `calibration_end`, with what followed; see `aggregate`."""
        return aggregate.calibration_holdout_summary(
            self.table("transactions"),
            calibration_end=self.calibration_end(str(calibration_end)),
            holdout_end=self.as_of,
            time_unit=time_unit,
        )

    def purchases_after(self, calibration_end: date | str) -> pd.DataFrame:
        """Purchases of each week after `calibration_end`, of the customers there were; see `aggregate`."""
        end = self.calibration_end(str(calibration_end))
        return aggregate.purchases_after(self.table("transactions"), calibration_end=end, holdout_end=self.as_of)

    def adjacent_periods(self, months: int = 12) -> AdjacentPeriods:
        """What each customer brought in the `months` up to the as-of date, and in as many before; see `aggregate`."""
        return adjacent_periods(self.table("transactions"), until=self.as_of, months=months)

    def payment_summary(self, default_days: int = 90) -> pd.DataFrame | Absent:
        """One row per customer with instalments; `default_days` overdue are a default; see `aggregate`."""
        return attempt(payment_summary, self.lazy("payments"), until=self.as_of, default_days=default_days)

    def calibration_end(self, given: str | None) -> date:
        """The day up to which models are fitted: the one `given`, else half-way from the first event to the as-of date.

        Raises
        ------
        ValueError
            If it does not lie between the two.
        """
        first = self.period("transactions").first
        end = date.fromisoformat(given) if given else first + (self.as_of - first) // 2
        if not first < end < self.as_of:
            raise ValueError(f"`calibration_end` must lie between {first} and {self.as_of}, got {end}")
        return end

    def results(self, notebook: str) -> dict | None:
        """What another `notebook` published for this client and date, as its JSON; None if nothing, or if it failed.

        A notebook that reads results names the others in its metadata (`needs`), so that a run makes them first.
        """
        return findings.record(self._reports / self.as_of.isoformat(), notebook)

    def published(self, *notebooks: str) -> dict[str, Estimate]:
        """What these `notebooks` published at the as-of date, by the metric's name; see `results`."""
        return findings.metrics(self._reports / self.as_of.isoformat(), notebooks)

    def customer_columns(self, *notebooks: str) -> pd.DataFrame | Absent:
        """One row per customer with what these `notebooks` handed over for `customers.csv` at the as-of date."""
        return attempt(findings.customers, self._reports / self.as_of.isoformat(), notebooks)

    def parameters(self, notebook: str) -> dict:
        """What another `notebook` takes: the parameters of its cell, over them what the client's file says."""
        cell = read_notebook(self.project.notebooks / f"{notebook}.ipynb").parameters
        known = {each.name: each.default for each in cell}
        return known | self.params.sections.get(notebook, {})

    def reasons(self, *notebooks: str) -> dict[str, str]:
        """Why these `notebooks` say nothing at the as-of date, by name; those that do are left out."""
        return findings.reasons(self._reports / self.as_of.isoformat(), notebooks)

    def history(self, notebook: str) -> list[tuple[date, dict, dict]]:
        """Earlier as-of dates at which a `notebook` was made, oldest first, with its metrics and models."""
        return findings.history(self._reports, notebook, self.as_of)

    @property
    def previous(self) -> dict[str, dict]:
        """What the same report published at the date before, by the metric's name; under a run alone."""
        path = os.environ.get("CRMLAB_PREVIOUS")
        return json.loads(Path(path).read_text(encoding="utf-8"))["metrics"] if path else {}

    def publish(
        self,
        *,
        metrics: dict[str, Estimate] | None = None,
        models: dict[str, dict] | None = None,
        customers: Iterable[pd.DataFrame | Absent] = (),
        alerts: Iterable[pd.DataFrame | Absent] = (),
    ) -> None:
        """Hand over the results of a notebook. Under a run they are written beside the report; else nothing is.

        Parameters
        ----------
        metrics, models
            By the names that others read, such as `clv_total`: estimates, of which absent ones are left out, and of
            each model `{"params": {...}, "log_likelihood": ..., "n": ...}`.
        customers, alerts
            Frames with one row per `customer_id`, what the client's own CRM should know of each, and frames with one
            row per alert, as `publication.write` takes both; for `customers.csv` and `alerts.csv`, never for the page.
        """
        if target := os.environ.get("CRMLAB_PUBLISH"):
            publication.write(
                Path(target),
                metrics=metrics or {},
                models=models or {},
                customers=customers,
                alerts=alerts,
                as_of=self.as_of,
                currency=self.currency,
                data={name: quality.to_dict() for name, (_rows, quality) in self._opened.items()},
                period=self._data_period(),
            )

    def _data_period(self) -> list[str] | None:
        """First and last event of the table that sets the clock, of those that were read."""
        clock = next((name for name in _CLOCKS if name in self._opened), None)
        return [self.period(clock).first.isoformat(), self.period(clock).last.isoformat()] if clock else None

    @property
    def _reports(self) -> Path:
        return Path(os.environ.get("CRMLAB_REPORTS") or self.project.root / "reports") / self.id

    @property
    def _end(self) -> datetime:
        return datetime.combine(self.as_of + timedelta(days=1), time())

    @cached_property
    def _engine(self) -> tuple[Any, Any]:
        """What opens tables, and its session: DuckDB here, or Spark, imported for those alone who ask for it."""
        engine = import_module("crmlab.spark") if self.params.engine == "spark" else data
        return engine, engine.connect()

    def _open(self, name: str) -> tuple[Any, Quality]:
        if name not in self.tables:
            known = suggestion(name, TABLES) if name not in TABLES else f"; add data.{name} to {self.params.file}"
            raise InputError(f"{self.id} supplies no table {name}{known}")
        if name not in self._opened:
            engine, session = self._engine
            self._opened[name] = engine.open_table(session, self.params, name, self.project)
        return self._opened[name]


def open_client(client: str, as_of: str | None = None, *, project: Project | None = None) -> Client:
    """What `crmlab.open` does, in a given `project`; the process then speaks its language, and of customers by code."""
    project = project or find_project()
    params = load_params(project, client, as_of=as_of)
    speak(params.language)
    opened = Client(params, project)
    privacy.protect(params.id, project.root, names=opened.names, min_group=params.min_group)
    return opened
