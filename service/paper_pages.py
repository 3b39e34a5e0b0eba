"""Acts that bring a file with them: a paper, a message, a table of the policy, as it stands on the reader's machine."""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec.structs import replace

from policies.vocabulary import Action
from service.acts import NoSuchAct
from service.faces import Allows
from service.kernel.errors import Malformed
from service.page_forms import PAPER_BYTES_MAX, Paper, local_path
from service.page_frame import Page, Said, done, perform_form, refused


class NotText(Malformed):
    """400. A table of the policy is text in UTF-8."""


def named_bytes(_: Page, paper: Paper) -> dict[str, Any]:
    """Return a file as commands take it that keep what a sender called it."""
    return {"name": paper.name, "content": base64.b64encode(paper.content).decode()}


def typed_bytes(_: Page, paper: Paper) -> dict[str, Any]:
    """Return a file as a paper is filed."""
    return {"name": paper.name, "media_type": paper.media_type, "content": paper.content}


def whole_policy(page: Page, paper: Paper) -> dict[str, Any]:
    """Return the policy in force with this one of its tables instead. Raises NotText."""
    try:
        new = {paper.name: paper.content.decode()}
    except UnicodeDecodeError:
        raise NotText("A table of the policy is text in UTF-8.", field="file") from None
    texts: Mapping[str, bytes] = page.gate.policy.texts
    return {"files": {file: content.decode() for file, content in texts.items()} | new}


TAKEN: Final[Mapping[Action, Callable[[Page, Paper], dict[str, Any]]]] = {
    Action.BROKER_STATEMENT_RECORD: named_bytes,
    Action.CONFIRMATION_RECEIVE: named_bytes,
    Action.DOCUMENT_FILE: typed_bytes,
    Action.LONG_FORM_FILE: named_bytes,
    Action.PAYMENT_STATUS_RECEIVE: named_bytes,
    Action.POLICY_DRAFT: whole_policy,
}
"""The acts with a file, and what their command gets of it."""


class PaperPages(Controller):
    """Every form with a file comes here; the gate decides."""

    path = "/papers"
    include_in_schema = False

    @post("/{action:str}", guards=[Allows(Action.POWER_READ)], request_max_body_size=PAPER_BYTES_MAX)
    async def perform(
        self, request: Request[Any, Any, Any], page: NamedDependency[Page], action: FromPath[str]
    ) -> Redirect:
        """Do the act with the file and go back to where the form stood."""
        if action not in {each.value for each in TAKEN}:
            raise NoSuchAct(f"There is no act {action!r} here.", field="action")
        back = local_path(page.form.get("_back"))
        try:
            taken = TAKEN[Action(action)](page, cast("Paper", request.scope["state"]["paper"]))
        except Malformed as malformed:
            await page.gate.refuse(cast("Any", page.actor), Action(action), malformed)
            return page.back(back, refused(action, malformed, page.form.get("_form", ""), page.form))
        outcome = await perform_form(page, action, page.form, **taken)
        if not isinstance(outcome, Said):
            return page.back(back, done(action, outcome))
        is_of_the_file = outcome.field is not None and outcome.field.partition(".")[0] in taken
        return page.back(back, replace(outcome, field="file") if is_of_the_file else outcome)


ROUTES = [PaperPages]
