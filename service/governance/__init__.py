"""The policy is changed by three people: one drafts, two approve outside trading, the service puts it in force."""
