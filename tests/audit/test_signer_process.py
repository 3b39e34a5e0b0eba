"""The signer as a process of its own: what it answers, to whom, and what it knows after kill -9."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from audit import merkle, note, receipt
from audit.__main__ import main
from audit.checkpoint import Checkpoint
from audit.entry import leaf_hash, timestamp
from audit.keys import PASSPHRASE, load_private
from audit.note import SigningKey, VerifierKey
from audit.signer import FileSigner, InconsistentExtension, SignerMemoryLost, SignerUnreachable
from audit.signer_client import AnotherSigner, RemoteSigner, socket_of
from audit.signer_keys import KeyStore, RotationUnderWay
from audit.signer_server import REQUEST_BYTES_MAX, Service, SignerServer, send
from tests.audit.logs import KEY, ORIGIN, OTHER_KEY, START

CLONE = Path(__file__).parents[2]
LEAVES = [leaf_hash(b"%d" % number) for number in range(40)]


def checkpoint(size: int, leaves: list[bytes] = LEAVES) -> Checkpoint:
    return Checkpoint(ORIGIN, size, merkle.root(leaves[:size]))


def proof(old: int, new: int, leaves: list[bytes] = LEAVES) -> list[bytes]:
    return merkle.consistency_proof(leaves[:new], old)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A signer's own directory, with its key and its memory; short, for a socket's path is."""
    command("--new", place=tmp_path)
    return tmp_path


def arguments(place: Path, *more: object) -> list[str]:
    own = ["--key", place / "log-key.pem", "--state", place / "state", "--origin", ORIGIN]
    return ["signer", *map(str, own), *map(str, more)]


def command(*more: object, place: Path) -> int:
    return main(arguments(place, *more))


KILLED_BEFORE_IT_ANSWERS = (
    "import os, signal; from audit import note; note.sign = lambda *_: os.kill(os.getpid(), 9)"
)
KILLED_BEFORE_IT_REMEMBERS = (
    "import os, signal; from audit import files; files.replace = lambda *_: os.kill(os.getpid(), 9)"
)


