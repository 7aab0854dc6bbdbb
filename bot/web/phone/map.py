"""A place as a small drawing, made here: no map service is asked, so streets are only suggested, always the same for the same place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 280
HEIGHT: Final = 132


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle: a park or a house."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Map:
    """Paths for SVG, in a box of ``WIDTH`` by ``HEIGHT``; the place is in its middle. ``at`` are the coordinates in words."""

    at: str
    water: str
    parks: tuple[Block, ...]
    streets: tuple[str, ...]
    lanes: tuple[str, ...]


def drawn(latitude: float, longitude: float) -> Map:
    """The drawing of a place, in degrees."""
    dice = hashlib.sha256(f"{latitude:.4f} {longitude:.4f}".encode()).digest()
    lean = dice[0] % 40 - 20
    streets = (
        f"M{120 + lean} -4 L{160 - lean} {HEIGHT + 4}",
        f"M-4 {58 + dice[1] % 16} L{WIDTH + 4} {74 - dice[1] % 16}",
    )
    across = tuple(f"M{x} -4 l{-lean // 2} {HEIGHT + 8}" for x in range(20 + dice[2] % 24, WIDTH, 52))
    along = tuple(f"M-4 {y} l{WIDTH + 8} {-lean // 4}" for y in range(14 + dice[3] % 14, HEIGHT, 36))
    parks = tuple(Block(dice[4 + n] * (WIDTH - 60) // 255, dice[7 + n] * 90 // 255, 44, 30) for n in range(2))
    shore, bend = 20 + dice[10] % 40, dice[11] % 50
    water = f"M-4 {HEIGHT + 4} V{HEIGHT - shore} C60 {HEIGHT - shore - bend} 90 {HEIGHT + bend // 3} 150 {HEIGHT + 4} Z"
    return Map(coordinates(latitude, longitude), water, parks, streets, (*across, *along))


def coordinates(latitude: float, longitude: float) -> str:
    """``59.3345° N, 18.0632° E``"""
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.4f}° {north}, {abs(longitude):.4f}° {east}"
