"""What every server of a run is started with."""

from __future__ import annotations

from pathlib import Path

from tests.kill.driver import APP_ID, PROJECT_ID, SECRET

RULES = Path(__file__).parent / "rules"


def write_config(folder: Path, *allowed: str) -> None:
    """Its config.yaml. ``allowed``: hosts that it may call although they are of this machine."""
    (folder / "config.yaml").write_text(f"webhook:\n  max_age: 86400\nallowed_hosts: {', '.join(allowed)}\n")


def environment(folder: Path, port: int, sinch: str) -> dict[str, str]:
    """Its environment; the database and the rules are in ``folder``."""
    return {
        "SINCH_PROJECT_ID": PROJECT_ID,
        "SINCH_APP_ID": APP_ID,
        "SINCH_KEY_ID": "kill",
        "SINCH_KEY_SECRET": "kill",
        "SINCH_WEBHOOK_SECRET": SECRET,
        "SINCH_API_URL": sinch,
        "SINCH_AUTH_URL": sinch,
        "DATABASE_URL": f"sqlite:///{folder / 'parley.db'}",
        "RULES_DIR": str(folder / "shop"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SEND_RATE": "0",
        "LOG_LEVEL": "warning",
    }
