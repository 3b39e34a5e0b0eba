"""Another machine remembers: cosignatures, the witness protocol, and row 45 of the tamper matrix."""

import http.client
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import note, tiles, witness_command
from audit.__main__ import main
from audit.checkpoint import Checkpoint
from audit.cosignature import CosignerKey, CosigningKey, ForgedCosignature, with_lines
from audit.note import MalformedKey, MalformedNote, VerifierKey
from audit.policy import LogPolicy, MalformedPolicy
from audit.report import Status, Verdict
from audit.verify import verify
from audit.witness import MalformedRequest, Witness, WitnessMemoryLost, parse_request, spell_request
from audit.witness_http import WitnessRefused, WitnessServer, WitnessUnreachable, add_checkpoint
from tests.audit.logs import KEY, NOW, ORIGIN, OTHER_KEY, WITNESSED, WITNESSES, Log, Story, caught, failed

SECONDS = int(NOW.timestamp()) - 60
ONE, TWO, THREE = WITNESSES


@pytest.fixture
def witnessed(tmp_path: Path) -> Log:
    """A log of level L3, its checkpoint signed by two of three witnesses."""
    story = Story("L3", **WITNESSED)
    for number in range(5):
        story.trade(f"t-{number}")
    log = Log(tmp_path, story.lines)
    log.cosign(ONE, TWO)
    return log


# The cosignature itself.


def test_a_cosignature_has_the_bytes_that_the_specification_gives() -> None:
    key = CosigningKey("witness.example.com/w1", Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

    line = note.parse_line(key.cosign(text, 1679315147).removesuffix("\n"))

    assert line.blob[:8] == b"\x00\x00\x00\x00\x64\x18\x50\xcb"  # as in the example of the specification
    assert len(line.blob) == 72
    key.private.public_key().verify(line.blob[8:], f"cosignature/v1\ntime 1679315147\n{text}".encode())
    assert key.cosigner.seconds(text, line) == 1679315147
    with pytest.raises(ForgedCosignature):
        key.cosigner.seconds(text.replace("20852163", "20852164"), line)


def test_the_key_of_a_witness_is_not_that_of_a_log() -> None:
    assert CosignerKey.parse(str(ONE.cosigner)) == ONE.cosigner
    for kind, text in ((VerifierKey, str(ONE.cosigner)), (CosignerKey, str(KEY.verifier))):
        with pytest.raises(MalformedKey):
            kind.parse(text)


def test_a_line_takes_the_place_of_an_older_one_by_the_same_witness(witnessed: Log) -> None:
    signed = witnessed.checkpoint.read_bytes()
    text, before = note.parse(signed)
    newer = with_lines(signed, [ONE.cosign(text, SECONDS + 5)])

    _, lines = note.parse(newer)
    assert [line.name for line in lines] == [line.name for line in before]
    assert ONE.cosigner.seconds(text, lines[1]) == SECONDS + 5
    with pytest.raises(MalformedNote):
        with_lines(signed, ["no line\n"])
    with pytest.raises(MalformedNote):
        with_lines(signed, [CosigningKey(f"w{n}", ONE.private).cosign(text, 1) for n in range(16)])


# What the verifier makes of it (V4).


def test_a_log_with_a_quorum_of_witnesses_is_verified(witnessed: Log) -> None:
    report = witnessed.verify()

    assert report.line() == "VERIFIED (L3 witnessed)"
    assert report.check("V4").status is Status.OK
    assert not report.remarks


def test_a_log_short_of_its_quorum_is_incomplete(witnessed: Log) -> None:
    text, _ = note.parse(witnessed.checkpoint.read_bytes())
    witnessed.checkpoint.write_bytes(note.sign(text, KEY))
    witnessed.cosign(THREE)

    report = witnessed.verify()

    assert report.line() == "INCOMPLETE (L3 witnessed)"
    assert report.check("V4").sentence == "1 of 3 witnesses signed the checkpoint; 2 must."


def test_25_a_stripped_cosignature_is_missed(witnessed: Log) -> None:
    kept = witnessed.checkpoint.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]
    witnessed.checkpoint.write_text("".join(kept), encoding="utf-8")

    assert witnessed.verify().check("V4").status is Status.MISSING


