"""What must not be lost: events, conversations, messages and consent, in whole units of work."""
