"""Settings: where they come from, what they are called, what they mean.

Each is looked for in the environment, then in ``.env``, then in ``config.yaml`` (both in the folder the program is
started from); an empty value counts as not set. ``Config`` is the only list of them: ``--help``, the documentation and
``.env.example`` follow it.
"""

from bot.config.reading import environment, read_config
from bot.config.settings import ACCOUNT, SERVER, Config, Setting, default_of, settings

__all__ = ["ACCOUNT", "SERVER", "Config", "Setting", "default_of", "environment", "read_config", "settings"]
