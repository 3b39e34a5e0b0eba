"""Who may do what: the policy as data, compiled strictly and proved."""
