"""The house style of figures, and `figure`, which draws one for a notebook and for the page of a report."""

import io
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from crmlab import language
from crmlab.absence import Absent
from crmlab.groups import left_out
from crmlab.messages import _, sentences
from crmlab.plots.labels import shortened
from crmlab.plots.svg import TOKENS, page_svg, titled
from crmlab.prose import MIME, NOTHING, Block

WIDE_PX, NARROW_PX = 736, 358
_DPI = 72  # a point is a pixel
_FAMILIES = ("Noto Sans", "Segoe UI", "DejaVu Sans"), ("Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC")
_OUTPUT = {
    "figure.dpi": _DPI,
    "savefig.dpi": _DPI,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "crmlab",
    "axes.grid.axis": "y",
    "axes.titleweight": "bold",
    "axes.titlepad": 28,
    "legend.frameon": False,
}
_STYLE = {
    "figure.facecolor": TOKENS["paper"],
    "axes.facecolor": TOKENS["paper"],
    "axes.edgecolor": TOKENS["line"],
    "axes.labelcolor": TOKENS["muted"],
    "axes.spines.left": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": TOKENS["rule"],
    "patch.edgecolor": TOKENS["paper"],
    "text.color": TOKENS["ink"],
    "xtick.color": TOKENS["muted"],
    "ytick.color": TOKENS["muted"],
}
_TEXT = (
    "font.size",
    "axes.labelsize",
    "xtick.labelsize",
    "ytick.labelsize",
    "legend.fontsize",
    "legend.title_fontsize",
)
_SCALE = dict.fromkeys(_TEXT, 13) | {
    "axes.titlesize": 15,
    "axes.linewidth": 1,
    "grid.linewidth": 1,
    "lines.linewidth": 2.5,
    "patch.linewidth": 0,
    "xtick.major.size": 0,  # not drawn, yet it would push the labels away
    "ytick.major.size": 0,
}


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure ready to show: `content` is what a report sets, `image` an SVG with its title for JupyterLab."""

    content: dict
    image: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/plain": self.content["label"], "image/svg+xml": self.image, MIME: self.content}


def figure(
    function: Callable, *args, subtitle: str = "", read: str = "", heights_px: tuple[int, int] = (400, 340), **options
) -> Figure | Block:
    """A figure drawn for the report's column and for a phone.

    Parameters
    ----------
    function
        One of this package's, or any `(*args, ax, **options) -> Axes` that sets a left title (the finding) and a label
        (the finding in words, with its numbers). Of arguments that are absent, nothing is drawn.
    subtitle
        What is drawn, in which units, over which period.
    read
        How to read it, with n.
    heights_px
        Of the wide drawing and of the narrow one.
    args, options
        What the function is given beside its axes.

    Raises
    ------
    ValueError
        If the function sets no left title or no label, or draws in a colour that is not of the house style.

    Examples
    --------
    >>> figure(pareto_curve, concentration, subtitle="Cumulative share of revenue")  # doctest: +SKIP
    """
    if any(isinstance(given, Absent) for given in args):
        return NOTHING
    sizes = zip(("wide", "narrow"), (WIDE_PX, NARROW_PX), heights_px, strict=True)
    content = {"type": "figure", "name": function.__name__, "subtitle": _(subtitle), "read": _(read)}
    image = ""
    with house_style():
        for kind, width, height in sizes:
            axes = function(*args, ax=_axes(width, height), **options)
            finding, label = axes.get_title(loc="left"), axes.get_label()
            if not finding or not label:
                raise ValueError(f"{function.__name__} must set a left title (the finding) and a label (its words)")
            axes.set_title("", loc="left")
            for part in (axes.figure, *axes.figure.axes):
                part.patch.set_facecolor("none")  # the page's own shows through
            drawn = _saved(axes.figure)
            if kind == "wide":
                image = titled(drawn, shortened(finding, 0.7 * width), width, height)  # titles are larger and bold
            content |= {"title": finding, "label": label, kind: page_svg(drawn, kind=kind, label=label)}
    if (note := left_out(1)) in label:
        content["read"] = sentences(content["read"], note)
    return Figure(content, image)


@contextmanager
def house_style():
    """The house style, inside the block only: seaborn's style, scale and palette, and what it leaves to matplotlib."""
    import seaborn
    from matplotlib import rc_context

    palette = [TOKENS[f"c{place}"] for place in range(1, 9)]
    with (
        rc_context(_OUTPUT),  # outermost: it puts back whatever else was set inside
        seaborn.axes_style("whitegrid", rc=_STYLE | {"font.family": list(_installed())}),
        seaborn.plotting_context("notebook", rc=_SCALE),
        seaborn.color_palette(palette),
    ):
        yield


def new_axes():
    """Axes in house style, for a figure function called without any."""
    with house_style():
        return _axes(WIDE_PX, 400)


def is_narrow(axes) -> bool:
    """Whether the axes are drawn for a phone: the figure may then say less."""
    return axes.figure.get_figwidth() * _DPI < 500


def percent_axis(axis, ticks) -> None:
    """Fractions shown in per cent, the sign on the last tick alone."""
    labels = [language.number(100 * tick) for tick in ticks]
    axis.set_ticks(list(ticks), [*labels[:-1], f"{labels[-1]}%"])


def time_axis(axes) -> None:
    """Months along the axis of what is drawn already, or days where it is shorter than a quarter."""
    from matplotlib.dates import AutoDateLocator, DateFormatter

    begins, ends = axes.get_xlim()
    # more than these ranges allow would be a tick for each half year, whatever the span
    fewest, most = (2, 5) if is_narrow(axes) else (3, 7)
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=fewest, maxticks=most))
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m" if ends - begins > 92 else "%m-%d"))


def value_name(axes, text: str) -> None:
    """What the value axis counts, over its top end, where it is read without turning the head."""
    over = dict(xycoords="axes fraction", xytext=(0, 6), textcoords="offset points")
    axes.annotate(text, (0, 1), color=TOKENS["muted"], **over)


def _axes(width_px: int, height_px: int):
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=2 / _DPI, h_pad=4 / _DPI)
    drawn = Canvas(figsize=(width_px / _DPI, height_px / _DPI), dpi=_DPI, layout=layout)
    FigureCanvasSVG(drawn)
    return drawn.add_subplot()


def _saved(drawn) -> str:
    target = io.StringIO()
    # Figure.savefig would draw twice, once for the layout alone
    drawn.canvas.print_svg(target, metadata={"Date": None, "Creator": None})
    return target.getvalue()


@cache
def _installed() -> tuple[str, ...]:
    # a family that is missing would be logged once for every text
    from matplotlib.font_manager import fontManager

    known = {entry.name for entry in fontManager.ttflist}
    # one of each script: matplotlib looks through all of them for every text
    of_scripts = [next((family for family in families if family in known), None) for families in _FAMILIES]
    return tuple(filter(None, of_scripts)) or ("sans-serif",)