def test_21_a_parallel_history_names_its_own_witnesses_but_not_those_pinned(tmp_path: Path) -> None:
    story = Story("L3", witnesses=[str(OTHER.cosigner)], quorum=1)
    log = Log(tmp_path, story.lines)
    log.cosign(OTHER)

    assert log.verify().verdict is Verdict.VERIFIED  # with the stolen key, by its own account
    pinned = [one.cosigner for one in WITNESSES]
    assert log.verify(witnesses=pinned).check("V4").status is Status.MISSING


OTHER = CosigningKey("accomplice.example", Ed25519PrivateKey.from_private_bytes(b"\x33" * 32))


def test_witnesses_pinned_by_the_reader_count_at_any_level(log: Log) -> None:
    assert log.verify(witnesses=[ONE.cosigner]).verdict is Verdict.INCOMPLETE
    log.cosign(ONE)
    report = log.verify(witnesses=[ONE.cosigner])
    assert report.check("V4").status is Status.OK
    assert not report.remarks


def test_45_a_cosignature_of_another_size_is_refused(witnessed: Log, tmp_path: Path) -> None:
    lines = note.parse(witnessed.checkpoint.read_bytes())[1][1:]
    story = Story("L3", **WITNESSED)
    log = Log(tmp_path / "other", story.lines)
    reused = [note.signature_line(line.name, line.key_id, line.blob) for line in lines]
    log.checkpoint.write_bytes(with_lines(log.checkpoint.read_bytes(), reused))

    assert caught(log.verify(), "V4", None)
    assert failed(log.verify()) == {"V4"}


def test_45_a_cosignature_of_another_origin_is_refused(witnessed: Log) -> None:
    text, _ = note.parse(witnessed.checkpoint.read_bytes())
    line = ONE.cosign(text.replace(ORIGIN, "trennwand.example/other"), SECONDS)
    witnessed.checkpoint.write_bytes(with_lines(witnessed.checkpoint.read_bytes(), [line]))

    assert caught(witnessed.verify(), "V4", None)


@pytest.mark.parametrize("seconds", [0, SECONDS + 60 + 301, 2**63 - 1])
def test_45_a_cosignature_without_a_time_that_has_been_is_refused(witnessed: Log, seconds: int) -> None:
    witnessed.cosign(ONE, TWO, THREE, seconds=seconds)

    report = witnessed.verify()

    assert caught(report, "V4", None)
    assert failed(report) == {"V4"}


def test_45_the_log_is_not_its_own_witness(tmp_path: Path) -> None:
    own = CosigningKey("own.example", KEY.private)
    log = Log(tmp_path, Story("L3", witnesses=[str(own.cosigner)], quorum=1).lines)
    log.cosign(own)

    assert caught(log.verify(), "V4", None)


@pytest.mark.parametrize(
    ("check", "promise"),
    [
        ("V4", {"quorum": 4}),
        ("V4", {"quorum": 0}),
        ("V4", {"quorum": True}),
        ("V4", {"witnesses": []}),
        ("V4", {"witnesses": "all"}),
        ("V4", {"witnesses": [5]}),
        ("V4", {"witnesses": [str(KEY.verifier)]}),
        ("V4", {"witnesses": [str(ONE.cosigner)] * 2, "quorum": 1}),
        ("V4", {"witnesses": [str(ONE.cosigner), str(CosigningKey("twin", ONE.private).cosigner)]}),
        ("V19", {"keys": [str(ONE.cosigner)]}),
        ("V15", {"heartbeat_seconds": 0}),
        ("V15", {"heartbeat_seconds": "60"}),
    ],
)
def test_a_policy_that_cannot_be_held_is_refused(tmp_path: Path, check: str, promise: dict) -> None:
    log = Log(tmp_path, Story("L3", **(WITNESSED | promise)).lines)

    assert caught(log.verify(), check, 0)
    with pytest.raises(MalformedPolicy):
        LogPolicy.parse({"level": "L3"} | WITNESSED | promise)


