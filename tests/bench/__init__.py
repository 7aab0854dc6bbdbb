"""Measures the whole road from a signed webhook to the reply at Sinch, against a floor: `make bench`."""
