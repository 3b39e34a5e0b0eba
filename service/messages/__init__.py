"""What is said between banks: confirmations, payments and their status, as bytes and as terms. Pure."""
