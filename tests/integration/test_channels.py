"""Files and mails really go out and come in: nothing is replaced, nothing is lost, nothing hides in a header."""

import hashlib
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from service import channels
from service.channels import CannotDeliver, FileDrop, MailServer, Parcel, collect, deliver, put_away
from service.messages.terms import BYTES_MAX

PARCEL = Parcel(
    name="FX-EUR-17.mt300.txt", content=b"{1:F01}\r\n\xff", media_type="application/octet-stream",
    address="OTHERBANK", subject="Confirmation FX-EUR-17", text="Please find our confirmation attached.\n",
    made_at=datetime(2026, 10, 28, 9, 30, tzinfo=UTC),
)  # fmt: skip
LETTER = replace(PARCEL, address="back-office@other.example")


# Files out -------------------------------------------------------------------------------------------


async def test_a_dropped_file_is_whole_and_its_proof_names_its_hash(tmp_path: Path) -> None:
    proof = await deliver(FileDrop(tmp_path / "out"), PARCEL)
    file = tmp_path / "out" / "OTHERBANK" / PARCEL.name
    assert file.read_bytes() == PARCEL.content
    assert proof.sha256 == hashlib.sha256(PARCEL.content).hexdigest()
    assert (proof.file, proof.repeated) == (f"OTHERBANK/{PARCEL.name}", False)
    assert [entry.name for entry in file.parent.iterdir()] == [PARCEL.name]


async def test_dropping_it_again_changes_nothing_and_says_so(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path)
    await deliver(drop, PARCEL)
    before = (tmp_path / "OTHERBANK" / PARCEL.name).stat()
    assert (await deliver(drop, PARCEL)).repeated
    assert (tmp_path / "OTHERBANK" / PARCEL.name).stat() == before


async def test_a_file_that_lies_there_is_never_replaced(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path)
    await deliver(drop, PARCEL)
    for other in (b"another", PARCEL.content + b"!", PARCEL.content[:-1]):
        with pytest.raises(CannotDeliver, match="nothing is replaced"):
            await deliver(drop, replace(PARCEL, content=other))
    assert (tmp_path / "OTHERBANK" / PARCEL.name).read_bytes() == PARCEL.content


async def test_what_a_crash_left_half_written_is_written_anew(tmp_path: Path) -> None:
    folder = tmp_path / "OTHERBANK"
    folder.mkdir()
    (folder / f".{PARCEL.name}.part").write_bytes(b"half")
    await deliver(FileDrop(tmp_path), PARCEL)
    assert [entry.name for entry in folder.iterdir()] == [PARCEL.name]


@pytest.mark.parametrize("name", ["", "..", ".hidden", "../up", "a/b", "a\\b", "a\nb", "a\x00b", "x" * 121, "a.part", "ü"])  # fmt: skip
async def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    for parcel in (replace(PARCEL, name=name), replace(PARCEL, address=f"{name}/")):
        with pytest.raises(CannotDeliver, match="is no name"):
            await deliver(FileDrop(tmp_path), parcel)
    with os.scandir(tmp_path) as inside:
        assert not any(inside)


async def test_a_partners_folder_that_is_a_link_elsewhere_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "OTHERBANK").symlink_to(elsewhere)
    with pytest.raises(CannotDeliver, match="cannot be written"):
        await deliver(FileDrop(tmp_path / "out"), PARCEL)
    assert list(elsewhere.iterdir()) == []


async def test_a_link_under_the_name_of_the_file_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "OTHERBANK"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(PARCEL.content)
    (folder / PARCEL.name).symlink_to(tmp_path / "secret")
    with pytest.raises(CannotDeliver):
        await deliver(FileDrop(tmp_path), PARCEL)


async def test_a_message_too_large_does_not_go_out(tmp_path: Path) -> None:
    with pytest.raises(CannotDeliver, match="is larger than"):
        await deliver(FileDrop(tmp_path), replace(PARCEL, content=bytes(BYTES_MAX + 1)))


# Mail out --------------------------------------------------------------------------------------------


