"""What every template keeps, whatever it shows."""

import re
from pathlib import Path

SERVICE = Path(__file__).parents[2] / "service"
FIT_ALWAYS = {
    "ui/templates/keys.html",  # a key and a few words
    "dashboards/templates/dashboard.html",  # a name and a number beside their bars
    "messages/templates/letter.html",  # a paper
}
SCROLLS = re.compile(r'<div class="[^"]*\bwide\b[^"]*"[^>]*>\s*$')


def test_every_table_scrolls_by_itself_so_that_no_page_does() -> None:
    alone = {
        page.relative_to(SERVICE).as_posix()
        for page in SERVICE.glob("*/templates/*.html")
        for text in [page.read_text(encoding="utf-8")]
        if any(SCROLLS.search(text[: table.start()]) is None for table in re.finditer("<table", text))
    }
    assert alone == FIT_ALWAYS
