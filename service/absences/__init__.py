"""The yearly block of uninterrupted trading days on which another trader answers for a trader's positions."""
