"""What `data.<table>` of a client's file may say: where a table comes from, and how it becomes that of the contract.

data:
  transactions:
    source: data/acme/orders-*.xlsx   # .csv .csv.gz .parquet .xlsx .sqlite, a pattern of files, or ${NAME}: the
                                      # URL of a database, which stands in the environment and in no file
    query: SELECT * FROM orders       # of a database or SQLite file: what is read
    sheet: Orders                     # of a workbook with several sheets
    header: 3                         # the row that names the columns, if not the first (CSV, workbooks)
    delimiter: "|"                    # of CSV, if not one of , ; tab |
    encoding: gb18030                 # of CSV, if neither UTF-8 nor marked as UTF-16
    dates: dmy                        # dmy, mdy, ymd (20240305), excel (day counts), or a form such as %d-%b-%y;
                                      # by column: {date: dmy}
    decimal: ","                      # what stands before the cents, where `1,234` or `1.234` leaves it open
    columns:                          # by the contract's name, where the file's differs
      customer_id: Account No         # called so there
      amount: {formula: quantity * `unit price`}     # computed from the file's columns, in the file's units
      kind: {from: Type, values: {R: refund, n/a: }} # called so there, its values translated; nothing is empty
      channel: {value: web}           # the same in every row
    join: {source: data/acme/heads.csv, on: order_id}    # further columns, of the row there with the same order_id;
                                      # sheet, delimiter, ... as above; a list of such joins one after the other
    keep: status != 'cancelled'       # other rows are left out, and counted apart from wrong ones
    convert:                          # amounts of other currencies into the client's
      from: Currency                  # the column that names each row's; or `currency: EUR`, that of all
      rates: data/acme/rates.csv      # columns currency, rate (in the client's, of one unit), date (since when,
                                      # optional); or a form like this one, with source and columns
      date: date                      # the row's date that the rate is of; the table's first unless stated
      columns: [amount, cost]         # all amounts unless stated
    personal: [contact]               # columns that say who somebody is: no notebook sees them, unless `show:` at the
                                      # top of the file has them; names of customers are personal at any rate
"""

import codecs
import re
from typing import Annotated, Any, Literal

from babel.numbers import is_currency
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from crmlab.reading.dates import ORDERS

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True, populate_by_name=False)
# of strptime: those that stand for one thing in every language and time zone
_DIRECTIVES = re.compile(r"(%[-]?[dmYybBHIMSpfjA a])|%")
_LONGEST = 1_000_000
Text = Annotated[str, Field(min_length=1)]


def _encoding(name: str) -> str:
    try:
        # GB18030 holds all of GBK and GB2312, which people say for it
        return "gb18030" if codecs.lookup(name).name in ("gb2312", "gbk") else codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise ValueError("must be an encoding such as gb18030, utf-16 or latin-1") from error


def _date_form(form: str) -> str:
    if form in ORDERS:
        return form
    if "%" not in form or any(found[0] == "%" for found in _DIRECTIVES.finditer(form)):
        raise ValueError(f"must be one of {', '.join(ORDERS)}, or a form such as %d-%b-%y")
    return form


def _delimiter(sign: str) -> str:
    if len(sign.encode()) > 4 or set(sign) & set('"\r\n'):
        raise ValueError("must be a sign or a few, no quotation mark and no end of a line")
    return sign


def currency_code(code: str) -> str:
    """The code as it is, if it is one of ISO 4217.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not is_currency(code):
        raise ValueError("must be an ISO 4217 code such as USD or CNY")
    return code


def as_text(value: Any) -> Any:
    """A single value of YAML as the text that a file would hold; nothing as empty."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, int | float):
        return "" if value is None else str(value)
    return value


def _from_name(given: Any) -> Any:
    return {"from": given} if isinstance(given, str) else given


def _from_source(given: Any) -> Any:
    return {"source": given} if isinstance(given, str) else given


def _texts(given: Any) -> Any:
    return {as_text(key): as_text(value) for key, value in given.items()} if isinstance(given, dict) else given


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, dict) else given


def _by_column(given: Any) -> Any:
    return {"": given} if isinstance(given, str) else given


class ColumnForm(BaseModel):
    """Where a column comes from: a column `from` the file (with `values` translated), a `value` or a `formula`.

    In the code, `name` stands for YAML's `from`.
    """

    model_config = STRICT
    name: Text | None = Field(None, alias="from")
    values: Annotated[dict[str, str], BeforeValidator(_texts)] = {}
    value: Annotated[str, BeforeValidator(as_text)] | None = None
    formula: Text | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> "ColumnForm":
        stated = [origin for origin in (self.name, self.value, self.formula) if origin is not None]
        if len(stated) != 1:
            raise ValueError("must have one of from, value and formula")
        if self.values and self.name is None:
            raise ValueError("must have values with from alone")
        return self


class ConversionForm(BaseModel):
    """How amounts become the client's currency, by `rates`: that of each row `from` a column, or one `currency`.

    In the code, `name` stands for YAML's `from`.
    """

    model_config = STRICT
    name: Text | None = Field(None, alias="from")
    currency: Annotated[str, AfterValidator(currency_code)] | None = None
    rates: Annotated["SourceForm", BeforeValidator(_from_source)]
    date: str | None = None
    columns: list[str] | None = None

    @model_validator(mode="after")
    def _one_currency(self) -> "ConversionForm":
        if (self.name is None) == (self.currency is None):
            raise ValueError("must have one of from (the column that names the currency) and currency (a code)")
        return self


class FileForm(BaseModel):
    """A file or query, and how it is opened."""

    model_config = STRICT
    source: Text
    query: Annotated[str, Field(min_length=1, pattern=r"\S")] | None = None
    sheet: Text | None = None
    header: Annotated[int, Field(ge=1, le=_LONGEST)] = 1
    delimiter: Annotated[str, Field(min_length=1), AfterValidator(_delimiter)] | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] | None = None


class JoinForm(FileForm):
    """A file with further columns, and the column `on` by which its rows are found."""

    on: Text


class SourceForm(FileForm):
    """Where a table comes from, and what its columns are called there."""

    dates: Annotated[dict[str, Annotated[str, AfterValidator(_date_form)]], BeforeValidator(_by_column)] = {}
    decimal: Literal[".", ","] | None = None
    columns: dict[str, Annotated[ColumnForm, BeforeValidator(_from_name)]] = {}
    join: Annotated[list[JoinForm], BeforeValidator(_as_list)] = []
    keep: Text | None = None
    convert: ConversionForm | None = None
    personal: list[Text] = []

    def called(self, column: str) -> str:
        """What a column of the contract is called there, if it is there as it stands."""
        return self.columns[column].name or column if column in self.columns else column


ConversionForm.model_rebuild()
