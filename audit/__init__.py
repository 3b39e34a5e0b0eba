"""The signed audit log as mathematics and files: anyone with the public key can check it, without us."""
