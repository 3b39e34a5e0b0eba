"""Audit-proof filing: papers stored by their content, bound to what they are about, found if a byte changes."""
