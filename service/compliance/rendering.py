"""An entry of the log as one sentence for people, in German or English, told by the entry alone.

Persons are told by office, role and identifier: the log knows no names.
"""

from collections.abc import Mapping
from typing import Any, Final

from policies.vocabulary import Action
from service.compliance.case_phrases import CASE_PHRASES
from service.ui.languages import Language, Words
from service.ui.words import OFFICES, act_named, role_named

REASON_CHARACTERS_MAX: Final = 200

PHRASES: Final[Mapping[str, tuple[str, str]]] = {
    **CASE_PHRASES,
    Action.ALERT_REVIEW: ("reviewed an alert", "hat einen Hinweis geprüft"),
    Action.ALLEGED_ANSWER: (
        "said whether an alleged deal is known",
        "hat gesagt, ob ein behauptetes Geschäft bekannt ist",
    ),
    Action.ALLEGED_READ: ("read alleged deals", "hat behauptete Geschäfte gelesen"),
    Action.CHANNEL_PROPOSE: (
        "proposed how a counterparty is written to",
        "hat einen Bestätigungsweg vorgeschlagen",
    ),
    Action.CHANNEL_READ: ("read how counterparties are written to", "hat Bestätigungswege gelesen"),
    Action.BROKER_STATEMENT_RECORD: (
        "recorded the broker's statement",
        "hat die Schlussnote des Maklers erfasst",
    ),
    Action.CHECKLIST_SIGN: (
        "signed off the papers of the deal",
        "hat die Unterlagen des Geschäfts abgezeichnet",
    ),
    Action.LONG_FORM_FILE: (
        "filed the long form of the contract",
        "hat die Langfassung des Vertrags abgelegt",
    ),
    Action.CONFIRMATION_CHASE: ("reminded the counterparty", "hat die Gegenpartei gemahnt"),
    Action.CONFIRMATION_COLLECT: ("took in what the counterparty sent", "hat den Posteingang übernommen"),
    Action.CONFIRMATION_DEEM: (
        "held silence to be agreement, as the contract says",
        "hat Schweigen nach dem Vertrag als Zustimmung gewertet",
    ),
    Action.CONFIRMATION_FORWARD: (
        "handed on a confirmation that came to trading",
        "hat eine beim Handel eingegangene Bestätigung weitergegeben",
    ),
    Action.CONFIRMATION_RECEIVE: ("took in a confirmation", "hat eine Bestätigung entgegengenommen"),
    Action.CONFIRMATION_REDRAFT: ("drafted the confirmation anew", "hat die Bestätigung neu entworfen"),
    Action.INBOUND_DISMISS: ("put an incoming message aside", "hat eine eingegangene Nachricht abgelegt"),
    Action.INBOUND_LINK: (
        "linked an incoming message to the deal",
        "hat eine eingegangene Nachricht dem Geschäft zugeordnet",
    ),
    Action.INBOUND_SHARE: (
        "showed an alleged deal to trading",
        "hat dem Handel ein behauptetes Geschäft vorgelegt",
    ),
    Action.PAYMENT_BEGIN: (
        "began to send a payment message",
        "hat mit dem Versand einer Zahlungsnachricht begonnen",
    ),
    Action.PAYMENT_COMPLETE: ("sent a payment message", "hat eine Zahlungsnachricht versandt"),
    Action.PAYMENT_FAIL: (
        "could not send a payment message",
        "konnte eine Zahlungsnachricht nicht versenden",
    ),
    Action.PAYMENT_RETRY: (
        "had a payment message written anew or sent again",
        "hat eine Zahlungsnachricht neu schreiben oder erneut versenden lassen",
    ),
    Action.PAYMENT_STATUS_APPLY: (
        "brought what a bank says to its payment",
        "hat die Meldung einer Bank ihrer Zahlung zugeordnet",
    ),
    Action.PAYMENT_STATUS_CLOSE: (
        "closed what a bank said about a payment",
        "hat die Meldung einer Bank zu einer Zahlung abgeschlossen",
    ),
    Action.PAYMENT_STATUS_COLLECT: (
        "took in what a bank says of payments",
        "hat die Meldung einer Bank zu Zahlungen übernommen",
    ),
    Action.PAYMENT_STATUS_RECEIVE: (
        "took in by hand what a bank says of payments",
        "hat die Meldung einer Bank zu Zahlungen von Hand entgegengenommen",
    ),
    Action.POLICY_READ: ("read the policy", "hat das Regelwerk gelesen"),
    Action.SUBSTITUTE_APPROVE: (
        "agreed to a verification in another way",
        "hat einem anderweitigen Nachweis zugestimmt",
    ),
    Action.SUBSTITUTE_PROPOSE: (
        "verified the deal in another way",
        "hat das Geschäft anderweitig nachgewiesen",
    ),
    Action.SUBSTITUTE_REFUSE: (
        "refused a verification in another way",
        "hat einen anderweitigen Nachweis abgelehnt",
    ),
    Action.TOLERANCE_PROPOSE: (
        "proposed a tolerance of matching",
        "hat eine Abgleichstoleranz vorgeschlagen",
    ),
    Action.TRANSMISSION_BEGIN: ("began to send a message", "hat mit dem Versand einer Nachricht begonnen"),
    Action.TRANSMISSION_COMPLETE: ("sent a message", "hat eine Nachricht versandt"),
    Action.TRANSMISSION_FAIL: ("could not send a message", "konnte eine Nachricht nicht versenden"),
    Action.TRANSMISSION_RETRY: (
        "asked to send a message again",
        "hat den erneuten Versand einer Nachricht verlangt",
    ),
    Action.ACCOUNT_ASSIGN: (
        "named who answers for a service account",
        "hat die verantwortliche Person eines Dienstkontos benannt",
    ),
    Action.SESSION_REVIEW: (
        "looked into an identity in use on two devices",
        "hat eine auf zwei Geräten benutzte Kennung geprüft",
    ),
    Action.CONFLICT_CLOSE: (
        "closed a conflict of rights that was resolved",
        "hat einen behobenen Rechtekonflikt abgeschlossen",
    ),
    Action.RIGHT_CHECK: (
        "held everybody's rights against separation",
        "hat die Rechte aller gegen die Funktionstrennung gehalten",
    ),
    Action.STAFF_EVENT_RECORD: (
        "took a report of the personnel department",
        "hat eine Meldung der Personalabteilung aufgenommen",
    ),
    Action.ACCOUNT_OPEN: ("opened an account", "hat ein Konto eröffnet"),
    Action.AGREEMENT_CLEAR: ("cleared an agreement", "hat eine Vereinbarung freigegeben"),
    Action.AGREEMENT_PROPOSE: ("filed an agreement", "hat eine Vereinbarung eingereicht"),
    Action.AGREEMENT_REFUSE: ("refused an agreement", "hat eine Vereinbarung abgelehnt"),
    Action.BENCHMARK_APPROVE: (
        "put a tolerance or reference rate in force",
        "hat eine Toleranz oder einen Referenzsatz in Kraft gesetzt",
    ),
    Action.BENCHMARK_PROPOSE: (
        "proposed a tolerance or reference rate",
        "hat eine Toleranz oder einen Referenzsatz vorgeschlagen",
    ),
    Action.BENCHMARK_REFUSE: (
        "refused a tolerance or reference rate",
        "hat eine Toleranz oder einen Referenzsatz abgelehnt",
    ),
    Action.CONFORMITY_READ: ("read the market checks", "hat die Marktprüfungen gelesen"),
    Action.NOTICE_TAKE: ("took notice", "hat Kenntnis genommen"),
    Action.TRADE_JUSTIFY: ("justified the price of the deal", "hat den Preis des Geschäfts begründet"),
    Action.BALANCE_READ: ("read the balances", "hat die Salden gelesen"),
    Action.BUSINESS_DATE_SET: ("set the business date", "hat den Geschäftstag gesetzt"),
    Action.CANCELLATION_REQUEST: ("asked for a cancellation", "hat eine Stornierung beantragt"),
    Action.CONFIRMATION_COUNTER: (
        "recorded the counterparty's confirmation",
        "hat die Gegenbestätigung erfasst",
    ),
    Action.CONFIRMATION_DISPATCH: ("sent the confirmation", "hat die Bestätigung versandt"),
    Action.CONFIRMATION_DRAFT: ("drafted the confirmation", "hat die Bestätigung entworfen"),
    Action.CONFIRMATION_MATCH: (
        "compared both sides of the confirmation",
        "hat beide Seiten der Bestätigung verglichen",
    ),
    Action.CONFIRMATION_READ: ("read confirmations", "hat Bestätigungen gelesen"),
    Action.CONFIRMATION_WITHDRAW: ("withdrew the confirmation", "hat die Bestätigung zurückgezogen"),
    Action.COUNTERPARTY_PROPOSE: ("proposed a counterparty", "hat einen Kontrahenten vorgeschlagen"),
    Action.ABSENCE_ACCEPT: (
        "took over the positions of an absent trader",
        "hat die Positionen eines abwesenden Händlers übernommen",
    ),
    Action.ABSENCE_INTERRUPT: ("interrupted an absence", "hat eine Abwesenheit unterbrochen"),
    Action.ABSENCE_PLAN: ("planned an absence", "hat eine Abwesenheit geplant"),
    Action.ABSENCE_READ: ("read who is absent", "hat gelesen, wer abwesend ist"),
    Action.ABSENCE_REVIEW: (
        "looked into an attempt to get in while absent",
        "hat einen Zugriffsversuch während der Abwesenheit geprüft",
    ),
    Action.ABSENCE_WITHDRAW: ("took a planned absence back", "hat eine geplante Abwesenheit zurückgenommen"),
    Action.DEAD_END_CLOSE: (
        "saw to an act that nobody was left for",
        "hat sich um einen Vorgang gekümmert, für den niemand übrig war",
    ),
    Action.DELEGATION_APPROVE: ("approved a deputy", "hat eine Vertretung genehmigt"),
    Action.DELEGATION_END: ("ended a deputising", "hat eine Vertretung beendet"),
    Action.DELEGATION_READ: ("read who stands in for whom", "hat gelesen, wer wen vertritt"),
    Action.DELEGATION_REFUSE: ("refused a deputy", "hat eine Vertretung abgelehnt"),
    Action.DELEGATION_REQUEST: ("named a deputy", "hat eine Vertretung benannt"),
    Action.DESK_REPORT_ACKNOWLEDGE: (
        "took notice of a desk's day",
        "hat den Tagesbericht eines Handelstisches zur Kenntnis genommen",
    ),
    Action.DESK_REPORT_ISSUE: ("reported a desk's day", "hat den Tag eines Handelstisches berichtet"),
    Action.DESK_REPORT_READ: ("read desk reports", "hat Tagesberichte von Handelstischen gelesen"),
    Action.DOCUMENT_FILE: ("filed a document", "hat ein Dokument abgelegt"),
    Action.DOCUMENT_READ: ("read documents", "hat Dokumente gelesen"),
    Action.ESCALATION_ANSWER: ("answered work that had climbed", "hat eine eskalierte Aufgabe beantwortet"),
    Action.ESCALATION_LEAD: (
        "answered, as head of the office, work that had climbed",
        "hat als Leitung der Stelle eine eskalierte Aufgabe beantwortet",
    ),
    Action.HANDOVER_ACCEPT: (
        "took over work that another office offered",
        "hat eine angebotene Aufgabe übernommen",
    ),
    Action.HANDOVER_OFFER: (
        "offered work to another office",
        "hat eine Aufgabe einer anderen Stelle angeboten",
    ),
    Action.HANDOVER_RETURN: ("gave work back", "hat eine Aufgabe zurückgegeben"),
    Action.WORK_ESCALATE: ("let unanswered work climb", "hat eine unbeantwortete Aufgabe eskaliert"),
    Action.WORK_LEAVE: ("put work back", "hat eine Aufgabe zurückgelegt"),
    Action.WORK_TAKE: ("took work into hands", "hat eine Aufgabe übernommen"),
    Action.EXPLANATION_READ: ("asked why", "hat nach dem Grund gefragt"),
    Action.ENTRY_READ: ("searched the log", "hat im Protokoll gesucht"),
    Action.EVIDENCE_EXPORT: ("exported evidence", "hat Nachweise ausgeführt"),
    Action.FIXING_IMPORT: ("imported reference rates", "hat Referenzkurse eingelesen"),
    Action.FIXING_READ: ("read reference rates", "hat Referenzkurse gelesen"),
    Action.GRANT_APPROVE: ("approved a right", "hat ein Recht genehmigt"),
    Action.GRANT_EXECUTE: ("put a right in force", "hat ein Recht in Kraft gesetzt"),
    Action.GRANT_READ: ("read who holds which right", "hat gelesen, wer welches Recht hat"),
    Action.GRANT_REFUSE: ("refused a right", "hat ein Recht abgelehnt"),
    Action.GRANT_REQUEST: ("asked for a right", "hat ein Recht beantragt"),
    Action.GRANT_REVOKE: ("revoked a right", "hat ein Recht entzogen"),
    Action.INSTRUCTION_PROPOSE: ("proposed a payment route", "hat einen Zahlungsweg vorgeschlagen"),
    Action.INSTRUCTION_READ: ("read payment routes", "hat Zahlungswege gelesen"),
    Action.JOURNAL_POST: ("posted a journal", "hat eine Buchung vorgenommen"),
    Action.JOURNAL_READ: ("read journals", "hat Buchungen gelesen"),
    Action.JOURNAL_REVERSE: ("reversed the journals", "hat die Buchungen storniert"),
    Action.LOG_BACKUP: ("backed up the bank", "hat die Bank gesichert"),
    Action.LOG_CHECK: (
        "compared the books with what the log tells",
        "hat die Bücher mit dem Protokoll verglichen",
    ),
    Action.LOG_GENESIS: ("began the log", "hat das Protokoll begonnen"),
    "log.heartbeat": ("showed that the log is alive", "hat gezeigt, dass das Protokoll lebt"),
    Action.LOG_READ: ("fetched parts of the log", "hat Teile des Protokolls abgeholt"),
    Action.LOG_HEARTBEAT: ("showed that the log is alive", "hat gezeigt, dass das Protokoll lebt"),
    Action.LOG_RESTART: ("started again", "hat neu begonnen"),
    Action.LOG_RECOVER: (
        "brought the log forward from its files",
        "hat das Protokoll aus seinen Dateien fortgeführt",
    ),
    Action.LOG_ROTATE: ("changed the key of the log", "hat den Schlüssel des Protokolls gewechselt"),
    Action.ORGANISATION_APPROVE: (
        "put a change of the organisation in force",
        "hat eine Änderung der Organisation in Kraft gesetzt",
    ),
    Action.ORGANISATION_PROPOSE: (
        "proposed a change of the organisation",
        "hat eine Änderung der Organisation vorgeschlagen",
    ),
    Action.ORGANISATION_READ: (
        "read proposals for the organisation",
        "hat Vorschläge zur Organisation gelesen",
    ),
    Action.ORGANISATION_REFUSE: (
        "refused a change of the organisation",
        "hat eine Änderung der Organisation abgelehnt",
    ),
    Action.PARTY_READ: ("read the parties", "hat die Parteien gelesen"),
    Action.PASSWORD_CHANGE: ("changed the own password", "hat das eigene Passwort geändert"),
    Action.PASSWORD_RESET: ("handed out a one-time password", "hat ein Einmalpasswort ausgegeben"),
    Action.PERSON_DISABLE: ("ended every access of a person", "hat alle Zugänge einer Person beendet"),
    Action.PERSON_MOVE: ("moved a person to another unit", "hat eine Person in eine andere Einheit versetzt"),
    Action.PERSON_READ: ("read the persons", "hat die Personen gelesen"),
    Action.PERSON_REGISTER: ("registered a person", "hat eine Person angelegt"),
    Action.POLICY_APPROVE: ("approved a change of the policy", "hat eine Änderung des Regelwerks genehmigt"),
    Action.POLICY_DRAFT: ("drafted a change of the policy", "hat eine Änderung des Regelwerks entworfen"),
    Action.POLICY_REFUSE: ("refused a change of the policy", "hat eine Änderung des Regelwerks abgelehnt"),
    Action.POLICY_PUBLISH: ("published the policy in force", "hat das geltende Regelwerk bekannt gemacht"),
    Action.PORTFOLIO_PROPOSE: ("proposed a portfolio", "hat ein Portfolio vorgeschlagen"),
    Action.POSITION_READ: ("read the positions", "hat die Positionen gelesen"),
    Action.POSITION_UNWIND: (
        "took a cancelled deal out of the position",
        "hat ein storniertes Geschäft aus der Position genommen",
    ),
    Action.POWER_READ: ("read the own powers", "hat die eigenen Befugnisse gelesen"),
    Action.PROPOSAL_APPROVE: (
        "put a change of master data in force",
        "hat eine Stammdatenänderung in Kraft gesetzt",
    ),
    Action.PROPOSAL_REFUSE: ("refused a change of master data", "hat eine Stammdatenänderung abgelehnt"),
    Action.REPORT_READ: ("read a report for examiners", "hat einen Bericht für Prüfer gelesen"),
    Action.REQUEST_APPROVE: ("approved what trading asked for", "hat den Antrag des Handels genehmigt"),
    Action.REQUEST_REFUSE: ("refused what trading asked for", "hat den Antrag des Handels abgelehnt"),
    Action.RECOVERY_COMPLETE: (
        "gave a recovered row its name back",
        "hat einer fortgeführten Zeile ihren Namen zurückgegeben",
    ),
    Action.RECOVERY_REQUEST: (
        "asked to bring the log forward from its files",
        "hat beantragt, das Protokoll aus seinen Dateien fortzuführen",
    ),
    Action.SCHEMA_PUBLISH: (
        "published the database schema in force",
        "hat das geltende Datenbankschema bekannt gemacht",
    ),
    Action.ROTATION_APPROVE: (
        "approved a new key of the log",
        "hat einen neuen Schlüssel des Protokolls genehmigt",
    ),
    Action.ROTATION_REFUSE: (
        "refused a new key of the log",
        "hat einen neuen Schlüssel des Protokolls abgelehnt",
    ),
    Action.ROTATION_REQUEST: (
        "asked for a new key of the log",
        "hat einen neuen Schlüssel des Protokolls beantragt",
    ),
    Action.SESSION_CLOSE: ("signed out", "hat sich abgemeldet"),
    Action.SESSION_END: ("ended somebody's sessions", "hat die Sitzungen einer Person beendet"),
    Action.SESSION_NOISE: ("counted failed sign-ins", "hat fehlgeschlagene Anmeldungen gezählt"),
    Action.SESSION_OPEN: ("signed in", "hat sich angemeldet"),
    Action.SETTLEMENT_COMPLETE: ("recorded a leg as settled", "hat eine Zahlung als erfüllt festgestellt"),
    Action.CALL_BACK_CHECK: ("checked a call-back", "hat einen Rückruf geprüft"),
    Action.CALL_BACK_MAKE: ("called a counterparty back", "hat bei einer Gegenpartei zurückgerufen"),
    Action.SETTLEMENT_COUNTERSIGN: (
        "signed a settlement second and released it",
        "hat eine Zahlung als Zweiter gezeichnet und freigegeben",
    ),
    Action.SETTLEMENT_DEVIATE: (
        "named a payment route for one deal alone",
        "hat für ein einzelnes Geschäft einen abweichenden Zahlungsweg angegeben",
    ),
    Action.SETTLEMENT_FREE: ("let a held payment go on", "hat eine angehaltene Zahlung fortgesetzt"),
    Action.SETTLEMENT_HOLD: ("held a payment", "hat eine Zahlung angehalten"),
    Action.SETTLEMENT_PART: (
        "recorded a leg as settled in part",
        "hat eine Zahlung als teilweise erfüllt festgestellt",
    ),
    Action.SETTLEMENT_POSTPONE: (
        "decided to pay late on the next day",
        "hat eine verspätete Zahlung auf den nächsten Tag verlegt",
    ),
    Action.SETTLEMENT_RETURN: (
        "recorded the money of a leg as returned",
        "hat eine Zahlung als zurückgekommen festgestellt",
    ),
    Action.SETTLEMENT_RULE_APPROVE: (
        "set a line of the settlement tables",
        "hat eine Zeile der Abwicklungstabellen festgesetzt",
    ),
    Action.SETTLEMENT_RULE_PROPOSE: (
        "proposed a line of the settlement tables",
        "hat eine Zeile der Abwicklungstabellen vorgeschlagen",
    ),
    Action.SETTLEMENT_RULE_READ: ("read the settlement tables", "hat die Abwicklungstabellen gelesen"),
    Action.SETTLEMENT_RULE_REFUSE: (
        "refused a line of the settlement tables",
        "hat eine Zeile der Abwicklungstabellen abgelehnt",
    ),
    Action.TRANSFER_BOOK: ("booked a transfer", "hat einen Übertrag gebucht"),
    Action.SETTLEMENT_FAIL: ("recorded a leg as failed", "hat eine Zahlung als gescheitert festgestellt"),
    Action.SETTLEMENT_FOLLOW: (
        "brought a settlement to where its net is",
        "hat eine Zahlung ihrer Aufrechnung folgen lassen",
    ),
    Action.SETTLEMENT_NET: ("netted a settlement with others", "hat eine Zahlung mit anderen aufgerechnet"),
    Action.SETTLEMENT_PREPARE: ("prepared a settlement", "hat eine Zahlung vorbereitet"),
    Action.SETTLEMENT_PROJECT: ("projected the legs", "hat die Zahlungen vorgemerkt"),
    Action.SETTLEMENT_READ: ("read settlements", "hat Zahlungen gelesen"),
    Action.SETTLEMENT_RELEASE: ("released a settlement", "hat eine Zahlung freigegeben"),
    Action.SETTLEMENT_WITHDRAW: ("withdrew the legs", "hat die Zahlungen zurückgezogen"),
    Action.TRADE_CAPTURE: ("captured a deal", "hat ein Geschäft erfasst"),
    Action.TRADE_READ: ("read deals", "hat Geschäfte gelesen"),
    Action.TRADE_RESUBMIT: ("corrected the returned deal", "hat das zurückgegebene Geschäft berichtigt"),
    Action.TRADE_RETURN: ("returned the deal to its trader", "hat das Geschäft an den Händler zurückgegeben"),
    Action.TRADE_VERIFY: ("verified the deal", "hat das Geschäft kontrolliert"),
    Action.AGREEMENT_CLEAR: ("cleared an agreement", "hat eine Vereinbarung freigegeben"),
    Action.AGREEMENT_PROPOSE: ("filed an agreement", "hat eine Vereinbarung vorgelegt"),
    Action.AGREEMENT_REFUSE: ("refused an agreement", "hat eine Vereinbarung abgelehnt"),
    Action.AMENDMENT_REQUEST: ("asked for an amendment", "hat eine Änderung beantragt"),
    Action.BENCHMARK_APPROVE: ("set a benchmark", "hat einen Vergleichsmaßstab festgesetzt"),
    Action.BENCHMARK_PROPOSE: ("proposed a benchmark", "hat einen Vergleichsmaßstab vorgeschlagen"),
    Action.BENCHMARK_REFUSE: ("refused a benchmark", "hat einen Vergleichsmaßstab abgelehnt"),
    Action.CONFORMITY_READ: ("read checks against the market", "hat Marktgerechtigkeitsprüfungen gelesen"),
    Action.DESK_RULE_APPROVE: ("set a rule for a desk", "hat eine Regel für einen Handelstisch festgesetzt"),
    Action.DESK_RULE_PROPOSE: (
        "proposed a rule for a desk",
        "hat eine Regel für einen Handelstisch vorgeschlagen",
    ),
    Action.DESK_RULE_REFUSE: ("refused a rule for a desk", "hat eine Regel für einen Handelstisch abgelehnt"),
    Action.EXCESS_CLOSE: ("closed an excess of a limit", "hat eine Limitüberschreitung abgeschlossen"),
    Action.INTERNAL_ACCEPT: ("accepted an internal deal", "hat ein internes Geschäft angenommen"),
    Action.INTERNAL_OFFER: ("offered an internal deal", "hat ein internes Geschäft angeboten"),
    Action.LIMIT_PROPOSE: ("proposed a limit", "hat ein Limit vorgeschlagen"),
    Action.LIMIT_READ: ("read limits", "hat Limite gelesen"),
    Action.LIMIT_VOTE: ("voted on a limit", "hat über ein Limit votiert"),
    Action.MARKET_LIMIT_PROPOSE: ("proposed the limit of a book", "hat das Limit eines Buches vorgeschlagen"),
    Action.MARKET_LIMIT_VOTE: ("voted on the limit of a book", "hat über das Limit eines Buches votiert"),
    Action.NOTICE_TAKE: ("took notice", "hat Kenntnis genommen"),
    Action.PREMISES_ACKNOWLEDGE: (
        "took receipt of a deal struck off the premises",
        "hat ein Geschäft außerhalb der Geschäftsräume zur Kenntnis genommen",
    ),
    Action.TRADE_AMEND: (
        "put an approved amendment in force",
        "hat eine genehmigte Änderung in Kraft gesetzt",
    ),
    Action.TRADE_JUSTIFY: ("justified the price of a deal", "hat den Preis eines Geschäfts begründet"),
    Action.TRANSFER_PREPARE: ("checked the need for a transfer", "hat den Bedarf für einen Übertrag geprüft"),
    Action.TRANSFER_READ: ("read transfers", "hat Überträge gelesen"),
    Action.TRANSFER_REFUSE: ("refused a transfer", "hat einen Übertrag abgelehnt"),
    Action.TRANSFER_RELEASE: ("signed a transfer", "hat einen Übertrag unterschrieben"),
    Action.TRANSFER_REQUEST: ("asked for a transfer", "hat einen Übertrag beantragt"),
    Action.TRANSFER_REVIEW: ("judged a transfer", "hat einen Übertrag beurteilt"),
    Action.TRANSACTION_READ: ("read what trading entered", "hat die Eingaben des Handels gelesen"),
    Action.WORK_READ: ("read the queue", "hat die Arbeitsliste gelesen"),
}
"""What was done, as a verb: in English and in German. An act of an older policy goes by its own name."""

