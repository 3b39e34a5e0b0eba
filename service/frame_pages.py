"""What stands beside the desks: language, appearance, the keyboard's map, and the files that pages load."""

from pathlib import Path
from typing import Final

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from service import faces
from service.kernel.errors import NotFound
from service.page_forms import local_path
from service.page_frame import KEYS_COOKIE, LANGUAGE_COOKIE, THEME_COOKIE, THEMES, Page, cookie
from service.ui.assets import named_in
from service.ui.languages import known

YEAR_SECONDS: Final = 365 * 24 * 60 * 60
FOR_GOOD: Final = "public, max-age=31536000, immutable"


class FramePages(Controller):
    """What a reader chooses for this browser, signed in or not; a cookie keeps it."""

    path = "/"
    include_in_schema = False
    opt = {"public": True}  # noqa: RUF012 - Litestar reads it from the class

    @post("/language")
    async def language(self, page: NamedDependency[Page]) -> Redirect:
        """Keep the reader's language."""
        chosen = known(page.form.get("language")) or page.language
        return chose(page, LANGUAGE_COOKIE, chosen)

    @post("/theme")
    async def theme(self, page: NamedDependency[Page]) -> Redirect:
        """Keep whether the reader wants it light or dark."""
        chosen = page.form.get("theme", "")
        return chose(page, THEME_COOKIE, chosen if chosen in THEMES else page.theme)

    @get("/keys")
    async def keys(self, page: NamedDependency[Page]) -> Response[str]:
        """Show what the keys do."""
        return page.show("ui/templates/keys.html")

    @post("/keys")
    async def switch(self, page: NamedDependency[Page]) -> Redirect:
        """Turn the single letters on or off."""
        return chose(page, KEYS_COOKIE, "off" if page.form.get("keys") == "off" else "on")

    @get("/static/{path:path}")
    async def static(self, path: FromPath[Path]) -> Response[bytes]:
        """Return a file that pages load; under an address that names its content it may be kept for good."""
        asset, for_good = named_in(str(path).lstrip("/"))
        if asset is None:
            raise NotFound("address")
        kept = {"cache-control": FOR_GOOD} if for_good else {}
        return Response(asset.body, media_type=asset.kind, headers=faces.HEADERS | kept)


def chose(page: Page, name: str, value: str) -> Redirect:
    """Go back to where the choice was made, and keep it."""
    return page.back(local_path(page.form.get("_back")), None, cookie(name, value, seconds=YEAR_SECONDS))


ROUTES = [FramePages]
