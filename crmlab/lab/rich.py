"""How results show at the end of a cell: the key sentence and the table, with no display code in the metrics.

`crmlab.open` calls `install` where it runs in IPython. A result is a dataclass with `.table()` or `.summary()`,
whatever its module; a table that stands on the engine shows its first rows, an estimate reads as in prose.
"""

import os
from dataclasses import is_dataclass
from html import escape
from typing import Any

from IPython import get_ipython
from IPython.core.formatters import MimeBundleFormatter

from crmlab import language, prose, tables
from crmlab.lab import progress

ROWS = 10  # of a table on the engine


class ResultFormatter(MimeBundleFormatter):
    """Asks an object what it has before it asks for its type: results have no type in common."""

    def lookup(self, obj: Any):
        """What shows an object, as IPython looks it up."""
        return shown if is_result(obj) or is_lazy(obj) else super().lookup(obj)


def install() -> None:
    """Teach the running IPython to show results; nothing where there is none, or it knows already."""
    shell = get_ipython()
    if shell is None or isinstance(shell.display_formatter.mimebundle_formatter, ResultFormatter):
        return
    shell.display_formatter.mimebundle_formatter = ResultFormatter(parent=shell.display_formatter)
    plain = shell.display_formatter.formatters["text/plain"]
    plain.for_type_by_name("crmlab.intervals", "Estimate", lambda found, printer, _cycle: printer.text(str(found)))
    # a run publishes what cells show, and has nobody who waits
    if "CRMLAB_PUBLISH" not in os.environ:
        progress.watch(shell)


def is_result(found: Any) -> bool:
    """Whether it is a result of crmlab, with no display of its own."""
    kind = type(found)
    says = any(callable(getattr(kind, name, None)) for name in ("table", "summary"))
    return is_dataclass(kind) and kind.__module__.startswith("crmlab.") and says


def is_lazy(found: Any) -> bool:
    """Whether it is a table of a client that is not read yet."""
    return (type(found).__module__, type(found).__name__) == ("narwhals.dataframe", "LazyFrame")


def shown(found: Any) -> dict[str, str]:
    """A result's sentence and table, or the first rows of a table on the engine, as plain text and as HTML."""
    if is_lazy(found):
        frame = found.head(ROWS).collect().to_pandas()
        return {"text/plain": repr(frame), "text/html": frame.to_html(index=False)}
    text, html = [], ""
    if hasattr(found, "summary"):
        text.append(found.summary())
        html = prose.as_text(f"<p>{escape(text[0])}</p>")
    if hasattr(found, "table"):
        text.append(repr(found.table()))
        html += tables.of(found, title="", currency=_currency(found))._repr_mimebundle_()["text/html"]
    return {"text/plain": "\n".join(text), "text/html": html}


def _currency(found: Any) -> str:
    """The currency of a result's sums, under whichever name it keeps it; empty where it does not say."""
    units = (getattr(found, name, "") for name in ("currency", "unit"))
    return next((unit for unit in units if isinstance(unit, str) and language.is_currency(unit)), "")
