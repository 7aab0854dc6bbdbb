"""Tests of bot/sinch/wire/."""
