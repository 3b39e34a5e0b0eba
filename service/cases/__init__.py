"""Irregularities looked into apart from trading: noted, borne out by evidence, decided by one, signed by another."""
