"""Accounting: double entry in the currency of the trade and in euro."""
