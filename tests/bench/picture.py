"""A curve as an SVG picture, readable on light and dark paper: a point for each median, a bar from lowest to highest."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 640
HEIGHT: Final = 360
LEFT: Final = 64
RIGHT: Final = 120
TOP: Final = 48
BOTTOM: Final = 56
COLOURS: Final = ("#1f6feb", "#c4601d", "#2d8a4e")
TICKS: Final = 5


@dataclass(frozen=True)
class Curve:
    """What was measured at each place: ``points`` are pairs of the place and the measurements there."""

    name: str
    points: Sequence[tuple[float, Sequence[float]]]


def drawn(title: str, across: str, upwards: str, curves: Sequence[Curve]) -> str:
    """Return the picture; both axes begin at zero, so that a flat curve looks flat and nothing else does."""
    most_x = max(x for curve in curves for x, _ in curve.points)
    most_y = nice(max(max(values) for curve in curves for _, values in curve.points))

    def place(x: float, y: float) -> tuple[float, float]:
        right = LEFT + x / most_x * (WIDTH - LEFT - RIGHT)
        return round(right, 1), round(HEIGHT - BOTTOM - y / most_y * (HEIGHT - TOP - BOTTOM), 1)

    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'font-family="system-ui, sans-serif" font-size="12" fill="#777">'
        ),
        f"<title>{escape(title)}</title>",
        f'<text x="{LEFT}" y="24" font-size="15">{escape(title)}, {escape(upwards)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(across)}</text>',
    ]
    for number in range(TICKS + 1):
        value = most_y * number / TICKS
        _, y = place(0, value)
        lines += [
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#999" stroke-opacity="0.4"/>',
            f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value:g}</text>',
        ]
    for x, _ in curves[0].points:
        lines.append(
            f'<text x="{place(x, 0)[0]}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:,.0f}</text>'
        )
    for curve, colour in zip(curves, COLOURS, strict=False):
        lines += of_curve(curve, colour, [(x, values, place) for x, values in curve.points])
    return "\n".join([*lines, "</svg>"]) + "\n"


def of_curve(curve: Curve, colour: str, points: Sequence[tuple[float, Sequence[float], object]]) -> list[str]:
    """Return the marks of one curve."""
    lines, path = [], []
    for x, values, place in points:
        assert callable(place)
        at, (_, low), (_, high) = place(x, median(values)), place(x, min(values)), place(x, max(values))
        path.append(f"{at[0]},{at[1]}")
        lines += [
            f'<line x1="{at[0]}" x2="{at[0]}" y1="{low}" y2="{high}" stroke="{colour}" stroke-opacity="0.5"/>',
            f'<circle cx="{at[0]}" cy="{at[1]}" r="4" fill="{colour}"><title>{median(values):.1f}</title></circle>',
        ]
    lines.append(f'<polyline points="{" ".join(path)}" fill="none" stroke="{colour}" stroke-width="2"/>')
    lines.append(f'<text x="{at[0] + 10}" y="{at[1] + 4}" fill="{colour}">{escape(curve.name)}</text>')
    return lines


def nice(value: float) -> float:
    """Return the next round figure above a value."""
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if value <= step * factor:
                return step * factor
        step *= 10
