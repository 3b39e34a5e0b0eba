import json
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit.entry import (
    BYTES_MAX,
    MalformedEntry,
    decode,
    encode,
    leaf_hash,
    parse_timestamp,
    plain,
    timestamp,
)
from tests.audit.logs import Story

ENTRY = Story().draft("trade.capture", trade="t-1", effects=[("trade", "t-1")])
LINE = encode(ENTRY)


def in_depth(depth: int) -> object:
    """A value nested ``depth`` deep."""
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


text = st.text(st.characters(exclude_categories=("C", "Zl", "Zp"))).map(
    lambda t: unicodedata.normalize("NFC", t),
)
names = st.from_regex(r"\A[A-Za-z0-9._:-]{1,64}\Z").map(lambda name: f"x.{name[:62]}")
values = st.recursive(
    text | st.booleans() | st.integers(1 - 2**53, 2**53 - 1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(names, values, max_size=4))
def test_what_is_written_is_read_back(data):
    entry = ENTRY | {"data": data}
    if depth_of(entry) > 8:
        with pytest.raises(MalformedEntry, match="deeper"):
            encode(entry)
    else:
        assert decode(encode(entry)) == entry


def depth_of(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(st.binary(max_size=200))
@example(b"[" * 60_000)
@example(b'{"a":' * 10_000)
@example(b"9" * 65_535)
@example(b"\xff\xfe{}")
@example(b"{}")
@example(b"null")
def test_hostile_bytes_are_refused_as_malformed(data):
    with pytest.raises(MalformedEntry):
        decode(data)


@given(st.integers(0, len(LINE) - 1), st.binary(min_size=1, max_size=3), st.integers(0, 3))
def test_a_changed_entry_is_refused_or_another_entry(at, put, cut):
    changed = LINE[:at] + put + LINE[at + cut :]
    try:
        read = decode(changed)
    except MalformedEntry:
        return

    assert encode(read) == changed
    assert changed == LINE or (read != ENTRY and leaf_hash(changed) != leaf_hash(LINE))


WRONG = {
    "unknown member": {"extra": "x"},
    "null for a member": {"links": None},
    "version 2": {"v": 2},
    "version true": {"v": True},
    "uuid of version 4": {"id": "01234567-0123-4123-8123-0123456789ab"},
    "id in capitals": {"id": "0123456A-0000-7000-8000-000000000000"},
    "short nonce": {"nonce": "12"},
    "act in capitals": {"act": "Trade.Capture"},
    "act with a hole": {"act": "trade..capture"},
    "act of 65": {"act": "a" * 65},
    "id of 65": {"req": "a" * 65},
    "empty id": {"req": ""},
    "id with a space": {"req": "a b"},
    "time without microseconds": {"ts": "2026-11-02T08:00:00Z"},
    "time with an offset": {"ts": "2026-11-02T08:00:00.000000+00:00"},
    "leap second": {"ts": "2026-12-31T23:59:60.000000Z"},
    "30 February": {"ts": "2026-02-30T00:00:00.000000Z"},
    "time of other digits": {"ts": "\u0662026-11-02T08:00:00.000000Z"},
    "time as a number": {"ts": 5},
    "actor without a person": {"actor": {"account": "a", "office": "o", "roles": []}},
    "actor with a null": {"actor": ENTRY["actor"] | {"unit": None}},
    "actor with a name": {"actor": ENTRY["actor"] | {"name": "x"}},
    "actor as text": {"actor": "a"},
    "actor of another type": {"actor": ENTRY["actor"] | {"type": "batch"}},
    "actor of a type that is a list": {"actor": ENTRY["actor"] | {"type": ["human"]}},
    "roles as text": {"actor": ENTRY["actor"] | {"roles": "r"}},
    "a decision of maybe": {"decision": ENTRY["decision"] | {"outcome": "maybe"}},
    "an outcome that is a list": {"decision": ENTRY["decision"] | {"outcome": []}},
    "a decision without policy": {"decision": {"id": "d", "outcome": "allow", "rules": []}},
    "a policy that is no digest": {"decision": ENTRY["decision"] | {"policy": "sha256:12"}},
    "links to a list": {"links": {"trade": ["t"]}},
    "a link named oddly": {"links": {"tr ade": "t"}},
    "effects as an object": {"eff": {}},
    "effect of rev 0": {"eff": [ENTRY["eff"][0] | {"rev": 0}]},
    "effect of rev true": {"eff": [ENTRY["eff"][0] | {"rev": True}]},
    "first rev with prev": {"eff": [ENTRY["eff"][0] | {"prev": "00" * 32}]},
    "later rev without prev": {"eff": [ENTRY["eff"][0] | {"rev": 2}]},
    "effect without digest": {"eff": [ENTRY["eff"][0] | {"after": "x"}]},
    "data as a list": {"data": []},
    "a float": {"data": {"x": 1.5}},
    "a null": {"data": {"x": {"y": None}}},
    "bytes": {"data": {"x": b"x"}},
    "a name that is a number": {"data": {1: "x"}},
    "a name in Greek": {"data": {"\u03b1": "x"}},
    "2^53": {"data": {"x": 2**53}},
    "-2^53": {"data": {"x": -(2**53)}},
    "too long": {"data": {"x": "x" * BYTES_MAX}},
    "too deep": {"data": {"x": in_depth(7)}},
    "far too deep": {"data": {"x": in_depth(5000)}},
    "a newline": {"data": {"x": "a\nb"}},
    "half a pair": {"data": {"x": "\ud800"}},
}


RESPELT = {
    "links out of order": ('{"trade":"t-1"}', '{"trade":"t-1","request":"r"}'),
    "a link named twice": ('{"trade":"t-1"}', '{"trade":"t-0","trade":"t-1"}'),
    "a link to a number": ('{"trade":"t-1"}', '{"trade":1}'),
    "a later rev without prev": ('"rev":1}', '"rev":2}'),
    "a first rev with prev": ('"rev":1}', f'"prev":"{"0" * 64}","rev":1}}'),
    "a rev with a leading zero": ('"rev":1}', f'"prev":"{"0" * 64}","rev":02}}'),
    "a rev beyond 2^53": ('"rev":1}', f'"prev":"{"0" * 64}","rev":{2**53}}}'),
    "a rev as a fraction": ('"rev":1}', '"rev":1.0}'),
    "a day that is not": ("2026-11-02T", "2026-11-31T"),
    "an hour that is not": ("T08:", "T24:"),
    "members of data out of order": ('"data":{', '"data":{"z":"x","a":"y",'),
    "data twice": ('"data":{', '"data":{},"data":{'),
    "a comma too much": ('["r"]', '["r",]'),
    "an act of 65": ('"act":"trade.capture"', f'"act":"{"a" * 65}"'),
}


@pytest.mark.parametrize("respelt", RESPELT)
def test_bytes_with_this_are_no_entry(respelt):
    text, other = RESPELT[respelt]
    assert text in LINE.decode()

    with pytest.raises(MalformedEntry):
        decode(LINE.decode().replace(text, other).encode())


def test_a_later_rev_names_the_entry_before_it():
    later = ENTRY | {"eff": [ENTRY["eff"][0] | {"prev": "00" * 32, "rev": rev} for rev in (2, 19, 2**53 - 1)]}

    assert decode(encode(later)) == later


@pytest.mark.parametrize("wrong", WRONG)
def test_an_entry_with_this_is_no_entry(wrong):
    with pytest.raises(MalformedEntry):
        encode(ENTRY | WRONG[wrong])


@pytest.mark.parametrize("member", ["act", "actor", "decision", "id", "nonce", "ts", "v"])
def test_an_entry_without_this_is_no_entry(member):
    with pytest.raises(MalformedEntry, match=member):
        encode({name: value for name, value in ENTRY.items() if name != member})


@pytest.mark.parametrize("member", ["data", "eff", "links", "req"])
def test_an_entry_may_do_without_this(member):
    entry = {name: value for name, value in ENTRY.items() if name != member}

    assert decode(encode(entry)) == entry


def test_nesting_of_eight_is_the_limit():
    deepest = ENTRY | {"data": {"x": in_depth(6)}}

    assert decode(encode(deepest)) == deepest


def test_quotes_and_backslashes_are_text_like_any_other():
    entry = ENTRY | {"data": {"x": '\\n "quoted" \\u0041'}}

    assert decode(encode(entry)) == entry


def test_words_of_an_enumeration_are_written_as_text():
    class Office(StrEnum):
        BACK = "back_office"

    entry = ENTRY | {"actor": ENTRY["actor"] | {"office": Office.BACK}}

    assert decode(encode(entry))["actor"]["office"] == "back_office"


def test_an_entry_is_written_without_white_space_and_in_order():
    assert LINE.decode() == json.dumps(ENTRY, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert list(json.loads(LINE)) == sorted(ENTRY)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_read_back_to_the_microsecond(moment):
    assert parse_timestamp(timestamp(moment)) == moment


def test_a_time_is_written_in_utc():
    zone = timezone(timedelta(hours=9))

    assert timestamp(datetime(2026, 11, 21, 19, 11, 12, 120, tzinfo=zone)) == "2026-11-21T10:11:12.000120Z"
    with pytest.raises(ValueError, match="time zone"):
        timestamp(datetime(2026, 11, 21))  # noqa: DTZ001 - the point


def test_a_leaf_is_hashed_apart_from_nodes():
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@pytest.mark.parametrize("kind", ["human", "service"])
def test_who_acts_is_a_human_or_a_service_and_is_read_at_once(kind):
    line = encode(ENTRY | {"actor": ENTRY["actor"] | {"type": kind}})

    assert decode(line)["actor"]["type"] == kind
    assert plain(line.decode()) is not None
    assert plain(line.decode().replace(f'"type":"{kind}"', '"type":"batch"')) is None
