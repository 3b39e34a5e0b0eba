"""Services to compare with: each stores the same trade in the way its kind is usually written, as fast as it can.

They know nothing of Trennwand. Their packages have a lock file of their own; ``scripts/bench`` installs them into
``.venv-peers`` when a measure asks for them, and nothing else ever does.
"""