def test_a_policy_is_read_back_from_what_the_genesis_says() -> None:
    policy = LogPolicy(
        "L3", (KEY.verifier,), tuple(one.cosigner for one in WITNESSES), quorum=2, heartbeat_seconds=60
    )

    assert LogPolicy.parse(policy.data()) == policy
    assert LogPolicy("L1").data() == {"level": "L1"}


# The witness.


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    made = Witness(ONE, tmp_path / "witness" / "state", [KEY.verifier], lambda: SECONDS)
    made.begin()
    return made


def request(log: Log, old: int, size: int | None = None) -> bytes:
    size = len(log.lines) if size is None else size
    reader = tiles.TileReader(log.directory)
    checkpoint = Checkpoint(ORIGIN, size, reader.root(size, len(log.lines)))
    proof = reader.consistency_proof(old, size) if old else []
    return spell_request(old, proof, note.sign(str(checkpoint), KEY))


def test_a_witness_cosigns_what_continues_the_log(log: Log, witness: Witness) -> None:
    for old, size in ((0, 200), (200, 302), (302, 302)):
        answer = witness.add_checkpoint(request(log, old, size))
        assert answer.status == 200
        line = note.parse_line(answer.body.removesuffix("\n"))
        root = tiles.TileReader(log.directory).root(size, 302)
        assert ONE.cosigner.seconds(str(Checkpoint(ORIGIN, size, root)), line) == SECONDS
        assert witness.last(ORIGIN).size == size


def test_18_a_witness_does_not_go_back(log: Log, witness: Witness) -> None:
    witness.add_checkpoint(request(log, 0))

    for old, size in ((0, 302), (200, 302), (0, 200), (302, 302)):
        answer = witness.add_checkpoint(request(log, old, size))
        assert (answer.status, answer.body) == ((200, answer.body) if old == size else (409, "302\n"))
    assert answer.status == 200
    assert witness.add_checkpoint(request(log, 200, 200)).content_type == "text/x.tlog.size"


def test_16_17_a_witness_does_not_cosign_another_past(log: Log, witness: Witness) -> None:
    witness.add_checkpoint(request(log, 0, 200))
    other = Checkpoint(ORIGIN, 302, b"\x01" * 32)
    proof = tiles.TileReader(log.directory).consistency_proof(200, 302)

    assert witness.add_checkpoint(spell_request(200, proof, note.sign(str(other), KEY))).status == 422
    same_size = note.sign(str(Checkpoint(ORIGIN, 200, b"\x01" * 32)), KEY)
    assert witness.add_checkpoint(spell_request(200, [], same_size)).status == 409
    assert witness.add_checkpoint(spell_request(200, proof[:-1], log.checkpoint.read_bytes())).status == 422
    assert witness.last(ORIGIN).size == 200


def test_a_witness_serves_its_own_logs_only(log: Log, witness: Witness) -> None:
    checkpoint = Checkpoint.parse(note.parse(log.checkpoint.read_bytes())[0])
    stranger = Checkpoint("other.example", checkpoint.size, checkpoint.root)
    signed = note.sign(str(stranger), note.SigningKey("other.example", OTHER_KEY.private))

    assert witness.add_checkpoint(spell_request(0, [], signed)).status == 404
    assert witness.add_checkpoint(spell_request(0, [], note.sign(str(checkpoint), OTHER_KEY))).status == 403
    assert witness.add_checkpoint(spell_request(303, [], log.checkpoint.read_bytes())).status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n\n",
        b"old 00\n\nx",
        b"old -1\n\nx",
        b"new 0\n\nx",
        b"old 0\nx\n\nx",
        b"old 0\n" + b"AAAA\n" * 64 + b"\n",
        b"old 0\nAAAA\n\nx",
        b"\xff\n\n",
        b"old 0\n" + b"\x00" * 5000,
    ],
)
def test_what_is_no_request_is_told_so(witness: Witness, body: bytes) -> None:
    assert witness.add_checkpoint(body).status == 400


