"""The templates of every page: one jinja2 environment that escapes whatever it is given, and the filters they use.

Pages that are no notebook are written here, without what nbconvert would import.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

FOLDER = Path(__file__).parent / "template"
_CHINESE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]+")


@cache
def environment() -> Environment:
    """The one environment of this process: its templates are read once."""
    made = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"prose": _prose, "css_string": _css_string}
    return made


def written(template: str, page: Mapping) -> str:
    """A page that is no notebook, from one of the templates."""
    return environment().get_template(template).render(resources={"page": page})


def _prose(text: str) -> Markup:
    """Text as the page sets it: escaped, `n = 12` kept on one line, Chinese marked as such so that its fonts serve."""
    kept = re.sub(r"\bn = (?=\d)", "n\u00a0=\u00a0", str(escape(text)))
    return Markup(_CHINESE.sub(r'<span lang="zh-CN">\g<0></span>', kept))


def _css_string(text: str) -> str:
    return re.sub(r"[^\w ·.,:-]", lambda found: f"\\{ord(found[0]):x} ", text)
