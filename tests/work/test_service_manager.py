"""What systemd hears of us, on a real socket."""

import os
import socket
from pathlib import Path

import pytest

from bot.work.service_manager import ALIVE, READY, ServiceManager


@pytest.mark.parametrize("is_abstract", [False, True])
def test_it_hears_what_it_is_told(tmp_path: Path, is_abstract: bool) -> None:
    name = f"@parley-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name[1:]}" if is_abstract else name)
        systemd.settimeout(5)
        manager = ServiceManager({"NOTIFY_SOCKET": name})
        manager.tell(READY)
        manager.tell(ALIVE)
        assert [systemd.recv(100), systemd.recv(100)] == [b"READY=1", b"WATCHDOG=1"]


def test_where_nobody_listens_nothing_fails(tmp_path: Path) -> None:
    ServiceManager({}).tell(READY)
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell(READY)


@pytest.mark.parametrize(
    ("microseconds", "every_s"), [("30000000", 1.0), ("500000", 0.25), ("", 1.0), ("0", 1.0), ("soon", 1.0)]
)
def test_it_beats_twice_as_often_as_it_is_waited_for(microseconds: str, every_s: float) -> None:
    assert ServiceManager({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": microseconds}).beat_every_s == every_s
