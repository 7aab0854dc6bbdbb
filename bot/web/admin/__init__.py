"""The pages for colleagues and the operator, under ``/admin``."""
