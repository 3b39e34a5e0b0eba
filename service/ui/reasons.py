"""The reasons of the policy in the reader's language."""

from policies import prose


def reason_in(text: str, language: prose.Language) -> tuple[str, prose.Language]:
    """Return a reason of the policy in the reader's language, with the language it is in then."""
    wording = prose.reason(text[:1].lower() + text[1:], language)
    if language != "de" or wording[:1].lower() + wording[1:] != text[:1].lower() + text[1:]:
        return wording, language
    return text, "en"
