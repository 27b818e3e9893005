"""What to do with whom: the first strategy whose rule a customer meets, and advice for the client as a whole.

Rules are conditions of `crmlab.expressions`: those of the client, from YAML, are tried before the ones here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language, suppression
from crmlab.diagnosis.levels import KINDS, LEVELS, NAMES, CustomerLevels, word
from crmlab.diagnosis.rules import Rule, rules
from crmlab.groups import hidden_together, withheld
from crmlab.messages import N_, _, ngettext, sentences

# the first that holds is taken, so that who is dissatisfied is not asked for referrals
STRATEGIES = (
    Rule(
        "recover",
        "risk == 'default'",
        N_("Collect what is open; no new credit until it is paid."),
        N_("Credit control"),
        N_("Recover"),
    ),
    Rule(
        "terms_and_limits",
        "risk == 'high'",
        N_("Shorter terms, a limit, and advance payment or a guarantee; reviewed every month."),
        N_("Credit control"),
        N_("Terms and limits"),
    ),
    Rule(
        "dedicated_service",
        "value == 'high' and satisfaction == 'low'",
        N_("A named manager, a service plan with response times, and a talk within two weeks."),
        N_("Account manager"),
        N_("Dedicated service plan"),
    ),
    Rule(
        "retain",
        "value in ['high', 'medium'] and leaving == 'high'",
        N_("A talk before the term ends, with an offer that meets the reason to leave."),
        N_("Account manager"),
        N_("Retain"),
    ),
    Rule(
        "mend",
        "value == 'medium' and satisfaction == 'low'",
        N_("A call within a month: ask what went wrong, mend it, ask again."),
        N_("Customer service"),
        N_("Mend the relationship"),
    ),
    Rule(
        "low_cost_maintenance",
        "value == 'low' and leaving == 'high'",
        N_("Self-service and collective mailings; no visits."),
        N_("Customer service"),
        N_("Low-cost maintenance"),
    ),
    Rule(
        "develop",
        "potential == 'high'",
        N_("A second product or a pilot project; reviewed after half a year."),
        N_("Sales"),
        N_("Develop"),
    ),
    Rule(
        "refer_and_upgrade",
        "value in ['high', 'medium'] and (satisfaction == 'high' or leaving == 'low')",
        N_("Ask for referrals; offer the next grade of product or service."),
        N_("Sales"),
        N_("Refer and upgrade"),
    ),
)
OTHERS = Rule("maintain", "", N_("The usual service; watch for a change."), N_("Customer service"), N_("Maintain"))
_OF_SEGMENTS = ("value", "satisfaction", "risk")
# what a map may be across, beside value
ACROSS = ("satisfaction", "risk", "leaving")
_SUMS = ("existing_value", "clv", "at_stake")


@dataclass(frozen=True, eq=False)
class Segments:
    """Customers by value, satisfaction and risk, as far as these are known.

    Attributes
    ----------
    rows
        One row per segment: its levels, `customers`, `customer_share` (0 to 1), and in currency `existing_value`,
        `clv`, `at_stake`.
    hidden
        Which rows may not be told of.
    """

    formats: ClassVar[dict[str, str]] = {
        "customers": "integer", "customer_share": "share", "existing_value": "money", "clv": "money",
        "at_stake": "money",
    }  # fmt: skip
    labels: ClassVar[dict[str, str]] = {
        **{name: NAMES[name] for name in _OF_SEGMENTS},
        "customer_share": N_("Share of customers"),
        "existing_value": N_("Revenue"),
        "clv": N_("Lifetime value"),
        "at_stake": N_("Value at stake"),
    }

    rows: pd.DataFrame
    hidden: np.ndarray

    def table(self) -> pd.DataFrame:
        """One row per segment, the one with most at stake first; levels in the language that is spoken."""
        named = {name: [word(name, level) for level in self.rows[name]] for name in _OF_SEGMENTS if name in self.rows}
        return suppression.without_figures(self.rows.assign(**named).dropna(axis=1, how="all"), self.hidden)


@dataclass(frozen=True, eq=False)
class Strategies:
    """Customers by strategy.

    Attributes
    ----------
    customers
        The customers of `CustomerLevels`, with the code of their `strategy`.
    rows
        One row per strategy that is anybody's, the one with most at stake first: `strategy`, `title`, `action`,
        `owner` (in English, or as the client wrote them), `customers`, `customer_share`, `existing_value`, `clv`,
        `at_stake` (empty where it is not known).
    by_level
        By value, satisfaction and risk, as far as these are known.
    unit
        Currency of the amounts.
    """

    formats: ClassVar[dict[str, str]] = dict.fromkeys(("existing_value", "clv", "at_stake"), "money") | {
        "customers": "integer",
        "customer_share": "share",
    }
    labels: ClassVar[dict[str, str]] = Segments.labels | {
        "title": N_("Strategy"),
        "action": N_("What is done"),
        "owner": N_("Who does it"),
    }

    customers: pd.DataFrame
    rows: pd.DataFrame
    by_level: pd.DataFrame
    unit: str = ""

    @property
    def segments(self) -> Segments:
        """The customers by value, satisfaction and risk."""
        names = tuple(name for name in _OF_SEGMENTS if name in self.by_level)
        return Segments(self.by_level, self._hidden_of(names, self.by_level))

    @cached_property
    def _hidden(self) -> dict[tuple[str, ...], pd.Series]:
        """By the columns that make the groups of a table or a map: which may not be told of, for all of them."""
        maps: list[tuple[str, ...]] = [("value", name) for name in ACROSS if self.customers[name].notna().any()]
        segments = tuple(name for name in _OF_SEGMENTS if name in self.by_level)
        # the levels have a table of their own, which knows nothing of strategies; the other maps are seldom drawn
        tables = [*((name,) for name in LEVELS), *maps[:1], ("strategy",), segments, *maps[1:]]
        tables = [*dict.fromkeys(tables)]
        return dict(zip(tables, hidden_together(self.customers, tables), strict=True))

    def _hidden_of(self, names: tuple[str, ...], rows: pd.DataFrame) -> np.ndarray:
        hidden = self._hidden[names]
        keys = rows[[*names]].astype(object).fillna("").itertuples(index=False, name=None)
        return np.array([hidden[key if len(names) > 1 else key[0]] for key in keys], dtype=bool)

    @property
    def hidden(self) -> np.ndarray:
        """Of `rows`: which may not be told of."""
        return self._hidden_of(("strategy",), self.rows)

    def hidden_cells(self, across: str) -> np.ndarray:
        """Of `matrix`: which cells may not be told of."""
        cells = self.matrix(across)
        hidden = self._hidden.get(("value", across), {})
        return np.array([[bool(hidden.get((one, two))) for two in cells.columns] for one in cells.index])

    def table(self) -> pd.DataFrame:
        """One row per strategy, in the language that is spoken."""
        words = {name: self.rows[name].map(_) for name in ("title", "action", "owner")}
        shown = self.rows.assign(**words).drop(columns="strategy").dropna(axis=1, how="all")
        return suppression.without_figures(shown, self.hidden)

    def customer_list(self) -> pd.DataFrame:
        """For customers.csv: levels and strategy in English, what is done in the language that is spoken."""
        actions = {row.strategy: _(row.action) for row in self.rows.itertuples()}
        names = ("value", "satisfaction", "leaving")
        listed = self.customers[["customer_id", *names, "strategy"]].rename(columns={n: f"{n}_level" for n in names})
        return listed.assign(strategy_action=self.customers["strategy"].map(actions))

    def matrix(self, across: str = "satisfaction", measure: str = "customers") -> pd.DataFrame:
        """Levels of value as rows, highest first, those of `across` as columns, "" where one is not known.

        Parameters
        ----------
        across
            `satisfaction`, `risk` or `leaving`.
        measure
            What is summed: `customers` (a number), `worth` or `at_stake` (money).

        Raises
        ------
        ValueError
            If `measure` is none of these.
        """
        if measure not in ("customers", "worth", "at_stake"):
            raise ValueError(f"`measure` must be one of customers, worth, at_stake, got {measure!r}")
        frame = self.customers.assign(customers=1.0)[["value", across, "customers", "worth", "at_stake"]]
        frame[["value", across]] = frame[["value", across]].fillna("")
        found = frame.pivot_table(index="value", columns=across, values=measure, aggfunc="sum", observed=True)
        places = [
            [level for level in (*LEVELS[name], "") if (frame[name] == level).any()] for name in ("value", across)
        ]
        return found.reindex(index=places[0], columns=places[1]).fillna(0.0)

    def foremost(self) -> int:
        """Place in `rows` of the strategy with most at stake that asks for more than the usual, and may be told of."""
        special = (self.rows["strategy"] != OTHERS.name).to_numpy()
        return int(np.argmax(special + 2 * (special & ~self.hidden)))

    def summary(self) -> str:
        """Over how many strategies the customers are spread, and under which of them most is at stake."""
        rows, n = self.rows, len(self.customers)
        spread = ngettext(
            "The {n} customers are under one strategy.",
            "The {n} customers are under {strategies} strategies.",
            len(rows),
        ).format(n=language.number(n), strategies=language.number(len(rows)))
        first = rows.iloc[self.foremost()]
        if first["strategy"] == OTHERS.name or not first["at_stake"] > 0:
            return spread
        if self.hidden[self.foremost()]:
            return sentences(spread, withheld([_(first.title)]))
        stake = language.quantity(float(first["at_stake"]), self.unit)
        most = ngettext(
            "Most is at stake under “{strategy}”: {amount} with one of them.",
            "Most is at stake under “{strategy}”: {amount} with {n} of them.",
            int(first["customers"]),
        ).format(strategy=_(first.title), amount=stake, n=language.number(int(first["customers"])))
        return sentences(spread, most, _(first.action))


def customer_strategies(
    levels: CustomerLevels, *, own: Sequence[Mapping[str, str]] = (), currency: str = ""
) -> Strategies:
    """Customers by the first strategy whose rule they meet.

    Parameters
    ----------
    own
        The client's strategies, each with `name`, `when`, `action` and perhaps `owner`; tried before `STRATEGIES`.
    levels
        As `levels.customer_levels` gives them.

    Raises
    ------
    ValueError
        If a rule cannot be read, with the nearest known name.
    """
    ordered = [*rules(own, KINDS, what="strategy"), *STRATEGIES]
    frame = levels.customers
    met = [rule.condition(KINDS).holds(frame) for rule in ordered]
    place = np.select(met, range(len(ordered)), len(ordered))
    known = [*ordered, OTHERS]
    taken = frame.assign(strategy=[known[at].name for at in place])
    rows = _sums(taken.assign(place=place), ["place"])
    texts = [[getattr(known[at], name) for at in rows["place"]] for name in ("name", "title", "action", "owner")]
    for at, name in enumerate(("strategy", "title", "action", "owner")):
        rows.insert(at, name, texts[at])
    there = [name for name in _OF_SEGMENTS if frame[name].notna().any()]
    segments = _sums(taken, there) if there else _sums(taken.assign(value=None), ["value"])
    return Strategies(taken, rows.drop(columns="place"), segments, currency)


def _sums(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Customers and amounts by group, most at stake first, then most value, then most customers."""
    groups = frame.groupby(by, dropna=False, sort=True)
    found = groups[list(_SUMS)].sum(min_count=1)
    found.insert(0, "customers", groups.size())
    found.insert(1, "customer_share", found["customers"] / len(frame))
    order = ["at_stake", "clv", "existing_value", "customers"]
    return found.reset_index().sort_values(order, ascending=False, kind="stable", ignore_index=True)
