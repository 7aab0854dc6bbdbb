"""Tests of bot/work/."""
