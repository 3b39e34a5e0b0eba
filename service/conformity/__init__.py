"""Risk control's check of every deal against the independent reference, and what it says about those off it."""
