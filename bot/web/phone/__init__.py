"""The phone in the browser, for trying the bot: part of the demo alone."""
