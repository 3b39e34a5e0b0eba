"""What settlement works by: cycles, cut-offs, amounts for two signatures, netting, reason codes, penalties; set by two."""
