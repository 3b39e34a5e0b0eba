"""Forms that bring a file with them, and the forms of master data that the interface had before the pages."""

from pathlib import Path
from uuid import uuid4

import policies
from tests.bank import World
from tests.settling import captured
from tests.visiting import SAME_ORIGIN, signed_in, stranger

PDF = b"%PDF-1.7 a statement as it came"
TEXT = "text/plain"
VERIFIER = "p, verifier, trade.read, checks deals\n"


async def test_files_are_taken_in_filed_and_fetched_as_they_were(bank: World) -> None:
    deal, confirmer = await captured(bank), await signed_in(bank, "confirmer")
    inbound = (await confirmer.get("/confirmations/inbound")).form("/papers/confirmation.receive")
    page = await confirmer.bring(
        inbound, "a note.txt", b"nothing that could be read", TEXT, sender="FIRSTDEFF"
    )
    assert "a note.txt" in page.text

    filing = (await confirmer.get("/documents", trade=deal.id)).form("/papers/document.file")
    page = await confirmer.bring(filing, "statement.pdf", PDF, "application/pdf", kind="statement")
    assert "statement.pdf" in page.text
    fetched = next(link for link in page.links if link.startswith("/documents/"))
    answer = await confirmer.client.get(fetched)
    assert (answer.content, answer.headers["content-type"]) == (PDF, "application/pdf")
    assert "attachment" in answer.headers["content-disposition"]
    refused = await confirmer.bring(filing, "statement.pdf", b"no PDF", "application/pdf", kind="statement")
    assert "refused" in refused.text

    settler = await signed_in(bank, "settler")
    status = (await settler.get("/payment-statuses")).form("/papers/payment_status.receive")
    page = await settler.bring(status, "word.xml", b"<Document/>", "application/xml", sender="MARKDEFF")
    assert "word.xml" in page.text


async def test_a_refused_form_with_a_file_names_the_field_and_keeps_what_was_ticked(bank: World) -> None:
    confirmer, settler = await signed_in(bank, "confirmer"), await signed_in(bank, "settler")
    filing = (await confirmer.get("/documents")).form("/papers/document.file")
    page = await confirmer.bring(filing, "a.txt", b"a", TEXT, kind="other", trade_id="FX-EUR 163")
    assert "Deal id : This cannot be read as it stands; correct it." in page.text, page.text
    page = await confirmer.bring(filing, "a.txt", b"", TEXT, kind="other")
    assert "File : A document without a byte is none." in page.text, page.text
    assert "#document.file.file" in page.links

    for visitor, path, action in (
        (confirmer, "/confirmations/inbound", "/papers/confirmation.receive"),
        (settler, "/payment-statuses", "/papers/payment_status.receive"),
    ):
        form = (await visitor.get(path)).form(action)
        for ticked in ({"through_trading": "true"}, {}):
            sent = form.fields | {"sender": "x", "_key": str(uuid4())} | ticked
            file = {"file": ("a.txt", b"a word", TEXT)}
            del sent["file"]
            await visitor.client.post(form.action, data=sent, files=file, headers=SAME_ORIGIN)
            shown = (await visitor.client.get(path)).text
            assert 'aria-invalid="true"' in shown, path
            assert ('name="through_trading" value="true" checked>' in shown) is bool(ticked), path


