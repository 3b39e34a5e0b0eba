"""The log's key is changed by two people: one custodian asks, another approves, and the log says so."""
