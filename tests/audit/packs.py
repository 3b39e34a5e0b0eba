"""Small real evidence packs to verify and to tamper with."""

import shutil
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from audit import pack, rows
from audit.bundle import policy_version, verify_bundle
from audit.entry import encode, leaf_hash
from audit.gather import gather
from audit.pack import Manifest, PackWriter, Scope
from audit.report import Report
from audit.rows import Movement, Row, Rows
from tests.audit.logs import APART, KEY, NOW, RELEASER, TRADER, VERIFIER, Log, Story

ASKED = {
    "account": "a:auditor",
    "office": "internal_audit",
    "person": "p:auditor",
    "reason": "sample 7 of 25",
}
TICKET = b"what was said on the telephone"
TEXTS = {name: f"# {name}\n".encode() for name in pack.POLICY_FILES}


class Deals(Story):
    """A story whose entries vouch for business rows, a document and a policy whose texts are known."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        for name, text in TEXTS.items():
            (folder / name).write_bytes(text)
        self.policy = policy_version(folder)
        self.views: dict[tuple[str, str], dict[str, Any]] = {}
        self.movements: list[Movement] = []
        super().__init__()
        self.publish(self.policy, APART)

    def act(self, act: str, person: str, trade: str, changed: dict[str, dict[str, Any]], **data: Any) -> None:
        """Add an entry with effects on the rows of ``changed``: kind to the columns that are new."""
        entry = self.draft(
            act, person=person, trade=trade, policy=self.policy, effects=[(kind, trade) for kind in changed]
        )
        entry["data"] = {**data, "rows": {}}
        for effect, (kind, columns) in zip(entry["eff"], changed.items(), strict=True):
            before = self.views.get((kind, trade), {})
            view = self.views[kind, trade] = before | {"id": trade, "rev": effect["rev"]} | columns
            effect["after"] = rows.digest({"kind": kind, **view})
            told = {"change": {name: {"new": value} for name, value in columns.items()}}
            new = {name: value for name, value in view.items() if name != "rev"}
            entry["data"]["rows"][f"{kind}:{trade}"] = told if before else {"new": new}
        line = encode(entry)
        for effect in entry["eff"]:
            self._revs[effect["kind"], trade] = effect["rev"], leaf_hash(line).hex()
        self.lines.append(line)

    def capture(self, trade: str) -> None:
        terms = {"base": "EUR", "version": 1}
        entry_id = self.draft("trade.capture")["id"]
        document = {"sha256": sha256(TICKET).hexdigest(), "size": len(TICKET)}
        self.movements.append(Movement("trade_version", (entry_id, f"trade:{trade}", "terms_digest"), terms))
        row = {"number": 1, "version": 1, "terms_digest": rows.digest(terms)}
        self.act("trade.capture", TRADER, trade, {"trade": row}, ticket=document)

    def life(self, trade: str) -> None:
        """Capture, verify and release one deal, and refuse it something."""
        self.capture(trade)
        self.act("trade.verify", VERIFIER, trade, {"trade": {}, "control": {"state": "verified"}})
        self.lines.append(
            encode(
                self.draft("trade.return", person=TRADER, trade=trade, outcome="refuse", policy=self.policy)
            )
        )
        self.act("settlement.release", RELEASER, trade, {"control": {"state": "settling"}})

    def rows_of(self, trade: str) -> Rows:
        held = [
            Row(kind, name, view["rev"], view) for (kind, name), view in self.views.items() if name == trade
        ]
        return Rows(tuple(held), tuple(one for one in self.movements if one.by[1] == f"trade:{trade}"))


NONE = Rows()


class Packs:
    """Makes packs of one log, and spoils them."""

    def __init__(self, folder: Path, story: Deals, log: Log) -> None:
        self.folder, self.story, self.log = folder, story, log

    def grounds(self) -> list[int]:
        """Genesis and policies."""
        return [i for i, line in enumerate(self.story.lines) if i == 0 or b'"act":"policy.publish"' in line]

    def make(self, scope: Scope, indices: Iterable[int], held: Rows = NONE, name: str = "pack.zip") -> Path:
        staging = Path(mkdtemp(dir=self.folder))
        writer = PackWriter(staging)
        entries = [(index, self.story.lines[index]) for index in sorted({*indices, *self.grounds()})]
        checkpoint = gather(self.log.directory, self.log.checkpoint.read_bytes(), scope, entries, writer)
        writer.add(pack.ROWS, held.encode())
        writer.add(pack.COVER, b"<!doctype html>")
        for file, text in TEXTS.items():
            writer.add(pack.policy_name(self.story.policy, file), text)
        if any(TICKET_DIGEST.encode() in line for _, line in entries):
            writer.add(f"documents/{TICKET_DIGEST}", TICKET)
        said = Manifest(scope, checkpoint.origin, checkpoint.size, checkpoint.root.hex(), ASKED, ())
        target = self.folder / name
        writer.finish(said, target)
        return target

    def of_trade(self, trade: str) -> Path:
        indices = [i for i, line in enumerate(self.story.lines) if f'"trade":"{trade}"'.encode() in line]
        return self.make(Scope("trade", trade=trade), indices, self.story.rows_of(trade))

    def of_range(self, first: int, end: int) -> Path:
        scope = Scope("period", since="2026-11-02", before="2026-11-03", first=first, end=end)
        return self.make(scope, range(first, end))

    def spoiled(self, path: Path, spoil: Callable[[Path], None], *, listed: bool = True) -> Path:
        """Change files of a pack and seal it again as its maker could; ``listed``: the manifest too."""
        folder = Path(mkdtemp(dir=self.folder))
        manifest, _ = pack.unpack(path, folder)
        spoil(folder)
        names = [one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()]
        target = self.folder / "spoiled.zip"
        if not listed:
            pack.write_archive(folder, names, target)
            return target
        writer = PackWriter(Path(mkdtemp(dir=self.folder)))
        for name in sorted({*names} - {pack.MANIFEST}):
            writer.add(name, (folder / name).read_bytes())
        writer.finish(manifest, target)
        shutil.rmtree(folder)
        return target


TICKET_DIGEST = sha256(TICKET).hexdigest()


def judged(path: Path, **asked: Any) -> Report:
    return verify_bundle(path, KEY.verifier, **{"now": NOW} | asked)
