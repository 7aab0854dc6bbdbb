"""kill -9, again and again, on a real server process: what it acknowledged must be there, once, in order."""
