"""``doctor`` and ``webhooks`` against the emulator."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer

from bot.cli.doctor import (
    Finding,
    Mark,
    app_findings,
    connection_findings,
    look_at_everything,
    sqlite_findings,
    usual_cause,
    webhook_finding,
)
from bot.cli.webhooks import register_target, target_of
from bot.config import Config, read_config
from bot.core.phrasing import LocalText, Place
from bot.core.rulebook import Connection
from bot.errors import Failed, ParleyError, Retry
from bot.sinch.emulator.server import Emulator
from bot.sinch.emulator.settings import EmulatorSettings
from bot.sinch.wire.admin import TRIGGERS, SinchApp, WhatsApp
from tests.cli.conftest import SERVER

Emulating = Callable[[EmulatorSettings], "AsyncIterator[Emulator]"]


@asynccontextmanager
async def emulating(settings: EmulatorSettings) -> AsyncIterator[Emulator]:
    emulator = Emulator(settings)
    await emulator.start()
    try:
        yield emulator
    finally:
        await emulator.stop()


def config_for(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, **changes: str) -> Config:
    environment = {**SERVER, "SINCH_API_URL": emulator.url, "SINCH_AUTH_URL": emulator.url, **changes}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return read_config()


def found(findings: list[Finding], what: str) -> Finding:
    [finding] = [each for each in findings if each.what == what]
    return finding


async def test_a_webhook_is_made_then_left_alone_then_moved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with emulating(EmulatorSettings()) as emulator:
        config = config_for(emulator, monkeypatch)
        first = target_of("https://one.example/")
        assert "from now on" in await register_target(config, first)
        assert "nothing had to change" in await register_target(config, first)
        assert "matches now" in await register_target(config, target_of("https://two.example/webhooks/sinch"))
        [webhook] = emulator.world.webhooks.of("app")
        assert webhook.target == "https://two.example/webhooks/sinch"
        assert webhook.secret == "a-long-webhook-secret"
        assert set(webhook.triggers) == set(TRIGGERS)


async def test_a_changed_secret_is_told_to_sinch_and_foreign_webhooks_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with emulating(EmulatorSettings()) as emulator:
        config = config_for(emulator, monkeypatch)
        emulator.world.apps.get("app", "project")
        emulator.webhook("https://crm.example/hook", "theirs", ["MESSAGE_INBOUND"], "app")
        await register_target(config, target_of("https://one.example"))
        config = config_for(emulator, monkeypatch, SINCH_WEBHOOK_SECRET="a-new-and-long-secret,a-long-webhook-secret")
        assert "matches now" in await register_target(config, target_of("https://one.example"))
        secrets = {webhook.target: webhook.secret for webhook in emulator.world.webhooks.of("app")}
        assert secrets == {
            "https://crm.example/hook": "theirs",
            "https://one.example/webhooks/sinch": "a-new-and-long-secret",
        }


@pytest.mark.parametrize("url", ["bot.example.com", "ftp://bot.example.com", "https://"])
def test_what_is_no_address_is_wrong_use(url: str) -> None:
    with pytest.raises(typer.BadParameter, match="tunnel"):
        target_of(url)


async def test_the_doctor_finds_everything_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with emulating(EmulatorSettings(dispatch_retention_days=1)) as emulator:
        config = config_for(emulator, monkeypatch)
        await register_target(config, target_of("https://one.example"))
        findings = await look_at_everything()
    assert [each for each in findings if each.mark is Mark.BAD] == []
    assert {each.what for each in findings} >= {
        "settings", "SQLite", "database", "rules", "access", "WhatsApp", "processing", "retention", "clock", "webhook",
    }  # fmt: skip
    assert found(findings, "retention").mark is Mark.GOOD
    assert not (folder / "parley.db").exists()


@pytest.mark.parametrize(
    ("settings", "what", "cure"),
    [
        (EmulatorSettings(key_id="key", key_secret="another"), "Sinch", "SINCH_KEY_SECRET"),
        (EmulatorSettings(only_this_app=True), "Sinch", "SINCH_REGION"),
        (EmulatorSettings(channels=()), "WhatsApp", "Add a WhatsApp sender"),
        (EmulatorSettings(channel_state="FAILING"), "WhatsApp", "Look at the sender"),
        (EmulatorSettings(), "webhook", "webhooks register"),
    ],
    ids=["wrong key", "wrong region", "no WhatsApp", "failing", "no webhook"],
)
async def test_the_doctor_names_the_usual_cause(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settings: EmulatorSettings, what: str, cure: str
) -> None:
    async with emulating(settings) as emulator:
        config_for(emulator, monkeypatch)
        finding = found(await look_at_everything(), what)
    assert finding.mark is Mark.BAD
    assert cure in finding.cure


async def test_a_wrong_key_ends_webhooks_with_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with emulating(EmulatorSettings(key_id="key", key_secret="another")) as emulator:
        with pytest.raises(ParleyError) as refused:
            await register_target(config_for(emulator, monkeypatch), target_of("https://one.example"))
    assert "another" not in str(refused.value)
    assert str(refused.value).endswith(".")


async def test_without_settings_the_doctor_names_each(folder: Path) -> None:
    findings = await look_at_everything()
    bad = [each.sentence for each in findings if each.mark is Mark.BAD]
    assert len(bad) == 5
    assert all(sentence.startswith("SINCH_") for sentence in bad)


async def test_broken_rules_and_a_short_secret_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "rules" / "shop.yaml").write_text("rules: [{name: a}]\n", encoding="utf-8")
    monkeypatch.setenv("SINCH_WEBHOOK_SECRET", "short")
    findings = await look_at_everything()
    assert found(findings, "rules").mark is Mark.BAD
    assert "rules/shop.yaml:1:" in found(findings, "rules").cure
    assert found(findings, "webhook secret").mark is Mark.DOUBT
    assert "short" not in found(findings, "webhook secret").sentence


@pytest.mark.parametrize(
    ("version", "mark"),
    [((3, 46, 1), Mark.DOUBT), ((3, 51, 2), Mark.DOUBT), ((3, 51, 3), Mark.GOOD), ((3, 53, 0), Mark.GOOD)],
)
def test_the_sqlite_versions_that_lose_commits_are_told(version: tuple[int, int, int], mark: Mark) -> None:
    assert [each.mark for each in sqlite_findings(version)] == [mark]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (Failed("Sinch answered 404.", "NOT_FOUND"), "another region than eu"),
        (Failed("Sinch answered 403.", "PERMISSION_DENIED"), "prepaid"),
        (Failed("Sinch refused the key.", "invalid_client"), "SINCH_KEY_ID"),
        (Retry("No connection."), "internet"),
    ],
)
def test_each_refusal_has_its_usual_cause(error: ParleyError, cause: str) -> None:
    assert cause in usual_cause(error, Config())


@pytest.mark.parametrize(
    ("state", "mark"), [("ACTIVE", Mark.GOOD), ("PENDING", Mark.DOUBT), ("FAILING", Mark.BAD), ("", Mark.BAD)]
)
def test_the_state_of_whatsapp_is_judged(state: str, mark: Mark) -> None:
    app = SinchApp("app", "Shop", "DISPATCH", WhatsApp("46700000000", state, ""), 0, 180, 25, 25, 25, 0, 500_000)
    findings = list(app_findings(app))
    assert found(findings, "WhatsApp").mark is mark
    assert found(findings, "retention").mark is Mark.DOUBT


def test_a_webhook_to_somebody_else_is_not_ours() -> None:
    assert webhook_finding(["https://crm.example/hook"]).mark is Mark.BAD


def test_a_connection_whose_secret_is_missing_is_told() -> None:
    place = Place("rules/shop.yaml", 1, 1)
    url = LocalText({"": ("https://erp.example/",)}, place)
    connections = [Connection("orders", url, place, secret="ERP_TOKEN"), Connection("open", url, place)]
    (finding,) = connection_findings(connections, {"ERP_TOKEN": " "})
    assert (finding.mark, finding.sentence) == (Mark.DOUBT, "orders needs the secret ERP_TOKEN, which is not set.")
    assert not list(connection_findings(connections, {"ERP_TOKEN": "secret"}))
