"""The phone in the browser, over a real server and its emulator."""
