"""What examiners ask for: who could do what on a date, told by the log and provable from it. Nothing here acts."""
