"""Tests of bot/web/site/."""
