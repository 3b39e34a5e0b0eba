"""Moving the bank's own cash: asked for by trading, prepared, checked against need and signed outside it."""
