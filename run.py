"""Starts Parley from its checkout: `python run.py --help` lists the commands."""

from bot.cli import main

if __name__ == "__main__":
    main()
