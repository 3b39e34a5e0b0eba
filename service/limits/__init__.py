"""How much may be open with a counterparty or in a book: proposed, voted, reserved by every deal, released."""
