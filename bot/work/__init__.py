"""The loops that take recorded work, decide it and send what was decided."""
