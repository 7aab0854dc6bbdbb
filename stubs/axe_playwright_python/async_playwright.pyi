from typing import Any

from playwright.async_api import Page

class Results:
    response: dict[str, Any]

class Axe:
    def __init__(self) -> None: ...
    async def run(self, page: Page) -> Results: ...
