"""The back office's rules for the desks: cut-offs, mandates for dealing off the premises, reports about it."""
