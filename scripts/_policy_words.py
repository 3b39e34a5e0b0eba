"""Brings policies/words.json up to the words of the pages: what acts, roles and offices are called, in both languages.

The policy imports nothing of ours, so that an auditor can read it without the service; its words are copied.
"""

import json
import sys
from pathlib import Path

from babel.messages.pofile import read_po

from service.ui import words

FILE = Path("policies") / "words.json"
GERMAN = Path("service") / "ui" / "translations" / "de.po"


def drawn() -> str:
    """Return what the file should hold."""
    with GERMAN.open("rb") as stream:
        catalog = read_po(stream, locale="de")

    def both(text: str) -> list[str]:
        found = catalog.get(text)
        return [text, str(found.string) if found is not None and found.string else text]

    told = {
        name: {str(code): both(text) for code, text in sorted(table.items())}
        for name, table in (("acts", words.ACTS), ("offices", words.OFFICES), ("roles", words.ROLES))
    }
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(
            0 if FILE.read_text(encoding="utf-8") == drawn() else "policies/words.json is not up to date"
        )
    FILE.write_text(drawn(), encoding="utf-8")
