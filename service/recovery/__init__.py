"""A log that lost its database or its tail is brought forward from its files, by two people, and says so."""