async def test_a_form_with_a_file_passes_no_wall_that_another_form_would_not(bank: World) -> None:
    confirmer, trader = await signed_in(bank, "confirmer"), await signed_in(bank, "trader")
    form = (await confirmer.get("/documents")).form("/papers/document.file")
    fields = {name: value for name, value in form.fields.items() if name != "file"} | {"kind": "other"}
    one = {"file": ("a.txt", b"a", TEXT)}

    async def status(visitor: object = confirmer, *, headers: object = SAME_ORIGIN, **sent: object) -> int:
        facts = {"data": fields, "files": one, "headers": headers} | sent
        answer = await visitor.client.post(form.action, **facts)  # type: ignore[attr-defined]
        return int(answer.status_code)

    assert await status(headers={"Sec-Fetch-Site": "cross-site"}) == 403
    assert await status(data=fields | {"_token": "0" * 64}) == 403
    assert await status(trader) == 403  # the token is the confirmer's
    assert await status(stranger(bank)) == 303  # to the door, and nothing was read
    assert await status(files=[("file", one["file"]), ("file", one["file"])]) == 400
    assert await status(files=[("other", one["file"])]) == 400
    assert await status(files={"file": ("a.txt", b"a" * 12_000_000, TEXT)}) == 413
    assert await status(files=None) == 415
    body, kind = b"--x\r\nno part at all", {"content-type": "multipart/form-data; boundary=x"}
    assert await status(data=None, files=None, content=body, headers=SAME_ORIGIN | kind) == 400
    none = {"content-type": "multipart/form-data"}
    assert await status(data=None, files=None, content=body, headers=SAME_ORIGIN | none) == 400
    elsewhere = await confirmer.client.post(
        "/acts/document.file", data=fields, files=one, headers=SAME_ORIGIN
    )
    assert elsewhere.status_code == 415  # only where files are taken
    act = await confirmer.client.post("/papers/trade.verify", data=fields, files=one, headers=SAME_ORIGIN)
    assert act.status_code == 400

    own = (await trader.get("/account")).form("/sign-out").fields["_token"]
    said = await trader.client.post(
        form.action, data=fields | {"_token": own}, files=one, headers=SAME_ORIGIN
    )
    assert said.status_code == 303
    assert "refused: File document" in (await trader.get("/trades")).text  # by the gate, on record


async def test_one_changed_table_is_a_draft_of_the_whole_policy(bank: World) -> None:
    author = await signed_in(bank, "policy-author")
    form = (await author.get("/policy")).form("/papers/policy.draft")
    table = (Path(policies.__file__).parent / "policy.csv").read_text(encoding="utf-8")
    assert VERIFIER in table
    changed = table.replace(VERIFIER, VERIFIER + "p, verifier, balance.read, compares deals with the books\n")
    facts = {"effective_at": "2099-01-01T08:00", "reason": "the verifier compares with the books"}

    page = await author.bring(form, "policy.csv", changed.encode(), "text/csv", **facts)
    assert "the verifier compares with the books" in page.text
    for name, content in (("policy.csv", b"\xff"), ("elsewhere.csv", b"a"), ("policy.csv", table.encode())):
        said = await author.bring(
            (await author.get("/policy")).form(form.action), name, content, "text/csv", **facts
        )
        assert "refused" in said.text, name


async def test_master_data_proposes_how_deals_are_confirmed_and_settled_on_its_pages(bank: World) -> None:
    steward = await signed_in(bank, "steward")
    parties = await steward.get("/parties")
    party = parties.form("channel.propose").choices["counterparty"][-1]
    channel = {"counterparty": party, "format": "swift", "medium": "file", "address": "first-counterparty",
               "senders[]": "FIRSTDEFFXXX, first@counterparty.test", "language": "de", "party_class": "financial",
               "call_back": "+49 69 123456"}  # fmt: skip
    said = await steward.submit(parties.form("channel.propose"), **channel)
    assert "refused" not in said.text, said.text
    wrong = await steward.submit(parties.form("tolerance.propose"), rates="0.5", amounts="0.01")
    assert "refused" in wrong.text
    said = await steward.submit(
        (await steward.get("/parties")).form("tolerance.propose"), rates="0.0001", amounts="0.01"
    )
    assert "refused" not in said.text, said.text
    common = {"valid_from": "2026-11-02", "source": "the custodian's circular", "reason": "as agreed"}
    for table, line in (
        ("freshness", {"days": "30"}),
        ("cut_off", {"currency": "EUR", "at": "15:30", "zone": "Europe/Berlin"}),
        ("netting", {"counterparty": party, "allowed": "false"}),
        ("ladder", {"amount": "5,000,000.00"}),
    ):
        form = (await steward.get("/settlement-rules", propose=table)).form("settlement_rule.propose")
        said = await steward.submit(form, **line, **common)
        assert "refused" not in said.text, (table, said.text)


async def test_a_trader_hands_on_what_a_counterparty_sent_to_the_desk(bank: World) -> None:
    deal, trader = await captured(bank), await signed_in(bank, "trader")
    said = {"sender": "their trader", "said": "we confirm the deal at 1.1650"}
    page = await trader.act(f"/trades/{deal.id}", "confirmation.forward", **said)
    assert "refused" not in page.text, page.text
