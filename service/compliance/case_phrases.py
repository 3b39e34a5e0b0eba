"""How entries about cases are told, in English and German."""

from typing import Final

from policies.vocabulary import Action

CASE_PHRASES: Final[dict[str, tuple[str, str]]] = {
    Action.CASE_ACKNOWLEDGE: (
        "took notice of a suspicion as internal audit",
        "hat als Interne Revision einen Verdacht zur Kenntnis genommen",
    ),
    Action.CASE_ASSIGN: ("handed a case to a colleague", "hat einen Fall weitergegeben"),
    Action.CASE_CLOSE: (
        "signed the decision of a case and closed it",
        "hat die Entscheidung eines Falls gezeichnet und ihn geschlossen",
    ),
    Action.CASE_DECIDE: ("decided a case", "hat einen Fall entschieden"),
    Action.CASE_NOTE: ("noted something in a case", "hat etwas in einem Fall vermerkt"),
    Action.CASE_OPEN: ("opened a case", "hat einen Fall eröffnet"),
    Action.CASE_READ: ("read cases", "hat Fälle gelesen"),
    Action.CASE_RETURN: (
        "returned the decision of a case",
        "hat die Entscheidung eines Falls zurückgegeben",
    ),
}
