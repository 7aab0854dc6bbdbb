"""Numbered schema steps, one folder a database; a step is never edited once released."""
