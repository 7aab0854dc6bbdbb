"""Starts Parley from its checkout: `python run.py --help` lists the commands."""

import sys

if __name__ == "__main__":
    try:
        from bot.cli import main

        main()
    except KeyboardInterrupt:  # Ctrl-C before there was anybody to hear it
        sys.exit(130)
