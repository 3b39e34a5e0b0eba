"""Random months in the life of the bank, and a second opinion on who was allowed to do what."""
