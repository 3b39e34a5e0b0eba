"""Deputies and absences: who takes whose duties, for how long, and never across a conflict."""