FRAMES: Final[Mapping[str, tuple[str, str]]] = {
    "person": ("person {}", "Person {}"),
    "deputy_for": ("deputy for person {}", "in Vertretung von Person {}"),
    "nobody": ("somebody not signed in", "jemand ohne Anmeldung"),
    "other": ("did {}", "hat {} getan"),
    "refused": ("was refused “{}”", "wurde „{}“ verweigert"),
    "trade": ("deal {}", "Geschäft {}"),
    "object": ("{} {}, revision {}", "{} {}, Stand {}"),
    "more": ("and {} more", "und {} weitere"),
    "reason": ("reason: {}", "Grund: {}"),
    "code": ("because: {}", "weil: {}"),
    "allowed": ("Allowed by {}.", "Erlaubt durch {}."),
    "by": ("Refused by {}.", "Verweigert durch {}."),
}


def sentence(entry: Mapping[str, Any], language: Language) -> str:
    """Return who did what on what, with which outcome and by which rule."""
    data, decision = entry.get("data", {}), entry["decision"]
    allowed = decision["outcome"] == "allow"
    facts = [*_subjects(entry, language)]
    if isinstance(reason := _reason(data), str):
        facts.append(_say("reason", language, reason[:REASON_CHARACTERS_MAX]))
    if not allowed and isinstance(code := data.get("code"), str):
        facts.append(_say("code", language, code))
    told = f" ({'; '.join(facts)})" if facts else ""
    rules = _say("allowed" if allowed else "by", language, ", ".join(decision["rules"]) or "-")
    return (
        f"{actor(entry['actor'], language)} {_deed(entry['act'], language, allowed=allowed)}{told}. {rules}"
    )


