"""The demo bank: its cast, its market and its trading days."""
