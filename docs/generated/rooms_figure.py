"""The picture of the rooms: the Mermaid graph of ``docs/architecture.md`` drawn as SVG, without a script."""

from __future__ import annotations

import re
from functools import cache

FENCE = re.compile(r"```mermaid\n(.*?)```", re.DOTALL)
WIDTH, ROW, BOX, CHAR = 860, 62, 30, 8.2


def with_figure(markdown: str) -> str:
    """The page with its graph drawn."""
    return FENCE.sub(lambda match: svg(match[1]), markdown)


def svg(graph: str) -> str:
    """Boxes in layers, those that are imported below those that import."""
    titles = dict(re.findall(r'(\w+)\["(.*?)"\]', graph))
    arrows = re.findall(r"(\w+) --> (\w+)", graph)
    below = {name: [to for start, to in arrows if start == name] for name in titles}

    @cache
    def height(name: str) -> int:
        return 1 + max((height(one) for one in below[name]), default=-1)

    layers = [
        [name for name in titles if height(name) == level] for level in range(max(map(height, titles)) + 1)
    ]
    at = {}
    for level, names in enumerate(layers):
        for number, name in enumerate(names):
            at[name] = (WIDTH * (number + 1) / (len(names) + 1), ROW * (len(layers) - level) - ROW / 2)
    lines = [_arrow(*at[start], *at[to]) for start, to in arrows]
    boxes = [_box(*at[name], titles[name]) for name in titles]
    return (
        f'<svg class="rooms" viewBox="0 0 {WIDTH} {ROW * len(layers)}" role="img" '
        f'aria-label="Rooms of the code; an arrow points to what is imported">{"".join(lines + boxes)}</svg>'
    )


def _arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    start, end = y + BOX / 2, to_y - BOX / 2
    middle = (start + end) / 2
    path = f"M{x:.0f} {start:.0f}C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {end - 5:.0f}"
    head = f"M{to_x - 4:.0f} {end - 7:.0f}L{to_x:.0f} {end:.0f}L{to_x + 4:.0f} {end - 7:.0f}z"
    return f'<path class="line" d="{path}"/><path class="head" d="{head}"/>'


def _box(x: float, y: float, title: str) -> str:
    width = CHAR * len(title) + 22
    return (
        f'<rect x="{x - width / 2:.0f}" y="{y - BOX / 2:.0f}" width="{width:.0f}" height="{BOX}" rx="6"/>'
        f'<text x="{x:.0f}" y="{y + 5:.0f}">{title}</text>'
    )
