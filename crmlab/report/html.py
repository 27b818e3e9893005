"""One notebook as one self-contained page: nbconvert with a template of our own, which sets what a notebook shows.

Whatever comes from data is text and stays text; the page runs one script of ours, which its policy knows by its hash,
and makes no request.
"""

import os
import re
import sys
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from crmlab import language
from crmlab.messages import LANGUAGES, _, listed, pgettext, speaking, spoken
from crmlab.report import templates

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
# the folders before a file's name, on any system; "https://" and fractions are none
_FOLDERS = re.compile(r"(?<![\w:/.<])(?:file://)?(?:~|[A-Za-z]:)?(?:[/\\][\w.+@~-]+)*[/\\](?=[\w.<-]+)")


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
        parameters, fingerprint, provenance; data (what was read of each table), period (first and last day of them)
        and previous (day of the last run) where there are any.

    Returns
    -------
    str
        HTML in the language of the client, the same for the same notebook and meta.
    """
    from crmlab.report import pages

    with speaking(meta.get("language", "en")):
        name = f"{meta['client_id']}-{meta['as_of']}-{meta['notebook']}"
        page = pages.read(notebook, meta.get("data") or {}, name=name)
        page = _frame(meta, page) | templates.script("report.js") | page
        return exporter().from_notebook_node(notebook, resources={"page": page})[0]


def render_failed(meta: Mapping, error: Mapping, last_good: str | None = None) -> str:
    """The page of a report that could not be made: what broke, the remedy, the error, the last good report.

    Parameters
    ----------
    error
        ename, evalue, traceback (text or lines), cell (the code that failed, if known).
    last_good
        Link to the last good report.
    """
    with speaking(meta.get("language", "en")):
        return templates.written("failed.html.j2", _frame(meta, {}) | _failure(meta, error, last_good))


def _failure(meta: Mapping, error: Mapping, last_good: str | None) -> dict:
    """What the page of a failed report says, in the language that is spoken; errors stand as they were raised."""
    name, message = str(error.get("ename") or "Error"), without_places(str(error.get("evalue") or "")).strip()
    lines, title = error.get("traceback") or [], meta["title"]
    traceback = without_places(lines if isinstance(lines, str) else "\n".join(lines)).strip()
    if name == "InputError":
        remedy = _("Mend the input named above, then run the report again.")
    elif name == "FitError":
        remedy = _(
            "The data do not carry the model that this analysis rests on. It needs customers who came back: a longer "
            "history, or an earlier calibration_end in the client’s parameters."
        )
    else:
        remedy = _(
            "An error ({name}) stopped the run, so nothing of it is shown. "
            "Pass the error below to the notebook’s author."
        ).format(name=name)
    return {
        "what": _("{title}: failed.").format(title=_(title)),
        "why": message or name,
        "remedy": remedy,
        "cell": str(error.get("cell") or "").strip(),
        "traceback": traceback or f"{name}: {message}",
        "last_good": last_good,
        "dek": "",
    }


def _frame(meta: Mapping, page: Mapping) -> dict:
    """What stands around the report: title block, facts, footer."""
    as_of = language.day(date.fromisoformat(meta["as_of"]))
    facts = [(_("As of"), as_of)]
    if meta.get("period"):
        first, last = (language.day(date.fromisoformat(end)) for end in meta["period"])
        facts.append((_("Data period"), _("{first} to {last}").format(first=first, last=last)))
    if meta.get("previous"):
        facts.append((_("Last run"), language.day(date.fromisoformat(meta["previous"]))))
    if meta.get("currency"):
        facts.append((_("Currency"), language.currency_name(meta["currency"])))
    facts.append((_("Language"), LANGUAGES[spoken()]))
    given = meta.get("title") or page.get("title") or meta["notebook"]
    title = _(given)
    named = {"client": meta["client"], "title": title, "as_of": as_of}
    return {
        "language": templates.html_language(),
        "running": _("{client} · {title} · as of {as_of}").format(**named),
        "page_title": _("{client}: {title}, as of {as_of}").format(**named),
        "kicker": title,
        "heading": meta["client"],
        "home": meta.get("home", "../../index.html"),
        "facts": facts,
        "parameters": [(name, _parameter(value)) for name, value in (meta.get("parameters") or {}).items()],
        "provenance": provenance(meta),
    }


def _parameter(value) -> str:
    if value is None or value in ("", [], {}):
        return pgettext("parameter", "none")
    if isinstance(value, list):
        return listed(value)
    return listed(f"{key}: {entry}" for key, entry in value.items()) if isinstance(value, Mapping) else str(value)


def provenance(meta: Mapping) -> list[tuple[str, str]]:
    """Notebook, day and length of the run, versions, fingerprint, as the footer lists them."""
    given = meta.get("provenance") or {}
    found = [(_("Notebook"), f"{meta['notebook']}.ipynb")]
    run = []
    if given.get("run_on"):
        run.append(language.day(date.fromisoformat(str(given["run_on"])[:10])))
    if given.get("seconds") is not None:
        run.append(_("{number} s").format(number=language.number(given["seconds"], 1)))
    if run:
        found.append((_("Run"), listed(run)))
    if given.get("versions"):
        found.append((_("Versions"), listed(f"{name} {version}" for name, version in given["versions"].items())))
    if given.get("git"):
        found.append((_("Code"), str(given["git"])))
    return [*found, (_("Fingerprint"), str(meta["fingerprint"]))] if meta.get("fingerprint") else found


def without_places(text: str) -> str:
    """A text without terminal colours, and with files named but not where they lie on this machine."""
    text = _ANSI.sub("", text)
    for place in (sys.prefix, str(Path.cwd()), str(Path.home())):  # whose names may hold blanks
        text = text.replace(f"{place}{os.sep}", "") if place != os.sep else text
    return _FOLDERS.sub("", text)
