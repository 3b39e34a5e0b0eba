"""What a password may be, how secrets are kept, and when a session is over: the promises behind the sign-in."""

import hashlib

from service.people.authentication import LENGTH_MAX, LENGTH_MIN, SESSION_IDLE_SECONDS, weakness
from tests.bank import PASSWORD, World
from tests.deals import by_force, rows
from tests.visiting import signed_in

SECRET = "SELECT c.secret FROM public.credential c JOIN public.account a ON a.id = c.account_id WHERE a.name = 'trader'"

EASY = (
    "x" * (LENGTH_MIN - 1),
    "14 characters.",
    "x y " * (LENGTH_MAX // 4) + "z",
    "passwordpassword",
    "PASSWORDpassword",
    "aaaaaaaaaaaaaaaaaaaa",
    "my name is trader, hello",
)
GOOD = (
    "only small letters here",
    "  spaces at both ends  ",
    "ÄÖÜ — Straße № 7, 東京",
    "x y " * (LENGTH_MAX // 4),
)


def test_a_password_is_long_and_not_easy_and_any_characters_do() -> None:
    assert [weakness(password, "trader") is None for password in EASY] == [False] * len(EASY)
    assert [weakness(password, "trader") for password in GOOD] == [None] * len(GOOD)


async def test_everybody_changes_their_password_and_it_is_taken_as_it_comes(bank_world: World) -> None:
    chosen = GOOD[1]
    before = await rows(bank_world, SECRET)
    async with bank_world.anonymous() as client:
        opened = await client.post("/api/sessions", json={"account": "trader", "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {opened.json()['token']}"
        easy = {"password": EASY[-1], "current": PASSWORD}
        assert (await client.put("/api/sessions/current/password", json=easy)).status_code in (400, 422)
        right = {"password": chosen, "current": PASSWORD}
        answer = await client.put("/api/sessions/current/password", json=right)
        assert answer.status_code == 204
        del client.headers["Authorization"]
        for near, status in ((chosen.strip(), 401), (chosen.swapcase(), 401), (chosen, 201)):
            body = {"account": "trader", "password": near}
            assert (await client.post("/api/sessions", json=body)).status_code == status, near
    assert (await rows(bank_world, SECRET)) != before


async def test_a_session_found_open_is_not_enough_to_change_the_password(bank_world: World) -> None:
    before = await rows(bank_world, SECRET)
    trader = await bank_world.as_("trader")
    where = "/api/sessions/current/password"
    for guess in ({}, {"current": "not the password at all"}, {"current": PASSWORD.swapcase()}):
        refused = await trader.client.put(where, json={"password": GOOD[1], **guess})
        told = refused.json()
        assert (refused.status_code, told["code"], told["field"]) == (403, "not_your_password", "current")
    counted = "FROM public.credential c JOIN public.account a ON a.id = c.account_id WHERE a.name = 'trader'"
    assert (await rows(bank_world, f"SELECT c.failures {counted}"))[
        0
    ].failures == 3  # as if tried at the door

    await by_force(
        bank_world, "UPDATE public.credential SET retry_at = clock_timestamp() + interval '1 hour'"
    )
    slowed = await trader.client.put(where, json={"password": GOOD[1], "current": PASSWORD})
    assert (slowed.status_code, slowed.json()["code"]) == (429, "too_many_tries")
    assert (await rows(bank_world, SECRET)) == before

    lines = [
        row.line
        for row in await rows(
            bank_world,
            "SELECT convert_from(bytes, 'UTF8') AS line FROM public.audit_entry "
            "WHERE act = 'password.change' AND outcome = 'refuse'",
        )
    ]
    assert len(lines) == 4
    assert not any(secret in line for line in lines for secret in (PASSWORD, PASSWORD.swapcase(), GOOD[1]))


async def test_everybody_types_the_current_password_on_the_page_too(bank_world: World) -> None:
    trader = await signed_in(bank_world, "trader")
    form = (await trader.get("/password")).form("/password")
    wrong = await trader.submit(form, current="something else entirely", password=GOOD[0], again=GOOD[0])
    assert "This is not your current password; nothing was changed." in wrong.text
    done = await trader.submit(form, current=PASSWORD, password=GOOD[0], again=GOOD[0])
    assert "Sign in with the new one." in done.text


async def test_of_a_password_its_argon2_hash_is_kept_and_of_a_token_its_digest(bank_world: World) -> None:
    async with bank_world.anonymous() as client:
        tokens = [
            (await client.post("/api/sessions", json={"account": "trader", "password": PASSWORD})).json()["token"]
            for _ in range(2)
        ]  # fmt: skip
    secrets = [row.secret for row in await rows(bank_world, "SELECT secret FROM public.credential")]
    assert secrets
    assert all(secret.startswith("$argon2id$") for secret in secrets)
    kept = {bytes(row.token_sha256) for row in await rows(bank_world, "SELECT token_sha256 FROM session")}
    assert {hashlib.sha256(token.encode()).digest() for token in tokens} <= kept
    assert tokens[0] != tokens[1]
    assert all(len(token.rpartition(".")[2]) >= 43 for token in tokens)  # 256 bits in base64


async def test_a_session_ends_when_nobody_uses_it_and_at_the_latest_after_its_day(bank_world: World) -> None:
    for account, past in (
        ("trader", f"last_seen_at = last_seen_at - interval '{SESSION_IDLE_SECONDS + 60} seconds'"),
        ("verifier", "expires_at = now() - interval '1 second'"),
    ):
        caller = await bank_world.as_(account)
        assert (await caller.get("/api/powers")).status_code == 200
        await by_force(
            bank_world,
            f"UPDATE public.session s SET {past} FROM public.account a "
            f"WHERE a.id = s.account_id AND a.name = '{account}'",
        )
        assert (await caller.get("/api/powers")).status_code == 401, account
    longest = await rows(
        bank_world, "SELECT max(extract(epoch FROM expires_at - opened_at)) AS s FROM public.session"
    )
    assert longest[0].s <= 12 * 60 * 60
