"""One file per deal type: its terms and what follows from them."""
