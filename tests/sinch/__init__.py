"""Tests of bot/sinch/."""