def test_a_request_is_read_back_as_it_was_written() -> None:
    assert parse_request(spell_request(7, [b"\x01" * 32], b"note\n")) == (7, [b"\x01" * 32], b"note\n")
    with pytest.raises(MalformedRequest):
        parse_request(b"old 0\n" + b"A" * 43 + b"=\n" * 64 + b"\n")


def test_a_witness_without_its_memory_cosigns_nothing(log: Log, witness: Witness, tmp_path: Path) -> None:
    state = tmp_path / "witness" / "state"
    with pytest.raises(FileExistsError):
        witness.begin()
    for damage in (b"", b"{}", b'{"seen":[5]}', b'{"seen":["x"]}', b"[]"):
        state.write_bytes(damage)
        with pytest.raises(WitnessMemoryLost):
            witness.add_checkpoint(request(log, 0))
    state.unlink()
    with pytest.raises(WitnessMemoryLost):
        witness.add_checkpoint(request(log, 0))


def test_a_witness_remembers_before_it_answers(log: Log, witness: Witness, monkeypatch) -> None:
    monkeypatch.setattr(CosigningKey, "cosign", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        witness.add_checkpoint(request(log, 0))
    assert witness.last(ORIGIN).size == 302

    monkeypatch.undo()
    assert witness.add_checkpoint(request(log, 302)).status == 200


def test_a_witness_follows_a_change_of_keys(log: Log, tmp_path: Path) -> None:
    keys = [KEY.verifier, OTHER_KEY.verifier]
    made = Witness(ONE, tmp_path / "witness" / "state", keys, lambda: SECONDS)
    made.begin()
    text, _ = note.parse(log.checkpoint.read_bytes())

    assert made.add_checkpoint(spell_request(0, [], note.sign(text, KEY))).status == 200
    assert made.add_checkpoint(spell_request(302, [], note.sign(text, OTHER_KEY))).status == 200


# Over the wire.


@pytest.fixture
def url(witness: Witness) -> Iterator[str]:
    with WitnessServer(("127.0.0.1", 0), witness) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_log_gets_its_cosignature_over_the_wire(log: Log, url: str) -> None:
    signed = log.checkpoint.read_bytes()

    line = add_checkpoint(url, signed, [], 0, key=ONE.cosigner)

    log.checkpoint.write_bytes(with_lines(signed, [line]))
    assert log.verify(witnesses=[ONE.cosigner]).verdict is Verdict.VERIFIED
    with pytest.raises(WitnessRefused, match="409") as refused:
        add_checkpoint(url, signed, [], 0, key=ONE.cosigner)
    assert (refused.value.status, refused.value.known_size) == (409, 302)
    with pytest.raises(WitnessUnreachable, match="without a line"):
        add_checkpoint(url, signed, [], 302, key=TWO.cosigner)
    twin = CosignerKey(ONE.name, TWO.cosigner.public)
    with pytest.raises(WitnessUnreachable):
        add_checkpoint(url, signed, [], 302, key=twin)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "ftp://x", "http://", "nonsense", "http://[::1"])
def test_a_witness_that_is_not_there_is_unreachable(log: Log, address: str) -> None:
    with pytest.raises(WitnessUnreachable):
        add_checkpoint(address, log.checkpoint.read_bytes(), [], 0, key=ONE.cosigner, timeout_seconds=0.5)


