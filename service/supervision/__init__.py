"""What happened at a desk, told every day to whoever supervises it today (D-21)."""
