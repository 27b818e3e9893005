"""The tables a client may supply: their columns, types and rules.

Every check that `crmlab.data` makes, and every page of documentation about input, is derived from `TABLES`.
A row that breaks a rule stated here is rejected: counted, shown with its row number and reason, and left out.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from crmlab.messages import N_

Kind = Literal["id", "text", "date", "number", "integer", "boolean", "choice"]

# Years outside are slips of the pen: 0024, 9999.
FIRST_YEAR, LAST_YEAR = 1900, 2199


class InputError(Exception):
    """What a user supplied is wrong; the message names the place, the rule and the remedy.

    Attributes
    ----------
    detail
        The message with the value that is wrong, for the terminal of whoever has the file: the message itself stands in
        pages too, and a value in the wrong column may be a name.
    """

    def __init__(self, message: str, detail: str = ""):
        super().__init__(message)
        self.detail = detail or message


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    kind
        `id` and `text` are text, trimmed; `date` is a date or a timestamp; `number` is finite.
    required
        The column must be there, and no row may leave it empty.
    low, high
        Inclusive bounds of a number.
    choices
        The values a `choice` may take, compared without regard to case.
    units
        What may stand behind a number without changing it, such as `分`; anything else makes it no number.
    personal
        Says who somebody is: no notebook sees it unless the client's file has it under `show`.
    """

    name: str
    kind: Kind
    help: str
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    personal: bool = False


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes
    ----------
    unique
        Columns that together identify a row; a later row with the same values is rejected.
    ordered
        Pairs of dates of which the second may not precede the first.
    any_columns
        Further columns are kept, as covariates.
    event
        The date on which a row comes to be known; rows after the as-of date are not used.
    """

    name: str
    help: str
    columns: tuple[Column, ...]
    unique: tuple[str, ...] = ()
    ordered: tuple[tuple[str, str], ...] = ()
    any_columns: bool = False
    event: str = ""

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises
        ------
        ValueError
            If the table has none.
        """
        columns = {column.name: column for column in self.columns}
        if name not in columns:
            raise ValueError(f"`name` must be a column of {self.name}, got {name!r}{suggestion(name, columns)}")
        return columns[name]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there, and filled in every row."""
        return tuple(column.name for column in self.columns if column.required)


CUSTOMER = Column("customer_id", "id", N_("identifies the customer"), required=True)
PROJECT = Column("project_id", "id", N_("the financed project it belongs to"))
POINTS = ("分", "points", "point", "pts")

_TABLES = (
    Table(
        "customers",
        N_("one row per customer"),
        (
            CUSTOMER,
            Column("name", "text", N_("name of the customer"), personal=True),
            Column("industry", "text", N_("industry the customer works in")),
            Column("region", "text", N_("region the customer sits in")),
            Column("segment", "text", N_("the client's own segment")),
            Column("channel", "text", N_("channel that won the customer")),
            Column("acquired_on", "date", N_("day the customer was won")),
            Column("credit_rating", "text", N_("rating at the last review, best first in alphabet")),
            Column("registered_capital", "number", N_("registered capital, in the client's currency"), low=0),
            Column("risk_tolerance", "text", N_("risk appetite as stated by the customer")),
        ),
        unique=("customer_id",),
    ),
    Table(
        "transactions",
        N_("one row per purchase, invoice or refund"),
        (
            CUSTOMER,
            Column("date", "date", N_("day of the transaction"), required=True),
            Column(
                "amount", "number", N_("amount, in the client's currency; a negative amount is a refund"), required=True
            ),
            Column("margin", "number", N_("amount less its cost, in the client's currency")),
            Column("cost", "number", N_("cost of what was sold, in the client's currency")),
            Column("order_id", "id", N_("order the row belongs to")),
            Column("product", "text", N_("what was sold")),
            PROJECT,
        ),
        event="date",
    ),
    Table(
        "contracts",
        N_("one row per contract; further columns are covariates"),
        (
            CUSTOMER,
            Column("start", "date", N_("first day of the contract"), required=True),
            Column("end", "date", N_("last day of the contract; empty while it runs")),
            Column("value", "number", N_("value of the contract, in the client's currency"), low=0),
            Column("renewals", "integer", N_("times the contract was renewed"), low=0),
        ),
        ordered=(("start", "end"),),
        any_columns=True,
        event="start",
    ),
    Table(
        "surveys",
        N_("one row per invitation, with the answer to it where there is one, or per answer that nobody asked for"),
        (
            Column("date", "date", N_("day of the answer, or of the invitation"), required=True),
            Column("customer_id", "id", N_("identifies the customer; empty if anonymous")),
            Column(
                "nps",
                "integer",
                N_("likelihood to recommend, 0 to 10; empty if not answered"),
                low=0,
                high=10,
                units=POINTS,
            ),
            Column("csat", "number", N_("satisfaction, on the scale that the client states"), low=0, units=POINTS),
            Column("touchpoint", "text", N_("what the survey asks about")),
            Column("comment", "text", N_("the answer in the customer's words")),
            Column("invited", "boolean", N_("whether the customer was invited to answer; empty counts as yes")),
        ),
        event="date",
    ),
    Table(
        "interactions",
        N_("one row per service case"),
        (
            CUSTOMER,
            Column("opened_at", "date", N_("when the case was opened"), required=True),
            Column("first_response_at", "date", N_("when somebody first answered")),
            Column("resolved_at", "date", N_("when the case was resolved; empty while it is open")),
            Column("kind", "text", N_("kind of case")),
            Column("channel", "text", N_("channel it came through")),
            Column("reopened", "boolean", N_("whether the case was opened again")),
            Column("comment", "text", N_("note on the case")),
        ),
        ordered=(("opened_at", "first_response_at"), ("opened_at", "resolved_at")),
        event="opened_at",
    ),
    Table(
        "payments",
        N_("one row per instalment due"),
        (
            CUSTOMER,
            Column("due_on", "date", N_("day the payment is due"), required=True),
            Column("amount", "number", N_("amount due, in the client's currency"), required=True, low=0),
            Column("paid_on", "date", N_("day it was paid; empty while it is open")),
            Column("paid_amount", "number", N_("amount paid, in the client's currency"), low=0),
            Column("milestone", "text", N_("project milestone that the payment hangs on")),
            PROJECT,
        ),
    ),
    Table(
        "opportunities",
        N_("one row per sales opportunity"),
        (
            CUSTOMER,
            Column("opened_on", "date", N_("day the opportunity was opened"), required=True),
            Column("closed_on", "date", N_("day it was won or lost; empty while it is open")),
            Column("outcome", "choice", N_("how it ended; empty while it is open"), choices=("won", "lost", "open")),
            Column("amount", "number", N_("expected amount, in the client's currency"), low=0),
            PROJECT,
            Column("project_outcome", "text", N_("how the project ended")),
        ),
        ordered=(("opened_on", "closed_on"),),
        event="opened_on",
    ),
    Table(
        "acquisition_spend",
        N_("one row per period and channel"),
        (
            Column("date", "date", N_("first day of the period"), required=True),
            Column(
                "amount", "number", N_("spent on winning customers, in the client's currency"), required=True, low=0
            ),
            Column("channel", "text", N_("channel it was spent on")),
            Column("new_customers", "integer", N_("customers won with it"), low=0),
        ),
        event="date",
    ),
    Table(
        "crm_cashflows",
        N_("one row per cash flow of the CRM programme"),
        (
            Column("date", "date", N_("day of the cash flow"), required=True),
            Column("kind", "choice", N_("what it is"), required=True, choices=("cost", "benefit")),
            Column("category", "text", N_("what it is for"), required=True),
            Column("amount", "number", N_("amount, in the client's currency"), required=True, low=0),
            Column("scenario", "text", N_("actual, or the name of a plan")),
        ),
    ),
    Table(
        "exposure",
        N_("who was touched by the CRM programme: a test, a rollout or a campaign"),
        (
            CUSTOMER,
            Column("treated", "boolean", N_("whether the programme reached the customer"), required=True),
            Column("from_date", "date", N_("first day it did")),
            Column("cost", "number", N_("cost of reaching the customer, in the client's currency"), low=0),
        ),
        unique=("customer_id",),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}


def suggestion(name: str, known) -> str:
    """End of an error message: the nearest known name, or all of them if none is near.

    Examples
    --------
    >>> suggestion("horizon_month", ["horizon_months", "margin"])
    '; did you mean horizon_months?'
    """
    names = [str(entry) for entry in known]
    near = get_close_matches(str(name), names, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known: {', '.join(sorted(names))}" if names else ""
