"""Sinch's Conversation API: its signatures, its JSON, its client and a local stand-in for it."""
