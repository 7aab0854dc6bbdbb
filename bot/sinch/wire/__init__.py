"""Sinch's Conversation API in bytes: the only place that spells its field names.

``events`` reads webhooks, ``render`` writes sends, ``answers`` and ``admin`` read what Sinch answers.
"""
