"""Customers' days, end to end: the real server, a real database, an emulated Sinch, real HTTP between them."""
