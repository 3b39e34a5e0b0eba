"""What each desk looks at first: a few figures, each with the list behind it."""
