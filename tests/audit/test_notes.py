"""Signed notes, checkpoints and keys, against the examples of their specifications."""

import base64
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from audit import keys, merkle, note
from audit.checkpoint import Checkpoint, MalformedCheckpoint
from audit.note import ForgedSignature, MalformedKey, MalformedNote, UnknownSigner, VerifierKey
from tests.audit.logs import KEY, ORIGIN, OTHER_KEY

TEXT = "first\n\nlast\n"
SIGNED = note.sign(TEXT, KEY)

# The example key and note of the Go package that the format comes from.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
# The key of the Go checksum database.
SUM_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
# The example of C2SP tlog-checkpoint.
C2SP_CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
C2SP_LINE = (
    "\u2014 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)


def test_a_note_of_another_implementation_is_opened():
    opened = note.open_note(GO_NOTE, [VerifierKey.parse(GO_KEY)])

    assert opened.text.startswith("If you think")
    assert opened.verified[0].key_id.hex() == "c74f20a3"


@pytest.mark.parametrize("text", [GO_KEY, SUM_KEY, str(KEY.verifier)])
def test_a_verifier_key_is_written_as_it_was_read(text):
    assert str(VerifierKey.parse(text)) == text


def test_the_example_checkpoint_is_read():
    text, (line,) = note.parse(f"{C2SP_CHECKPOINT}\n{C2SP_LINE}".encode())
    checkpoint = Checkpoint.parse(text)

    assert checkpoint.origin == line.name == "example.com/behind-the-sofa"
    assert checkpoint.size == 20852163
    assert str(checkpoint) == C2SP_CHECKPOINT


def test_a_signature_is_the_key_id_and_64_bytes_over_the_text_with_its_last_newline():
    text, (line,) = note.parse(SIGNED)

    assert text == TEXT
    assert len(line.blob) == 64
    KEY.private.public_key().verify(line.blob, TEXT.encode())


def test_one_note_carries_several_signatures():
    witness = note.SigningKey("witness", OTHER_KEY.private)
    signed = note.sign(TEXT, KEY, witness)

    both = note.open_note(signed, [KEY.verifier, witness.verifier])
    one = note.open_note(signed, [KEY.verifier])

    assert [line.name for line in both.verified] == [ORIGIN, "witness"]
    assert [line.name for line in one.unknown] == ["witness"]


def test_a_wrong_signature_of_a_known_key_spoils_a_right_one():
    witness = note.SigningKey("witness", OTHER_KEY.private)
    forged = note.sign("other\n", witness).decode().splitlines()[-1]

    with pytest.raises(ForgedSignature):
        note.open_note(SIGNED + f"{forged}\n".encode(), [KEY.verifier, witness.verifier])


def test_a_note_of_strangers_is_refused():
    with pytest.raises(UnknownSigner):
        note.open_note(SIGNED, [OTHER_KEY.verifier])  # the same name, another key
    with pytest.raises(UnknownSigner):
        note.open_note(SIGNED, [VerifierKey("other", KEY.verifier.public)])  # the same key, another name


def test_two_keys_that_cannot_be_told_apart_are_refused():
    with pytest.raises(MalformedKey):
        note.open_note(SIGNED, [KEY.verifier, KEY.verifier])


def test_a_signature_of_another_length_is_forged():
    text, (line,) = note.parse(SIGNED)
    for blob in (line.blob[:-1], line.blob + b"\x00", b"\x00"):
        encoded = base64.b64encode(line.key_id + blob).decode()
        with pytest.raises(ForgedSignature):
            note.open_note(f"{text}\n\u2014 {ORIGIN} {encoded}\n".encode(), [KEY.verifier])


BLOB = base64.b64encode(b"12345678").decode()
BAD_NOTES = {
    "nothing": "",
    "no blank line": f"text\n\u2014 name {BLOB}\n",
    "no signature": "text\n\n",
    "no last newline": f"text\n\n\u2014 name {BLOB}",
    "no text": f"\n\u2014 name {BLOB}\n",
    "a hyphen for the dash": f"text\n\n- name {BLOB}\n",
    "no name": f"text\n\n\u2014  {BLOB}\n",
    "a plus in the name": f"text\n\n\u2014 na+me {BLOB}\n",
    "a space in the name": f"text\n\n\u2014 na\u00a0me {BLOB}\n",
    "no signature bytes": f"text\n\n\u2014 name {base64.b64encode(b'1234').decode()}\n",
    "no Base64": "text\n\n\u2014 name !!!!\n",
    "Base64 without padding": "text\n\n\u2014 name MTIzNDU\n",
    "stray bits in Base64": "text\n\n\u2014 name MTIzNDV=\n",
    "a word behind": f"text\n\n\u2014 name {BLOB} more\n",
    "a tabulator": f"te\txt\n\n\u2014 name {BLOB}\n",
    "a carriage return": f"text\r\n\n\u2014 name {BLOB}\n",
    "too long": "x" * note.NOTE_BYTES_MAX + f"\n\n\u2014 name {BLOB}\n",
}


@pytest.mark.parametrize("bad", BAD_NOTES)
def test_a_note_with_this_is_no_note(bad):
    with pytest.raises(MalformedNote):
        note.parse(BAD_NOTES[bad].encode())


def test_a_note_that_is_not_utf_8_is_no_note():
    with pytest.raises(MalformedNote):
        note.parse(b"\xff" + SIGNED)


@given(st.binary(max_size=200), st.integers(0, len(SIGNED)), st.integers(0, 40))
def test_hostile_notes_are_refused_or_unchanged(put, at, cut):
    changed = SIGNED[:at] + put + SIGNED[at + cut :]
    try:
        opened = note.open_note(changed, [KEY.verifier])
    except (MalformedNote, ForgedSignature, UnknownSigner):
        return

    assert opened.text == TEXT


@pytest.mark.parametrize("text", ["no newline", "", "a\tb\n"])
def test_only_a_text_that_can_be_read_back_is_signed(text):
    with pytest.raises(MalformedNote):
        note.sign(text, KEY)


BAD_KEYS = [
    "",
    "name",
    "name+c74f20a3",
    GO_KEY.replace("c74f20a3", "c74f20a4"),
    GO_KEY.replace("c74f20a3", "C74F20A3"),
    GO_KEY.replace("Peter", "peter"),
    GO_KEY[:-4],
    GO_KEY.replace("+ARpc", "+ARpd"),
    GO_KEY.replace("+AR", "+BR"),
    "+" + GO_KEY,
    GO_KEY.replace("PeterNeumann", "Peter Neumann"),
]


@pytest.mark.parametrize("text", BAD_KEYS)
def test_a_damaged_verifier_key_is_refused(text):
    with pytest.raises(MalformedKey):
        VerifierKey.parse(text)


ROOT = base64.b64encode(b"\x01" * 32).decode()
EMPTY = base64.b64encode(merkle.EMPTY_ROOT).decode()
BAD_CHECKPOINTS = {
    "two lines": f"o\n{ROOT}\n",
    "an extension": f"o\n5\n{ROOT}\nx\n",
    "no last newline": f"o\n5\n{ROOT}",
    "an empty line": f"o\n5\n{ROOT}\n\n",
    "no origin": f"\n5\n{ROOT}\n",
    "a leading zero": f"o\n05\n{ROOT}\n",
    "a sign": f"o\n+5\n{ROOT}\n",
    "a negative size": f"o\n-5\n{ROOT}\n",
    "other digits": f"o\n\u0665\n{ROOT}\n",
    "2^63": f"o\n{2**63}\n{ROOT}\n",
    "a space": f"o\n5 \n{ROOT}\n",
    "a short root": f"o\n5\n{base64.b64encode(bytes(31)).decode()}\n",
    "a root that is no Base64": "o\n5\n?\n",
    "stray bits": f"o\n5\n{ROOT[:-2]}F=\n",
    "entries under the root of nothing": f"o\n5\n{EMPTY}\n",
    "nothing under the root of entries": f"o\n0\n{ROOT}\n",
    "a carriage return": f"o\r\n5\n{ROOT}\n",
}


@pytest.mark.parametrize("bad", BAD_CHECKPOINTS)
def test_a_checkpoint_with_this_is_no_checkpoint(bad):
    with pytest.raises(MalformedCheckpoint):
        Checkpoint.parse(BAD_CHECKPOINTS[bad])


@given(
    st.text(st.characters(exclude_categories=("C",)), min_size=1),
    st.integers(1, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)
def test_a_checkpoint_is_read_as_it_was_written(origin, size, root):
    checkpoint = Checkpoint(origin, size, root)

    assert Checkpoint.parse(str(checkpoint)) == checkpoint


def test_the_empty_log_has_a_checkpoint():
    assert Checkpoint.parse(f"o\n0\n{EMPTY}\n").size == 0


def test_a_private_key_is_for_its_owner_only_and_never_overwritten(tmp_path: Path):
    path = tmp_path / "keys" / "log.pem"
    key = keys.generate()
    keys.save_private(path, key)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.load_private(path).private_bytes_raw() == key.private_bytes_raw()
    with pytest.raises(FileExistsError):
        keys.save_private(path, keys.generate())


def test_a_private_key_opens_with_its_passphrase_only(tmp_path: Path):
    path = tmp_path / "log.pem"
    keys.save_private(path, KEY.private, b"correct horse")

    assert b"ENCRYPTED" in path.read_bytes()
    assert keys.load_private(path, b"correct horse").private_bytes_raw() == KEY.private.private_bytes_raw()
    for passphrase in (None, b"wrong"):
        with pytest.raises(keys.UnusableKey):
            keys.load_private(path, passphrase)


def test_a_public_key_is_read_from_a_line_a_file_and_a_pem(tmp_path: Path):
    keys.save_public(tmp_path / "log.pub", KEY.verifier)
    pem = KEY.private.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )
    (tmp_path / "log.pem").write_bytes(pem)

    assert str(keys.load_public(str(KEY.verifier))) == str(KEY.verifier)
    assert str(keys.load_public(str(tmp_path / "log.pub"))) == str(KEY.verifier)
    bare = keys.load_public(str(tmp_path / "log.pem"))
    assert str(keys.named(bare, ORIGIN)) == str(KEY.verifier)


def test_what_is_no_ed25519_key_is_refused(tmp_path: Path):
    path = tmp_path / "other.pem"
    other = ec.generate_private_key(ec.SECP256R1())
    private = other.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = other.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )
    for content in (public, private, b"-----BEGIN PUBLIC KEY-----\n", b"", b"\xff", os.urandom(64)):
        path.write_bytes(content)
        with pytest.raises(keys.UnusableKey):
            keys.load_public(str(path))
    path.write_bytes(private)
    with pytest.raises(keys.UnusableKey):
        keys.load_private(path)
    with pytest.raises(keys.UnusableKey):
        keys.load_public(str(tmp_path / "missing"))
    with pytest.raises(keys.UnusableKey):
        keys.load_public("x" * 5000)
