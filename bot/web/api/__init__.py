"""The send API under ``/v1``: backends start messages and tell of events; every refusal says why and what to do."""
