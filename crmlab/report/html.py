"""One notebook as one self-contained page: nbconvert with a template of our own, which sets what a notebook shows.

Whatever comes from data is text and stays text; the page has no script, makes no request and says so in its policy.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from babel.numbers import get_currency_name

from crmlab import language
from crmlab.report import templates

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
# the folders before a file's name, on any system; "https://" and fractions are none
_FOLDERS = re.compile(r"(?<![\w:/.<])(?:file://)?(?:~|[A-Za-z]:)?(?:[/\\][\w.+@~-]+)*[/\\](?=[\w.<-]+)")
_LANGUAGES = {"en": "English"}


@cache
def exporter() -> "HTMLExporter":
    """nbconvert's HTML exporter with the templates of this package: one in a process, its templates are read once."""
    # takes seconds to import, which pages that are no notebook are spared
    from nbconvert import HTMLExporter

    class PageExporter(HTMLExporter):
        template_name = templates.FOLDER.name

        def from_notebook_node(self, nb, resources=None, **options):
            # HTMLExporter would parse the page and write it anew, to no gain: SVG's `viewBox` comes out in lower case
            return super(HTMLExporter, self).from_notebook_node(nb, resources, **options)

        def _create_environment(self):
            return templates.environment()

    return PageExporter(extra_template_basedirs=[str(templates.FOLDER.parent)])


def render(notebook: "NotebookNode", meta: Mapping) -> str:
    """The page of an executed notebook.

    Parameters
    ----------
    notebook
        As it ran. Its first Markdown cell holds `# Title` and the line on the decision it serves; `## The bottom line`
        becomes the lead, every other `## Topic: question` a section; Definitions, Data, Cautions and References end
        the page.
    meta
        What the run publishes, with client_id and with client as its name: notebook, title, as_of, currency, language,
        parameters, fingerprint, provenance; data (what was read of each table) and previous (day of the last run)
        where there are any.

    Returns
    -------
    str
        HTML, the same for the same notebook and meta.
    """
    from crmlab.report import pages

    page = pages.read(notebook, meta.get("data") or meta.get("tables") or {})
    html, _ = exporter().from_notebook_node(notebook, resources={"page": _frame(meta, page) | page})
    return html


def render_failed(meta: Mapping, error: Mapping, last_good: str | None = None) -> str:
    """The page of a report that could not be made: what broke, the remedy, the error, the last good report.

    Parameters
    ----------
    error
        ename, evalue, traceback (text or lines), cell (the code that failed, if known).
    last_good
        Link to the last good report.
    """
    name, message = str(error.get("ename") or "Error"), _clean(str(error.get("evalue") or "")).strip()
    lines = error.get("traceback") or []
    traceback = _clean(lines if isinstance(lines, str) else "\n".join(lines)).strip()
    if name == "InputError":
        remedy = "Mend the input named above, then run the report again."
    elif name == "FitError":
        remedy = (
            "The data do not carry the model that this analysis rests on. It needs customers who came back: a longer "
            "history, or an earlier calibration_end in the client’s parameters."
        )
    else:
        remedy = f"A {name} stopped the run, so nothing of it is shown. Pass the error below to the notebook’s author."
    context = {
        "what": f"{meta['title']}: failed.",
        "why": message or name,
        "remedy": remedy,
        "cell": str(error.get("cell") or "").strip(),
        "traceback": traceback or f"{name}: {message}",
        "last_good": last_good,
        "dek": "",
    }
    return templates.written("failed.html.j2", _frame(meta, {}) | context)


def _frame(meta: Mapping, page: Mapping) -> dict:
    """What stands around the report: title block, facts, footer."""
    as_of = language.day(date.fromisoformat(meta["as_of"]))
    facts = [("As of", as_of)]
    if meta.get("previous"):
        facts.append(("Previous run", language.day(date.fromisoformat(meta["previous"]))))
    if meta.get("currency"):
        facts.append(("Currency", get_currency_name(meta["currency"], count=2, locale="en_US")))
    facts.append(("Language", _LANGUAGES[meta.get("language", "en")]))
    title = meta.get("title") or page.get("title") or meta["notebook"]
    return {
        "language": meta.get("language", "en"),
        "running": f"{meta['client']} · {title} · as of {as_of}",
        "page_title": f"{meta['client']}: {title}, as of {as_of}",
        "kicker": title,
        "heading": meta["client"],
        "home": meta.get("home", "../../index.html"),
        "facts": facts,
        "parameters": [(name, _parameter(value)) for name, value in (meta.get("parameters") or {}).items()],
        "provenance": provenance(meta),
    }


def _parameter(value) -> str:
    if value is None:
        return "none"
    return ", ".join(f"{key}: {entry}" for key, entry in value.items()) if isinstance(value, Mapping) else str(value)


def provenance(meta: Mapping) -> list[tuple[str, str]]:
    """Notebook, day and length of the run, versions, fingerprint, as the footer lists them."""
    given = meta.get("provenance") or {}
    found = [("Notebook", f"{meta['notebook']}.ipynb")]
    run = []
    if given.get("run_on"):
        run.append(language.day(date.fromisoformat(str(given["run_on"])[:10])))
    if given.get("seconds") is not None:
        run.append(f"{language.number(given['seconds'], 1)} s")
    if run:
        found.append(("Run", ", ".join(run)))
    if given.get("versions"):
        found.append(("Versions", ", ".join(f"{name} {version}" for name, version in given["versions"].items())))
    if given.get("git"):
        found.append(("Code", str(given["git"])))
    return [*found, ("Fingerprint", str(meta["fingerprint"]))] if meta.get("fingerprint") else found


def _clean(text: str) -> str:
    """Without terminal colours, and with files named but not where they lie on this machine."""
    return _FOLDERS.sub("", _ANSI.sub("", text))
