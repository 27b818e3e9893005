"""Names beside the discs of a map, placed so that none hides another."""

import numpy as np

_HEIGHT = 15  # px of a line of 13 px text
_WIDTH = 7.2  # px of a Latin letter; a Chinese one takes 13
_CORNER = 30  # px² that a name may lie over another before it goes to a corner, where it is less clear whose it is
_HIDDEN = 4  # how much worse a name is over a disc, or beyond the frame, than over another name


def place_beside(axes, x, y, radii_px, names) -> None:
    """Write each name right, left, above or below its disc, or at a corner: where it is free, else least crowded.

    Parameters
    ----------
    x, y
        Centres of the discs, in the units of the axes.
    radii_px
        Of the discs, in pixels.
    names
        In the order in which they choose their places.
    """
    axes.figure.draw_without_rendering()  # the layout fixes where a disc lies
    centres = axes.transData.transform(np.column_stack([x, y]))
    frame = axes.get_window_extent()
    discs = [tuple(disc) for disc in np.column_stack([centres - np.c_[radii_px], centres + np.c_[radii_px]])]
    taken: list[tuple[float, ...]] = []
    for place, (name, radius) in enumerate(zip(names, radii_px, strict=True)):
        across, up = centres[place]
        name = shortened(name, 0.4 * frame.width)
        width = _width(name)
        gap, corner = radius + 5, 0.7 * radius + 3
        choices = [
            ("left", "center", gap, 0, across + gap, up - _HEIGHT / 2),
            ("right", "center", -gap, 0, across - gap - width, up - _HEIGHT / 2),
            ("center", "bottom", 0, gap - 2, across - width / 2, up + gap - 2),
            ("center", "top", 0, 2 - gap, across - width / 2, up - gap + 2 - _HEIGHT),
            ("left", "top", corner, -corner, across + corner, up - corner - _HEIGHT),
            ("right", "top", -corner, -corner, across - corner - width, up - corner - _HEIGHT),
            ("left", "bottom", corner, corner, across + corner, up + corner),
            ("right", "bottom", -corner, corner, across - corner - width, up + corner),
        ]
        boxes = [(left, bottom, left + width, bottom + _HEIGHT) for *_, left, bottom in choices]
        own = [
            sum(_overlap(box, other) for other in taken)
            + _HIDDEN * (sum(_overlap(box, disc) for disc in discs) + _outside(box, frame))
            + _CORNER * (choice >= 4)
            for choice, box in enumerate(boxes)
        ]
        best = int(np.argmin(own))
        ha, va, dx, dy, *_ = choices[best]
        written = axes.annotate(name, (x[place], y[place]), xytext=(dx, dy), textcoords="offset points", ha=ha, va=va)
        written.set_in_layout(False)  # else a name would move the discs it was placed by
        taken.append(boxes[best])


def shortened(name: str, most_px: float) -> str:
    """The name, cut to fit a width in text of 13 px."""
    kept = name
    while _width(kept) > most_px and len(kept) > 1:
        kept = kept[:-1]
    return name if kept == name else f"{kept.rstrip()}…"


def _width(name: str) -> float:
    return sum(13 if ord(letter) > 0x2E7F else _WIDTH for letter in name)


def _overlap(one, other) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, up)


def _outside(box, frame) -> float:
    width, height = box[2] - box[0], box[3] - box[1]
    inside = _overlap(box, (frame.x0, frame.y0, frame.x1, frame.y1))
    return width * height - inside