@contextmanager
def serving(place: Path, *more: object, first: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run the signer as a process; ``first`` is done in it before it serves."""
    code = f"import sys; {first}\nfrom audit.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments(place, "--socket", place / "sock", *more)],
        cwd=CLONE, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("signer: listening on unix:"), process.stderr.read()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def public(place: Path) -> VerifierKey:
    return KeyStore(place / "log-key.pem", ORIGIN).first()


def remote(place: Path) -> RemoteSigner:
    return RemoteSigner(place / "sock", public(place))


def test_it_signs_what_grows_and_refuses_what_does_not(place: Path) -> None:
    other = [*LEAVES[:8], leaf_hash(b"other"), *LEAVES[9:]]
    with serving(place):
        signer = remote(place)
        assert signer.last() == checkpoint(0, [])
        assert note.open_note(signer.sign(checkpoint(9), []), [public(place)]).text == str(checkpoint(9))

        for wrong, way in (
            (checkpoint(5), []),
            (checkpoint(12), []),
            (checkpoint(12), proof(8, 12)),
            (checkpoint(12, other), proof(9, 12, other)),
            (checkpoint(9, other), []),
        ):
            with pytest.raises(InconsistentExtension):
                signer.sign(wrong, way)
        with pytest.raises(InconsistentExtension, match="other"):
            signer.sign(Checkpoint("other", 9, merkle.root(LEAVES[:9])), [])
        assert signer.last() == checkpoint(9)
        assert signer.sign(checkpoint(12), proof(9, 12))
        assert signer.last() == checkpoint(12)


def test_killed_before_it_remembers_it_is_bound_to_nothing(place: Path) -> None:
    other = [*LEAVES[:5], leaf_hash(b"other")]
    with serving(place):
        remote(place).sign(checkpoint(5), [])
    with serving(place, first=KILLED_BEFORE_IT_REMEMBERS) as process:
        with pytest.raises(SignerUnreachable):
            remote(place).sign(checkpoint(9), proof(5, 9))
        assert process.wait() == -signal.SIGKILL

    with serving(place):
        assert remote(place).last() == checkpoint(5)
        assert remote(place).sign(checkpoint(6, other), proof(5, 6, other))


def test_killed_after_it_remembered_it_signs_that_and_nothing_else(place: Path) -> None:
    other = [*LEAVES[:8], leaf_hash(b"other")]
    with serving(place):
        remote(place).sign(checkpoint(5), [])
    with serving(place, first=KILLED_BEFORE_IT_ANSWERS) as process:
        with pytest.raises(SignerUnreachable):
            remote(place).sign(checkpoint(9), proof(5, 9))
        assert process.wait() == -signal.SIGKILL

    with serving(place):
        assert remote(place).last() == checkpoint(9)
        with pytest.raises(InconsistentExtension):
            remote(place).sign(checkpoint(9, other), proof(5, 9, other))
        again = remote(place).sign(checkpoint(9), [])
    assert note.open_note(again, [public(place)]).text == str(checkpoint(9))


def test_a_second_signer_on_the_same_memory_is_refused(place: Path, capsys) -> None:
    with serving(place):
        assert command("--socket", place / "second", place=place) == 64
        assert "serves" in capsys.readouterr().err
        assert remote(place).last() == checkpoint(0, [])
    with serving(place):  # the lock died with its holder, and the socket it left is taken over
        assert remote(place).last() == checkpoint(0, [])


def test_its_socket_and_its_key_are_its_users_alone(place: Path) -> None:
    with serving(place):
        for name in ("sock", "log-key.pem", "state"):
            assert (place / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can become somebody else")
def test_who_is_not_named_may_not_ask(place: Path) -> None:
    asks = (
        "import os, socket, sys; from audit.signer_client import RemoteSigner; from pathlib import Path\n"
        "from audit.signer import SignerUnreachable\n"
        "os.setuid(int(sys.argv[2]))\n"
        "try: print(RemoteSigner(Path(sys.argv[1])).last().size)\n"
        "except SignerUnreachable: print('unreachable')"
    )
    for folder in (place, *place.parents):
        found = folder.stat()
        if found.st_uid == 0 and not found.st_mode & stat.S_ISVTX and folder != Path("/"):
            folder.chmod(0o755)

    def asked_by(user: int) -> str:
        ran = subprocess.run(
            [sys.executable, "-c", asks, place / "sock", str(user)],
            cwd=CLONE, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return ran.stdout.strip()

    with serving(place, "--peer", 12345):
        assert (asked_by(12345), asked_by(12346)) == ("0", "unreachable")
    with serving(place):
        assert asked_by(12345) == "unreachable"


def test_a_signer_that_is_down_or_another_one_is_told_apart(place: Path, tmp_path: Path) -> None:
    with pytest.raises(SignerUnreachable):
        remote(place).last()
    with serving(place):
        pinned_elsewhere = RemoteSigner(place / "sock", KEY.verifier)
        with pytest.raises(AnotherSigner):
            pinned_elsewhere.sign(checkpoint(5), [])
    for address in ("http://x", "unix:relative", "/tmp/x"):
        with pytest.raises(ValueError, match="no signer's address"):
            socket_of(address)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """A signer in this process, for many small questions."""
    store = KeyStore(tmp_path / "log-key.pem", ORIGIN)
    signer = FileSigner(store, tmp_path / "state", ORIGIN)
    signer.begin()
    store.begin()
    with SignerServer(tmp_path / "sock", Service(signer, store)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield tmp_path
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"x", b"[]", b"{}", b'{"ask": "key"}', b'{"ask": []}', b'{"ask": "sign"}', b"[" * 30_000,
        b'{"ask": "sign", "checkpoint": "x", "proof": []}', b'{"ask": "sign", "checkpoint": 5, "proof": []}',
        b'{"ask": "rotate", "overlap": 0}', b'{"ask": "rotate", "overlap": true}', b'{"ask": "certify", "node": "x"}',
        json.dumps({"ask": "sign", "checkpoint": str(checkpoint(5)), "proof": ["zz"]}).encode(),
        json.dumps({"ask": "sign", "checkpoint": str(checkpoint(5)), "proof": ["00" * 32] * 99}).encode(),
        json.dumps({"ask": "sign", "checkpoint": str(checkpoint(5)), "proof": "00" * 32}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_nothing_is_signed(served: Path, body: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(served / "sock"))
        line.sendall(len(body).to_bytes(4, "big") + body)
        assert b"refused" in line.recv(65_536)
    assert remote(served).last() == checkpoint(0, [])


def test_a_request_that_is_too_long_or_cut_off_ends_its_connection_only(served: Path) -> None:
    for said in ((REQUEST_BYTES_MAX + 1).to_bytes(4, "big"), b"\x00\x00", b"\x00\x00\x00\x09abc"):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(served / "sock"))
            line.sendall(said)
            line.shutdown(socket.SHUT_WR)
            assert line.recv(1) == b""
    assert remote(served).sign(checkpoint(5), [])


def test_a_signer_that_lost_its_memory_signs_nothing(served: Path) -> None:
    (served / "state").unlink()
    with pytest.raises(SignerMemoryLost):
        remote(served).sign(checkpoint(5), [])
    with pytest.raises(SignerMemoryLost):
        remote(served).last()


def test_an_answer_that_is_none_is_no_answer(tmp_path: Path) -> None:
    for answer in ({}, [], {"checkpoint": 5}, {"checkpoint": "x"}, {"refused": "Other", "why": "because"}):
        path = tmp_path / "liar"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()

            def lie(answer: object = answer, listener: socket.socket = listener) -> None:
                line, _ = listener.accept()
                with line:
                    line.recv(65_536)
                    send(line, answer)  # type: ignore[arg-type]

            liar = Thread(target=lie)
            liar.start()
            with pytest.raises(SignerUnreachable):
                RemoteSigner(path).last()
            liar.join()


# Keys: made once, encrypted, changed -------------------------------------------------------------


def test_a_signer_begins_once(place: Path, capsys) -> None:
    assert command("--new", place=place) == 64
    assert "has a past" in capsys.readouterr().err


def test_open_keys_are_put_under_a_passphrase_and_a_wrong_one_is_named(place: Path, capsys) -> None:
    (place / "word").write_text("a word\n")
    (place / "wrong").write_text("another\n")
    (place / "empty").write_text("\n")
    key = load_private(place / "log-key.pem")
    for flags, said in (
        (["--encrypt"], "needs --passphrase-file"),
        (["--encrypt", "--passphrase-file", place / "none"], "cannot be read"),
        (["--encrypt", "--passphrase-file", place / "empty"], "no passphrase"),
        (["--socket", place / "s", "--passphrase-file", place / "word"], "is not encrypted"),
    ):
        assert command(*flags, place=place) == 64
        assert said in capsys.readouterr().err

    assert command("--encrypt", "--passphrase-file", place / "word", place=place) == 0

    assert b"ENCRYPTED" in (place / "log-key.pem").read_bytes()
    assert (place / "log-key.pem").stat().st_mode & 0o777 == 0o600
    again = load_private(place / "log-key.pem", b"a word")
    assert again.private_bytes_raw() == key.private_bytes_raw()
    for flags, said in (([], PASSPHRASE), (["--passphrase-file", place / "wrong"], "does not open")):
        assert command("--socket", place / "s", *flags, place=place) == 64
        assert said in capsys.readouterr().err
    with serving(place, "--passphrase-file", place / "word"):
        assert RemoteSigner(place / "sock").last() == checkpoint(0, [])


def test_keys_change_through_the_socket_one_after_the_other(served: Path) -> None:
    first, signer = public(served), remote(served)
    with pytest.raises(RotationUnderWay, match="signed nothing"):
        signer.rotate(10)
    signer.sign(checkpoint(5), [])

    ring = signer.rotate(10)

    assert ring.all_keys[0] == first == signer.public()
    assert ring.valid_at(14) == ring.all_keys
    assert ring.valid_at(15) == ring.all_keys[1:]
    with pytest.raises(RotationUnderWay, match="retires at 15"):
        signer.rotate(10)
    assert len(note.parse(signer.sign(checkpoint(14), proof(5, 14)))[1]) == 2
    (served / "log-key.pem").rename(served / "gone.pem")  # retired: nobody needs it from 15 on
    for store in (KeyStore(served / "log-key.pem", ORIGIN),):
        assert [key.verifier for key in store.at(15)] == [ring.all_keys[1]]
    signed = signer.sign(checkpoint(15), proof(14, 15))
    assert [line.key_id for line in note.parse(signed)[1]] == [ring.all_keys[1].key_id]
    assert len(signer.rotate(1).all_keys) == 3


def test_a_ring_that_does_not_lead_from_the_pinned_key_is_another_signers(served: Path) -> None:
    remote(served).sign(checkpoint(5), [])
    remote(served).rotate(1)
    with pytest.raises(AnotherSigner, match="does not lead"):
        RemoteSigner(served / "sock", KEY.verifier).sign(checkpoint(6), proof(5, 6))


# A node's own key for receipts -------------------------------------------------------------------

NODE = SigningKey(f"{ORIGIN}/node", OTHER_KEY.private)
ITEM = ("e-1", LEAVES[1], timestamp(START))


def test_the_signer_certifies_a_node_before_the_log_begins_and_then_only_by_hand(
    served: Path, capsys
) -> None:
    certificate = remote(served).certify(NODE.verifier)
    assert remote(served).certify(NODE.verifier) == certificate  # asked again after a crash
    remote(served).sign(checkpoint(5), [])
    with pytest.raises(InconsistentExtension, match="command line"):
        remote(served).certify(NODE.verifier)

    assert command("--certify", NODE.verifier, place=served) == 0
    assert capsys.readouterr().out.encode() == certificate


def test_a_receipt_of_a_certified_node_is_the_logs_own(served: Path) -> None:
    certificate = remote(served).certify(NODE.verifier).decode()
    (kept,) = receipt.issue(NODE, ORIGIN, [ITEM], 60, certificate)

    assert receipt.responsible(kept, [KEY.verifier, public(served)]) == public(served)
    assert receipt.check(kept, public(served), None).entry == "e-1"
    with pytest.raises(receipt.ForgedReceipt, match="certificate"):
        receipt.check(kept, KEY.verifier, None)
    (stranger,) = receipt.issue(KEY, ORIGIN, [ITEM], 60, certificate)
    with pytest.raises(receipt.ForgedReceipt, match="another key"):
        receipt.check(stranger, public(served), None)
    (elsewhere,) = receipt.issue(NODE, "other", [ITEM], 60, certificate)
    with pytest.raises(receipt.ForgedReceipt, match="another log"):
        receipt.check(elsewhere, public(served), None)
    with pytest.raises(receipt.ForgedReceipt, match="names the key"):
        receipt.check({name: kept[name] for name in kept.keys() - {"node"}}, public(served), None)
    for worthless in ("", "x", "x\n\n", "\ud800", certificate.replace("node 1", "node 2"), certificate + "x"):
        with pytest.raises(receipt.ForgedReceipt):
            receipt.check(kept | {"node": worthless}, public(served), None)
        assert receipt.responsible(kept | {"node": worthless}, [KEY.verifier]) is None
    with pytest.raises(receipt.MalformedReceipt):
        receipt.check(kept | {"node": 5}, public(served), None)


def test_a_checkpoint_is_no_certificate(served: Path) -> None:
    signed = remote(served).sign(checkpoint(5), []).decode()
    (kept,) = receipt.issue(NODE, ORIGIN, [ITEM], 60, signed)
    with pytest.raises(receipt.ForgedReceipt, match="another key"):
        receipt.check(kept, public(served), None)
