"""The files that pages load: the frame's own, and the few that npm put beside the clone. Each is read once.

A file's address carries a hash of its content, so that a browser may keep it for good. What npm did not install
has no address, and the pages leave its tag out: they work without it.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

OWN: Final = Path(__file__).parent / "static"
PACKAGES: Final = Path(__file__).parents[2] / "node_modules"
VENDOR: Final = {
    "bootstrap-grid.min.css": "bootstrap/dist/css/bootstrap-grid.min.css",
    "bootstrap-utilities.min.css": "bootstrap/dist/css/bootstrap-utilities.min.css",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "uplot.min.css": "uplot/dist/uPlot.min.css",
    "uplot.min.js": "uplot/dist/uPlot.iife.min.js",
}
"""What pages may load of each package.

Of Bootstrap its grid and utilities alone: our own sheet resets and is the look, and Bootstrap's reset and components
would only be undone by it (captions below their tables, floating legends, rows of 40 pixels).
"""
KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Asset(NamedTuple):
    """A file as it is served."""

    body: bytes
    kind: str
    address: str


@cache
def assets() -> dict[str, Asset]:
    """Read the files by their name under /static/, ``vendor/…`` for those of packages; no other is ever served."""
    own = {file.name: file for file in sorted(OWN.iterdir()) if file.suffix in KINDS}
    vendor = {f"vendor/{name}": PACKAGES / path for name, path in VENDOR.items()}
    found = {}
    for name, file in (own | vendor).items():
        if file.is_file():
            body = file.read_bytes()
            mark = hashlib.sha256(body).hexdigest()[:16]
            found[name] = Asset(body, KINDS[file.suffix], f"/static/{mark}/{name}")
    return found


def address_of(name: str) -> str:
    """Return where a file is served; nothing for one that is not there."""
    found = assets().get(name)
    return "" if found is None else found.address


def named_in(path: str) -> tuple[Asset | None, bool]:
    """Return the file that a path below /static/ names, and whether the path names this very content."""
    whole = f"/static/{path}"
    for name, asset in assets().items():
        if whole == asset.address:
            return asset, True
        if path == name:
            return asset, False
    return None, False
