"""Nobody is named where nobody may be: a real server through everything that can go wrong, and a search for canaries."""
