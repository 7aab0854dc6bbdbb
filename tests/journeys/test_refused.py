"""What Sinch refuses at once: the rule for failures answers, once."""

from pathlib import Path

from bot.sinch.emulator import Fault, FaultKind
from tests.journeys.conftest import Open
from tests.journeys.shop import BEN

RULES = """
settings: {time_zone: Europe/Stockholm, languages: [en]}
rules:
  - name: hello
    when: {says: [hi]}
    reply: {text: Hello!}
  - name: sorry
    when: {delivery_failed: true}
    reply: {text: "Something went wrong: {{failed_rule|a message}} did not get through."}
    if_closed: skip
"""


async def test_the_rule_for_failures_answers_at_once(opened: Open, tmp_path: Path) -> None:
    folder = tmp_path / "apologetic"
    folder.mkdir()
    (folder / "shop.yaml").write_text(RULES, encoding="utf-8")
    shop = await opened(rules=folder)
    ben = shop.guest(BEN)
    assert await ben.asks("hi") == "Hello!"
    shop.emulator.faults.script(Fault(FaultKind.STATUS, status=403))
    message = await shop.sends(BEN, "Your table is ready.")
    assert (await ben.reads()).shown.text == "Something went wrong: a message did not get through."
    found = await shop.message(message)
    assert (found["status"], found["attempts"][0]["http_status"]) == ("failed", 403)
    assert (await shop.because(BEN)).path == ("sorry",)
    shop.emulator.faults.script(Fault(FaultKind.STATUS, status=400))
    assert await ben.asks("hi") == "Something went wrong: hello did not get through."
    assert await ben.asks("hi") == "Hello!"