def test_the_server_bounds_what_it_reads(url: str, capsys) -> None:
    def ask(headers: dict[str, str], path: str = "/add-checkpoint", body: bytes | None = None) -> int:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
        connection.putrequest("POST", path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        status = connection.getresponse().status
        connection.close()
        return status

    assert ask({"Content-Length": str(10**9)}) == 413
    assert ask({"Content-Length": "9" * 40}) == 413
    assert ask({"Content-Length": "-1"}) == 411
    assert ask({}) == 411
    assert ask({"Content-Length": "0"}, "/other") == 404
    assert ask({"Content-Length": "3"}, body=b"xyz") == 400


def test_several_logs_at_once_do_not_confuse_the_witness(log: Log, url: str, witness: Witness) -> None:
    """Threads ask for different sizes; whatever the order, the witness never goes back."""
    seen: list[int] = []

    def ask(size: int) -> None:
        body = spell_request(0, [], note.sign(str(checkpoint_of(log, size)), KEY))
        answer = witness.add_checkpoint(body)
        seen.append(answer.status)

    threads = [threading.Thread(target=ask, args=(size,)) for size in range(290, 302)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [200] + [409] * 11


def checkpoint_of(log: Log, size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, tiles.TileReader(log.directory).root(size, len(log.lines)))


# The command line.


def test_a_witness_is_started_from_the_command_line(log: Log, tmp_path: Path, capsys) -> None:
    key, state = tmp_path / "w.key", tmp_path / "w.state"
    base = ["witness", "--key", str(key), "--state", str(state)]
    assert main([*base, "--new-key", "witness.example"]) == 0
    vkey = capsys.readouterr().out.strip()
    assert str(witness_command.load(key).cosigner) == vkey
    assert main([*base, "--new-key", "witness.example"]) == 64
    assert main(base) == 64
    assert main([*base, "--log", "nonsense"]) == 64
    assert main([*base, "--log", str(KEY.verifier), "--listen", "nonsense"]) == 64
    state.rename(tmp_path / "away")
    assert main([*base, "--log", str(KEY.verifier)]) == 64
    (tmp_path / "away").rename(state)

    command = [sys.executable, "-m", "audit", *base, "--log", str(KEY.verifier)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=Path(__file__).parents[2]
    ) as served:
        assert served.stdout is not None
        told = re.fullmatch(r"witness: listening on (http://127\.0\.0\.1:[0-9]+)\n", served.stdout.readline())
        assert told is not None
        cosigner = CosignerKey.parse(vkey)
        line = add_checkpoint(told[1], log.checkpoint.read_bytes(), [], 0, key=cosigner)
        served.terminate()
        assert served.wait(10) == 0

    log.checkpoint.write_bytes(with_lines(log.checkpoint.read_bytes(), [line]))
    capsys.readouterr()
    asked = ["verify", str(log.directory), "--key", str(KEY.verifier), "--witness", vkey]
    assert main(asked) == 0, capsys.readouterr().out
    assert main([*asked[:-1], "nonsense"]) == 64
    assert os.stat(key).st_mode & 0o777 == 0o600  # noqa: PTH116


def test_the_key_of_a_witness_may_be_encrypted(tmp_path: Path) -> None:
    witness_command.create(tmp_path / "k", tmp_path / "s", "w.example", b"secret")

    assert witness_command.load(tmp_path / "k", b"secret").name == "w.example"
    with pytest.raises(witness_command.keys.UnusableKey):
        witness_command.load(tmp_path / "k")


def test_only_the_tree_is_never_verified(witnessed: Log) -> None:
    report = verify(witnessed.directory, KEY.verifier, now=NOW, workers=1, tree_only=True)

    assert report.line() == "INCOMPLETE (L3 witnessed)"
    assert {c.number for c in report.checks if c.status is Status.OK} >= {
        "V1",
        "V2",
        "V3",
        "V4",
        "V6",
        "V7",
        "V8",
    }
    assert {c.number for c in report.checks if c.status is Status.MISSING} == {
        *("V9", "V10", "V11", "V12", "V13", "V14", "V15", "V16", "V17", "V27"),
    }
