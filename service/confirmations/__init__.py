"""The back office agrees the terms with the counterparty."""
