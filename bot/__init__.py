"""Parley: answers WhatsApp messages through Sinch, by rules that staff write."""
