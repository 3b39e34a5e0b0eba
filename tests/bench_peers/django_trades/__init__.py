"""The Django application: trades with their history, and sessions."""
