"""Reference rates from sources no trader can touch."""
