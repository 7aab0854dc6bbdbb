"""The HTTP side: webhooks in, the send API, health and metrics."""
