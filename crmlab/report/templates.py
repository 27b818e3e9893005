"""The templates of every page: one jinja2 environment that escapes whatever it is given, and the filters they use.

Pages that are no notebook are written here, without what nbconvert would import.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from crmlab import messages

FOLDER = Path(__file__).parent / "template"
_CHINESE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]+")


@cache
def environment() -> Environment:
    """The one environment of this process: its templates are read once."""
    made = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"prose": _prose, "css_string": _css_string, "data_uri": _data_uri}
    made.globals |= {"_": messages._, "ngettext": messages.ngettext, "sentences": messages.sentences}
    return made


@cache
def script(name: str) -> dict[str, str]:
    """A script to stand in a page, and the hash by which the page's policy allows it and nothing else."""
    source = (FOLDER / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    return {"script": Markup(source), "script_hash": f"sha256-{digest}"}


def written(template: str, page: Mapping) -> str:
    """A page that is no notebook, from one of the templates, in the language that is spoken."""
    return environment().get_template(template).render(resources={"page": page})


def _prose(text: str) -> Markup:
    """Text as the page sets it: escaped, `n = 12` kept on one line, Chinese marked as such so that its fonts serve."""
    kept = re.sub(r"\bn = (?=\d)", "n\u00a0=\u00a0", str(escape(text)))
    if messages.spoken() == "zh":
        return Markup(kept)
    return Markup(_CHINESE.sub(r'<span lang="zh-CN">\g<0></span>', kept))


def _data_uri(text: str, mime: str) -> str:
    # the mark by which spreadsheets know UTF-8
    return f"data:{mime};base64,{base64.b64encode(text.encode('utf-8-sig')).decode()}"


def _css_string(text: str) -> str:
    return re.sub(r"[^\w ·.,:-]", lambda found: f"\\{ord(found[0]):x} ", text)


def html_language() -> str:
    """The language that is spoken, as HTML names it."""
    return {"zh": "zh-CN"}.get(messages.spoken(), messages.spoken())
