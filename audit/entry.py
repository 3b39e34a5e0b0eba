"""An entry of the audit log: one act of one person, as bytes that have exactly one spelling.

The bytes are what is hashed, so two spellings of one meaning would be two entries, and one
spelling of two meanings would be a forgery. Hence a small corner of JSON: ASCII names in order,
no white space, no floats, no nulls, NFC text, ids of a closed alphabet.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, cast

BYTES_MIN = 2
BYTES_MAX = 65_535  # what the two length bytes of a bundle can say
DEPTH_MAX = 8
NAMES_REMEMBERED_MAX = 16  # objects with more members are checked name by name
INTEGER_MAX = 2**53 - 1  # beyond it JavaScript and spreadsheets round silently

_ID_FORM = r"[A-Za-z0-9._:-]{1,64}"
_ACT_FORM = r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*"
_DIGEST_FORM = r"sha256:[0-9a-f]{64}"
_LEAF_FORM = r"[0-9a-f]{64}"
_NONCE_FORM = r"[0-9a-f]{32}"
_UUID7_FORM = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_TIMESTAMP_FORM = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]\.[0-9]{6}Z"

_ID = re.compile(_ID_FORM)
_ACT = re.compile(_ACT_FORM)
_DIGEST = re.compile(_DIGEST_FORM)
_LEAF = re.compile(_LEAF_FORM)
_NONCE = re.compile(_NONCE_FORM)
_UUID7 = re.compile(_UUID7_FORM)
_TIMESTAMP = re.compile(_TIMESTAMP_FORM)
_ESCAPED = re.compile(r"\\(.)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# The canonical spelling of everything but `data`, before and behind it: one match instead of a
# walk, for the reader of millions. What it does not match goes the long way, which says why.
_WORDS_FORM = rf'\[(?:"{_ID_FORM}"(?:,"{_ID_FORM}")*)?\]'
_EFFECT_FORM = (
    rf'{{"after":"{_DIGEST_FORM}","id":"{_ID_FORM}","kind":"{_ID_FORM}",'
    rf'(?:"rev":1|"prev":"{_LEAF_FORM}","rev":(?!1}})[1-9][0-9]{{0,14}})}}'
)
_LINK_FORM = rf'"{_ID_FORM}":"{_ID_FORM}"'
_HEAD = re.compile(
    rf'{{"act":"(?=[^"]{{1,64}}")(?P<act>{_ACT_FORM})","actor":{{"account":"{_ID_FORM}"(?:,"board":"{_ID_FORM}")?'
    rf'(?:,"deputy_for":"(?P<deputised>{_ID_FORM})")?,"office":"{_ID_FORM}"(?:,"owner":"(?P<owner>{_ID_FORM})")?,'
    rf'"person":"(?P<person>{_ID_FORM})","roles":{_WORDS_FORM}'
    rf'(?:,"sess":"{_ID_FORM}")?(?:,"type":"(?:human|service)")?(?:,"unit":"{_ID_FORM}")?}}(?P<data>,"data":(?={{))?',
)
_TAIL = re.compile(
    rf',"decision":{{"id":"{_ID_FORM}","outcome":"(allow|refuse)","policy":"({_DIGEST_FORM})",'
    rf'"rules":{_WORDS_FORM}}}(?:,"eff":(\[(?:{_EFFECT_FORM}(?:,{_EFFECT_FORM})*)?\]))?,"id":"({_UUID7_FORM})"'
    rf'(?:,"links":({{(?:{_LINK_FORM}(?:,{_LINK_FORM})*)?}}))?,"nonce":"({_NONCE_FORM})"(?:,"req":"{_ID_FORM}")?,'
    rf'"ts":"({_TIMESTAMP_FORM})","v":1}}',
)
# Inside of what _TAIL has matched; hence no more precise than needed to find the parts.
_EACH_EFFECT = re.compile(r'"id":"([^"]+)","kind":"([^"]+)",(?:"prev":"([^"]+)",)?"rev":([0-9]+)')
_EACH_LINK = re.compile(rf'"({_ID_FORM})":"({_ID_FORM})"')

_ENTRY_MUST = frozenset(("act", "actor", "decision", "id", "nonce", "ts", "v"))
_ENTRY_MAY = _ENTRY_MUST | {"data", "eff", "links", "req"}
_ACTOR_MUST = frozenset(("account", "office", "person", "roles"))
_ACTOR_MAY = _ACTOR_MUST | {"board", "deputy_for", "owner", "sess", "type", "unit"}
_ACTOR_TYPES = frozenset(("human", "service"))
_DECISION = frozenset(("id", "outcome", "policy", "rules"))
_FIRST_EFFECT = frozenset(("after", "id", "kind", "rev"))
_LATER_EFFECT = _FIRST_EFFECT | {"prev"}

# Members of `data` that name something by a code: a letter of another script in them is always
# a disguise (a Cyrillic A for a Latin one), so everything below them is ASCII.
CODE_MEMBERS = frozenset(
    (
        *("account", "bic", "board", "book", "counterparty", "currency", "iban", "id", "instrument"),
        *("isin", "kind", "lei", "office", "person", "policy", "portfolio", "product", "role"),
        *("scope", "side", "state", "trade", "unit", "user"),
    ),
)

# Cf takes bidi overrides and zero-width characters with it; Cn is "unassigned" in the Unicode
# tables of the running Python, so a writer must not run a newer Python than its verifiers.
_HIDDEN_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


class MalformedEntry(ValueError):
    """The bytes or members are not an entry; ``check`` is the verifier's number for the rule."""

    def __init__(self, check: str, sentence: str) -> None:
        super().__init__(sentence)
        self.check = check