def actor(told: Mapping[str, Any], language: Language) -> str:
    """Return who acted: the office, the roles held at that moment, the person's identifier."""
    words = Words(language)
    office = words(OFFICES.get(told["office"], told["office"]))
    roles = ", ".join(words(role_named(role)) for role in told["roles"])
    who = _say("person", language, told["person"])
    if told["account"].startswith("anonymous:"):
        who = f"{_say('nobody', language)} ({told['account'].removeprefix('anonymous:')})"
    deputised = _say("deputy_for", language, told["deputy_for"]) if "deputy_for" in told else None
    return f"{office} ({'; '.join(filter(None, (roles, who, deputised)))})"


def _deed(act: str, language: Language, *, allowed: bool) -> str:
    if not allowed:
        return _say("refused", language, Words(language)(act_named(act)))
    return PHRASES[act][_place(language)] if act in PHRASES else _say("other", language, act)


def _subjects(entry: Mapping[str, Any], language: Language) -> list[str]:
    """Return the deal, or without one the first object that was touched and how many more."""
    trade = entry.get("links", {}).get("trade")
    if trade is not None:
        return [_say("trade", language, trade)]
    effects = entry.get("eff", [])
    if not effects:
        return []
    first = effects[0]
    told = _say("object", language, first["kind"], first["id"], first["rev"])
    more = len(effects) - 1
    return [f"{told} {_say('more', language, more)}" if more else told]


def _reason(data: Mapping[str, Any]) -> object:
    """Return why it was done: told by the act itself, or in a row that it wrote or changed."""
    if "reason" in data:
        return data["reason"]
    for told in data.get("rows", {}).values():
        found = told.get("new", {}).get("reason") or told.get("change", {}).get("reason", {}).get("new")
        if found is not None:
            return found
    return None


def _say(frame: str, language: Language, *facts: object) -> str:
    return FRAMES[frame][_place(language)].format(*facts)


def _place(language: Language) -> int:
    return 0 if language == "en" else 1
