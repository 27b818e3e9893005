"""matplotlib's SVG made fit for a page: it takes on the page's fonts and colours, light or dark, and has a label."""

import hashlib
import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape

LIGHT = {
    "#fcfdfd": "paper", "#f0f4f4": "panel", "#13211f": "ink", "#526160": "muted", "#83918f": "line", "#d5dedc": "rule",
    "#00694f": "good", "#b0790c": "warn", "#a11d17": "bad",
    "#015e7c": "c1", "#cb390c": "c2", "#bb893e": "c3", "#551465": "c4",
    "#5b96c8": "c5", "#447c51": "c6", "#d9668e": "c7", "#424242": "c8",
    "#e8f2f6": "q1", "#c1dfea": "q2", "#92c7db": "q3", "#60aac3": "q4",
    "#207a94": "q5", "#045c72": "q6", "#003c4c": "q7",
    "#9d3013": "d1", "#d96e47": "d2", "#f4c5b1": "d3", "#eaeeee": "d4",
    "#abd6e5": "d5", "#4195b0": "d6", "#02566c": "d7",
}  # fmt: skip
TOKENS = {name: colour for colour, name in LIGHT.items()}
_SVG = "http://www.w3.org/2000/svg"
_HREF = "{http://www.w3.org/1999/xlink}href"
# page styles give the family, and these are SVG's own defaults
_DROPPED = {"font-family": None, "font-size": "13px", "stroke-width": "1", "stroke-linejoin": "miter", "opacity": "1"}


def titled(drawn: str, title: str, width: int, height: int) -> str:
    """A drawing on paper with its finding above it, for JupyterLab, which may be dark."""
    inner = re.sub(r' (width|height)="[\d.]+pt"', "", drawn[drawn.index("<svg") + len("<svg") :])
    paper, ink, above = TOKENS["paper"], TOKENS["ink"], 36
    return (
        f'<svg xmlns="{_SVG}" width="{width}pt" height="{height + above}pt" viewBox="0 0 {width} {height + above}">'
        f'<rect width="100%" height="100%" fill="{paper}"/><text x="4" y="24" fill="{ink}" font-size="17" '
        f'font-weight="bold" font-family="Noto Sans, Segoe UI, sans-serif">{escape(title)}</text>'
        f'<svg y="{above}" width="{width}" height="{height}"{inner}</svg>'
    )


def page_svg(drawn: str, *, kind: str, label: str) -> str:
    """The SVG to stand in a page.

    Parameters
    ----------
    drawn
        What matplotlib saved, at 72 dpi and with `svg.fonttype` "none".
    kind
        `wide` or `narrow`, the class by which the page's style shows one of the two.
    label
        What the figure shows, for those who cannot see it; says the finding's numbers.

    Raises
    ------
    ValueError
        For a colour that is no token of the house style: it could not follow the page into the dark.
    """
    root = ElementTree.fromstring(drawn)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}metadata" or (child.tag == f"{{{_SVG}}}style"):
                parent.remove(child)
    prefix = f"f{hashlib.sha256(f'{kind}{drawn}'.encode()).hexdigest()[:8]}"
    used = set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", ElementTree.tostring(root, encoding="unicode")))
    for element in root.iter():
        _clean(element, used, prefix)
    _unwrap(root)
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"class": kind, "viewBox": box, "role": "img", "aria-label": label})
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        if _HREF in element.attrib:
            element.attrib["href"] = element.attrib.pop(_HREF)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _clean(element, used: set[str], prefix: str) -> None:
    if element.text and not element.text.strip():
        element.text = None
    element.tail = None
    attributes = element.attrib
    identity = attributes.pop("id", None)
    if identity in used:
        attributes["id"] = prefix + identity
    for name, value in list(attributes.items()):
        if name == _HREF:
            attributes[name] = f"#{prefix}{value[1:]}"
        elif name in ("d", "transform", "x", "y", "width", "height"):
            attributes[name] = _rounded(value)
        elif name in ("clip-path", "fill", "stroke"):
            attributes[name] = _coloured(value.replace("url(#", f"url(#{prefix}"))
    if attributes.get("transform", "").startswith("rotate(0 "):
        del attributes["transform"]
    if "style" in attributes:
        style = _style(attributes.pop("style"))
        if style:
            attributes["style"] = style


def _style(text: str) -> str:
    pairs = [pair.split(":", 1) for pair in text.split(";") if ":" in pair]
    kept = []
    for name, value in ((name.strip(), value.strip()) for name, value in pairs):
        if name in _DROPPED and _DROPPED[name] in (None, value):
            continue
        if name == "font":  # the shorthand names a family: keep its weight and size alone
            weight, size = re.search(r"\b(bold|[1-9]00)\b", value), re.search(r"([\d.]+)px", value)
            kept += [f"font-weight:{weight[1]}"] if weight else []
            kept += [f"font-size:{size[1]}px"] if size and float(size[1]) != 13 else []
            continue
        kept.append(f"{name}:{_coloured(value)}")
    return ";".join(kept)


def _coloured(value: str) -> str:
    def token(found: re.Match) -> str:
        colour = found[0].lower()
        if colour not in LIGHT:
            raise ValueError(
                f"the figure is drawn in {colour}, which is no token of the house style (crmlab.plots.svg)"
            )
        return f"var(--{LIGHT[colour]})"

    return re.sub(r"(?<!url\()#[0-9a-fA-F]{6}\b", token, value)


def _rounded(value: str) -> str:
    value = re.sub(r"-?\d+\.?\d*(?:e-?\d+)?", lambda found: f"{round(float(found[0]), 1) + 0.0:g}", value)
    return " ".join(value.split())


def _unwrap(element) -> None:
    """Lift the children of groups that carry nothing."""
    children = []
    for child in list(element):
        _unwrap(child)
        if child.tag == f"{{{_SVG}}}g" and not child.attrib:
            children.extend(child)
        elif len(child) or child.tag not in (f"{{{_SVG}}}g", f"{{{_SVG}}}defs"):
            children.append(child)
    element[:] = children