def _refuse_constant(name: str) -> object:
    raise MalformedEntry("V9", f"{name} is not a number.")


def _make_writer() -> Callable[[object], str]:
    """Make the writer of canonical JSON; the library's own would set itself up for every value."""
    encoder = json.JSONEncoder(
        ensure_ascii=False,
        check_circular=False,  # the walk before it has bounded the depth
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # another Python than CPython
        return encoder.encode
    escape = getattr(json.encoder, "encode_basestring")  # noqa: B009 - no stub knows it
    pieces = make(None, encoder.default, escape, None, ":", ",", True, False, False)  # noqa: FBT003
    return lambda value: "".join(pieces(value, 0))


_write = _make_writer()
_decoder: Any = json.JSONDecoder(parse_constant=_refuse_constant)
_read = _decoder.decode
_read_at = _decoder.scan_once  # reads one value at a place of a text, and tells where it ends


def encode(entry: Mapping[str, object]) -> bytes:
    """Give the one spelling of ``entry``, the bytes to store and to hash.

    Raises MalformedEntry if a member is missing, unknown, of another type or alphabet, or if the
    whole is too deep or too long.
    """
    members = entry if type(entry) is dict else dict(entry)
    _check_members(members)
    text = _write(members)
    if not text.isascii():
        _check_script(members, text)
    elif "\\" in text or "\x7f" in text:
        _check_escapes(text)
    try:
        data = text.encode()
    except UnicodeEncodeError as surrogate:
        raise MalformedEntry("V11", "The text holds half a surrogate pair.") from surrogate
    if len(data) > BYTES_MAX:
        raise MalformedEntry("V9", f"The entry has {len(data)} bytes; at most {BYTES_MAX} fit.")
    return data


def decode(data: bytes) -> dict[str, Any]:
    """Read an entry, refusing every byte sequence that ``encode`` would not have written.

    Raises MalformedEntry; ``check`` tells strict JSON (V9) from another spelling (V10) and from
    a foreign alphabet (V11).
    """
    if not BYTES_MIN <= len(data) <= BYTES_MAX:
        raise MalformedEntry("V9", f"The entry has {len(data)} bytes, outside 2 to {BYTES_MAX}.")
    try:
        text = data.decode()
        members = _read(text)
    except MalformedEntry:
        raise
    except (ValueError, RecursionError) as broken:
        raise MalformedEntry("V9", f"The bytes are not UTF-8 JSON: {broken}.") from broken
    if type(members) is not dict:
        raise MalformedEntry("V9", "The top level is not an object.")
    if plain(text) is None and encode(members) != data:
        json.loads(data, object_pairs_hook=_refuse_duplicates)
        raise MalformedEntry("V10", "The bytes are not the canonical spelling of their content.")
    return members


def leaf_hash(data: bytes) -> bytes:
    """Hash the bytes of an entry into its leaf: 32 bytes. Source: RFC 6962, section 2.1."""
    return sha256(b"\x00" + data).digest()


def timestamp(moment: datetime) -> str:
    """Write an aware moment in UTC with microseconds, as entries carry it.

    Raises ValueError for a moment without a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("A moment without a time zone has no place in the log.")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_timestamp(text: str) -> datetime:
    """Read back what ``timestamp`` wrote. Raises ValueError for any other form or a leap second."""
    if _TIMESTAMP.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a time of the form YYYY-MM-DDThh:mm:ss.ffffffZ.")
    return datetime.fromisoformat(text)


class Facts(NamedTuple):
    """What a verifier compares with other entries."""

    id: str
    nonce: str
    time_us: int  # microseconds since 1970
    act: str
    person: str
    others: tuple[str, ...]  # for whom it counts besides: whom a deputy stands in for, a service's owner
    allowed: bool
    policy: str
    trade: str | None  # of the links
    effects: Sequence[tuple[str, str, str, str]]  # id, kind, hash of the leaf before or nothing, rev


def plain(text: str) -> Facts | None:
    """Read ``text`` if it surely is what ``encode`` writes; None if the long way has to decide.

    Exact, for it is a canonical beginning, the canonical spelling of its data, and a canonical end.
    """
    head = _HEAD.match(text)
    at = -1 if head is None else head.end() if head["data"] is None else _end_of_data(text, head.end())
    tail = None if at < 0 else _TAIL.fullmatch(text, at)
    if head is None or tail is None:
        return None
    outcome, policy, effects, id_, linked, nonce, time = tail.groups()
    trade = None
    if linked is not None:
        links = _EACH_LINK.findall(linked)
        by_name = dict(links)
        if len(by_name) != len(links) or links != sorted(links):
            return None  # the form says nothing about the order of the links
        trade = by_name.get("trade")
    try:
        time_us = _minute_us(time[:16]) + int(time[17:19] + time[20:26])
    except ValueError:
        return None
    changed = () if effects is None else _EACH_EFFECT.findall(effects)
    others = tuple(other for other in (head["deputised"], head["owner"]) if other is not None)
    return Facts(
        id_, nonce, time_us, head["act"], head["person"], others, outcome == "allow", policy, trade, changed
    )


def _end_of_data(text: str, at: int) -> int:
    """Where the data that starts at ``at`` ends; -1 if it surely has another spelling than ours."""
    try:
        data, _ = _read_at(text, at)
        _check_data(data, 2)  # before the writing, which trusts the depth
    except (ValueError, RecursionError, StopIteration):
        return -1
    written = _write(data)
    if not text.startswith(written, at) or not written.isascii() or "\\" in written or "\x7f" in written:
        return -1
    return at + len(written)


@lru_cache(maxsize=4096)
def _minute_us(minute: str) -> int:
    """Microseconds since 1970 of a minute. Raises ValueError for a day or an hour that is none."""
    return microseconds(datetime.fromisoformat(minute + ":00Z"))


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def _check_members(entry: dict[str, object]) -> None:
    names = entry.keys()
    if not (names >= _ENTRY_MUST and names <= _ENTRY_MAY):
        raise _other_members("The entry", names, _ENTRY_MUST, _ENTRY_MAY)
    if type(entry["v"]) is not int or entry["v"] != 1:
        raise MalformedEntry("V9", "v is not 1.")
    _demand_match(_UUID7, entry["id"], "id")
    _demand_match(_NONCE, entry["nonce"], "nonce")
    _demand_word(_is_act, entry["act"], "act")
    if "req" in entry:
        _demand_match(_ID, entry["req"], "req")
    try:
        parse_timestamp(cast("str", entry["ts"]))
    except (TypeError, ValueError) as other:
        raise MalformedEntry("V9", f"ts: {other}") from other
    _check_actor(entry["actor"])
    _check_decision(entry["decision"])
    if "eff" in entry:
        _check_effects(entry["eff"])
    if "links" in entry:
        links = _object("links", entry["links"])
        for name, value in links.items():
            _demand_word(_is_id, name, "a name in links")
            _demand_match(_ID, value, "a value in links")
    if "data" in entry:
        _check_data(_object("data", entry["data"]), 2)


def _check_actor(value: object) -> None:
    actor = _object("actor", value)
    names = actor.keys()
    if not (names >= _ACTOR_MUST and names <= _ACTOR_MAY):
        raise _other_members("actor", names, _ACTOR_MUST, _ACTOR_MAY)
    for name, member in actor.items():
        if name != "roles":
            _demand_word(_is_id, member, f"actor.{name}")
    _check_words("actor.roles", actor["roles"])
    if "type" in actor and actor["type"] not in _ACTOR_TYPES:
        raise MalformedEntry("V9", "actor.type is neither human nor service.")


def _check_decision(value: object) -> None:
    decision = _object("decision", value)
    if decision.keys() != _DECISION:
        raise _other_members("decision", decision.keys(), _DECISION, _DECISION)
    _demand_match(_ID, decision["id"], "decision.id")
    if decision["outcome"] not in ("allow", "refuse"):
        raise MalformedEntry("V9", "decision.outcome is neither allow nor refuse.")
    _demand_word(_is_digest, decision["policy"], "decision.policy")
    _check_words("decision.rules", decision["rules"])


def _check_effects(effects: object) -> None:
    if not isinstance(effects, list | tuple):
        raise MalformedEntry("V9", "eff is not a list.")
    for value in effects:
        effect = _object("an effect", value)
        rev = effect.get("rev")
        if type(rev) is not int or not 1 <= rev <= INTEGER_MAX:
            raise MalformedEntry("V9", "eff.rev is not a whole number from 1.")
        expected = _FIRST_EFFECT if rev == 1 else _LATER_EFFECT
        if effect.keys() != expected:
            raise _other_members(f"an effect of rev {rev}", effect.keys(), expected, expected)
        if rev > 1:
            _demand_match(_LEAF, effect["prev"], "eff.prev")
        _demand_match(_DIGEST, effect["after"], "eff.after")
        _demand_match(_ID, effect["id"], "eff.id")
        _demand_word(_is_id, effect["kind"], "eff.kind")


def _check_words(where: str, words: object) -> None:
    if not isinstance(words, list | tuple):
        raise MalformedEntry("V9", f"{where} is not a list.")
    for word in words:
        _demand_word(_is_id, word, where)


def _check_data(value: object, depth: int) -> None:
    """Walk ``value``: only text, whole numbers, truth values, lists and objects, not too deep."""
    members: Iterable[object]
    if isinstance(value, dict):
        members = value.values()
        _check_names(value)
    elif isinstance(value, list | tuple):
        members = value
    else:
        _check_scalar(value)
        return
    if depth > DEPTH_MAX:
        raise MalformedEntry("V9", f"The entry is nested deeper than {DEPTH_MAX}.")
    for member in members:
        if type(member) is not str:
            _check_data(member, depth + 1)


def _check_scalar(value: object) -> None:
    if isinstance(value, int):
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise MalformedEntry("V9", f"The number {value:#x} is beyond 2^53-1.")
    elif not isinstance(value, str):
        raise MalformedEntry("V9", f"data holds a {type(value).__name__}, which has no one spelling.")


def _check_names(names: Collection[object]) -> None:
    if not (len(names) <= NAMES_REMEMBERED_MAX and _are_ids(tuple(names))):
        for name in names:
            _demand_word(_is_id, name, "a name in data")


def _check_escapes(text: str) -> None:
    """Refuse control characters: the JSON writer escapes them, all but DEL."""
    if "\x7f" in text or any(escaped not in '"\\' for escaped in _ESCAPED.findall(text)):
        raise MalformedEntry("V11", "The text holds a control character.")


def _check_script(entry: dict[str, object], text: str) -> None:
    """Refuse what looks like other text than it is: twins, hidden characters, disguised codes."""
    _check_escapes(text)
    for character in set(text):
        if character > "\x7f" and unicodedata.category(character) in _HIDDEN_CATEGORIES:
            raise MalformedEntry("V11", f"The text holds the hidden character U+{ord(character):04X}.")
    # Strings are parted by quotes, which compose with nothing, so the whole is NFC if each is.
    if not unicodedata.is_normalized("NFC", text):
        raise MalformedEntry("V11", "The text is not in NFC.")
    _check_codes(entry.get("data"))


def _check_codes(value: object) -> None:
    if isinstance(value, dict):
        for name, member in value.items():
            if name in CODE_MEMBERS and not _write(member).isascii():
                raise MalformedEntry("V11", f"The code {name} holds letters of another script.")
            _check_codes(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _check_codes(member)


def _object(where: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise MalformedEntry("V9", f"{where} is not an object.")
    return value


def _demand_match(pattern: re.Pattern[str], value: object, where: str) -> None:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise MalformedEntry("V11", f"{where} is {value!r:.80}, not of the form {pattern.pattern}.")


def _demand_word(is_word: Any, value: object, where: str) -> None:
    if not isinstance(value, str) or not is_word(value):
        raise MalformedEntry("V11", f"{where} is {value!r:.80}, outside its alphabet.")


# Words of the business repeat in every entry, so remembering them saves the matching.
@lru_cache(maxsize=4096)
def _is_id(word: str) -> bool:
    return _ID.fullmatch(word) is not None


@lru_cache(maxsize=4096)
def _are_ids(words: tuple[object, ...]) -> bool:
    return all(isinstance(word, str) and _ID.fullmatch(word) is not None for word in words)


@lru_cache(maxsize=1024)
def _is_act(word: str) -> bool:
    return len(word) <= 64 and _ACT.fullmatch(word) is not None  # noqa: PLR2004 - as ids


@lru_cache(maxsize=1024)
def _is_digest(word: str) -> bool:
    return _DIGEST.fullmatch(word) is not None


def _other_members(
    where: str,
    names: Any,
    must: frozenset[str],
    may: frozenset[str],
) -> MalformedEntry:
    missing, unknown = sorted(must - names), sorted(map(str, names - may))
    return MalformedEntry("V9", f"{where} lacks {missing} and has the unknown {unknown}.")


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedEntry("V9", "An object names one member twice.")
    return members
