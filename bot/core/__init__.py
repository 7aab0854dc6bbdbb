"""What the bot knows and how it decides: values in, values out, the standard library only."""
