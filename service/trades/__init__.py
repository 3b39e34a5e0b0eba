"""The front office: what was dealt."""