class Box:
    """What the other side's mail server got, and what it answers."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answer = "250 2.0.0 queued as 4711"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(envelope)
        return self.answer

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture(scope="module")
def post() -> Iterator[SimpleNamespace]:
    box = Box()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    server = MailServer(
        host="127.0.0.1", port=port, sender="back-office@house.example", security="none", timeout_seconds=5
    )
    yield SimpleNamespace(box=box, server=server)
    controller.stop()


async def test_a_mail_arrives_with_its_attachment_and_the_servers_answer_is_the_proof(
    post: SimpleNamespace,
) -> None:
    proof = await deliver(post.server, LETTER)
    envelope = post.box.mails[-1]
    mail: Any = message_from_bytes(envelope.content, policy=default)
    (attachment,) = mail.iter_attachments()

    assert (envelope.mail_from, envelope.rcpt_tos) == ("back-office@house.example", [LETTER.address])
    assert (attachment.get_filename(), attachment.get_content()) == (PARCEL.name, PARCEL.content)
    assert (mail["Subject"], mail["Date"].datetime) == (LETTER.subject, LETTER.made_at)
    assert proof.message_id == mail["Message-ID"] == f"<{PARCEL.name}@house.example>"
    assert proof.answer == "2.0.0 queued as 4711"
    assert proof.sha256 == hashlib.sha256(LETTER.content).hexdigest()


async def test_german_stands_in_subject_and_text_as_it_was_written(post: SimpleNamespace) -> None:
    await deliver(
        post.server, replace(LETTER, subject="Bestätigung für Süd", text="Grüße über 70 Zeichen " * 9)
    )
    mail: Any = message_from_bytes(post.box.mails[-1].content, policy=default)
    assert mail["Subject"] == "Bestätigung für Süd"
    assert mail.get_body().get_content().startswith("Grüße über 70 Zeichen ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subject": "x\r\nBcc: evil@evil.example"}, "not fit for a mail"),
        ({"address": "a@b.example\r\nBcc: evil@evil.example"}, "is no address"),
        ({"address": "a@b.example, evil@evil.example"}, "is no address"),
        ({"address": "Evil <evil@evil.example>"}, "is no address"),
        ({"address": "a@b@evil.example"}, "is no address"),
        ({"address": "no-address"}, "is no address"),
        ({"address": f"{'a' * 250}@b.example"}, "is no address"),
        ({"media_type": "text/plain\r\nX-Evil: 1"}, "not fit for a mail"),
        ({"name": "a\r\nX-Evil: 1"}, "is no name"),
    ],
)  # fmt: skip
async def test_nothing_hides_in_a_header(post: SimpleNamespace, change: dict[str, str], said: str) -> None:
    before = len(post.box.mails)
    with pytest.raises(CannotDeliver, match=said):
        await deliver(post.server, replace(LETTER, **change))
    assert len(post.box.mails) == before


async def test_an_unknown_mailbox_is_told_with_the_servers_words(post: SimpleNamespace) -> None:
    with pytest.raises(CannotDeliver, match=r"550.*no such mailbox"):
        await deliver(post.server, replace(LETTER, address="nobody@other.example"))


async def test_a_server_that_cannot_take_it_now_is_told_with_its_words(post: SimpleNamespace) -> None:
    post.box.answer = "451 4.3.0 try again later"
    with pytest.raises(CannotDeliver, match=r"451.*try again later"):
        await deliver(post.server, LETTER)
    post.box.answer = "250 OK"


async def test_a_server_without_encryption_gets_nothing_where_encryption_is_due(
    post: SimpleNamespace,
) -> None:
    before = len(post.box.mails)
    for security in ("starttls", "tls"):
        with pytest.raises(CannotDeliver):
            await deliver(replace(post.server, security=security, timeout_seconds=1), LETTER)
    assert len(post.box.mails) == before


async def test_a_server_that_never_speaks_does_not_hold_us(post: SimpleNamespace) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        server = replace(post.server, port=mute.getsockname()[1], timeout_seconds=0.2)
        with pytest.raises(CannotDeliver):
            await deliver(server, LETTER)


async def test_no_server_is_a_sentence_and_no_crash(post: SimpleNamespace) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(CannotDeliver, match="The mail server did not take it"):
            await deliver(replace(post.server, port=nobody.getsockname()[1]), LETTER)


def test_the_password_stands_in_no_message_of_ours() -> None:
    server = MailServer(host="mail.example", port=587, sender="a@b.example", username="u", password="hidden")
    assert "hidden" not in repr(server)


# Files in --------------------------------------------------------------------------------------------

NOW = datetime(2026, 10, 28, 12, tzinfo=UTC)


def put(folder: Path, name: str, content: bytes = b"x", age: float = 60) -> Path:
    file = folder / name
    file.write_bytes(content)
    moment = (NOW - timedelta(seconds=age)).timestamp()
    os.utime(file, (moment, moment))
    return file


def test_what_lies_complete_is_taken_by_name_and_stays_until_it_is_filed(tmp_path: Path) -> None:
    put(tmp_path, "b.txt", b"second")
    put(tmp_path, "a.txt", b"first")
    for _ in range(2):
        assert [(one.name, one.content) for one in collect(tmp_path, NOW)] == [
            ("a.txt", b"first"), ("b.txt", b"second"),
        ]  # fmt: skip
    first, second = collect(tmp_path, NOW)
    assert put_away(first, "done")
    assert put_away(second, "held")
    assert list(collect(tmp_path, NOW)) == []
    assert (tmp_path / "done" / "a.txt").read_bytes() == b"first"
    assert (tmp_path / "held" / "b.txt").read_bytes() == b"second"


def test_a_file_half_written_is_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "a.txt.part")
    put(tmp_path, ".a.txt")
    put(tmp_path, "young.txt", age=1)
    put(tmp_path, "tomorrow.txt", age=-60)
    (tmp_path / "folder").mkdir()
    assert list(collect(tmp_path, NOW)) == []


def test_a_file_that_changed_after_it_was_read_is_collected_again(tmp_path: Path) -> None:
    put(tmp_path, "a.txt", b"first")
    (read,) = collect(tmp_path, NOW)
    put(tmp_path, "a.txt", b"second", age=30)
    assert not put_away(read, "done")
    (again,) = collect(tmp_path, NOW)
    assert again.content == b"second"
    again.file.unlink()
    assert not put_away(again, "done")


def test_the_same_name_twice_keeps_both(tmp_path: Path) -> None:
    for content in (b"first", b"second", b"third"):
        put(tmp_path, "a.txt", content)
        (one,) = collect(tmp_path, NOW)
        assert put_away(one, "done")
    kept = {file.name: file.read_bytes() for file in (tmp_path / "done").iterdir()}
    assert kept == {"a.txt": b"first", "a.txt.1": b"second", "a.txt.2": b"third"}


def test_links_pipes_and_what_is_too_large_are_told_and_not_read(tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (inbox / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(inbox / "pipe")
    with put(inbox, "zlarge").open("ab") as large:
        large.truncate(100 * 1_048_576)
    os.utime(inbox / "zlarge", (0, 0))
    told = {one.name: (one.content, one.refused) for one in collect(inbox, NOW)}
    assert told == {
        "link": (None, "is a symbolic link"),
        "pipe": (None, "is no plain file"),
        "zlarge": (None, "is larger than 10,485,760 bytes"),
    }
    for one in list(collect(inbox, NOW)):
        assert put_away(one, "held")
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert (inbox / "held" / "link").is_symlink()


def test_a_hostile_name_is_shown_harmless_and_moved_as_it_is(tmp_path: Path) -> None:
    hostile = "a\n\x1b[31m\u202egnp.exe"
    put(tmp_path, hostile)
    (one,) = collect(tmp_path, NOW)
    assert one.name == "a\\n\\x1b[31m\\u202egnp.exe"
    assert put_away(one, "held")
    assert (tmp_path / "held" / hostile).exists()


def test_bytes_that_are_no_name_in_any_language_are_taken_all_the_same(tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xff.txt")
    put(tmp_path, name)
    (one,) = collect(tmp_path, NOW)
    assert one.name.isprintable()
    assert put_away(one, "done")


@pytest.mark.parametrize("what", ["link", "file", "pipe"])
def test_whatever_has_the_name_of_the_folder_makes_room_and_is_looked_at_itself(
    tmp_path: Path, what: str
) -> None:
    inbox, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    inbox.mkdir()
    elsewhere.mkdir()
    put(inbox, "a.txt")
    match what:
        case "link":
            (inbox / "done").symlink_to(elsewhere)
        case "file":
            put(inbox, "done")
        case _:
            os.mkfifo(inbox / "done")
    one, other = collect(inbox, NOW)
    assert put_away(one, "done")
    assert not put_away(other, "held"), "it has another name by now"
    (again,) = collect(inbox, NOW)
    assert again.name == "done.1"
    assert put_away(again, "done")
    assert {file.name for file in (inbox / "done").iterdir()} == {"a.txt", "done.1"}
    assert list(elsewhere.iterdir()) == []


def test_a_name_as_long_as_a_name_can_be_is_put_away_twice(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        put(tmp_path, "a" * 255, content)
        (one,) = collect(tmp_path, NOW)
        assert put_away(one, "done")
    assert {file.read_bytes() for file in (tmp_path / "done").iterdir()} == {b"first", b"second"}


def test_one_look_takes_a_bounded_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "FILES_AT_ONCE", 2)
    for name in "abc":
        put(tmp_path, name)
    assert [one.name for one in collect(tmp_path, NOW)] == ["a", "b"]


def test_no_inbox_holds_nothing(tmp_path: Path) -> None:
    assert list(collect(tmp_path / "missing", NOW)) == []
