"""Settings: where each is found, what is wrong with it in a sentence, and that no secret shows."""

from pathlib import Path

import pytest
from yarl import URL

from bot.config import SERVER, Config, default_of, read_config, settings
from bot.errors import Misconfigured

ALL = {
    "SINCH_PROJECT_ID": "project",
    "SINCH_APP_ID": "app",
    "SINCH_KEY_ID": "key",
    "SINCH_KEY_SECRET": "hush-hush",
    "SINCH_WEBHOOK_SECRET": "one, two",
}


def written(folder: Path, config: str = "", dotenv: str = "") -> Path:
    if config:
        (folder / "config.yaml").write_text(config, encoding="utf-8")
    if dotenv:
        (folder / ".env").write_text(dotenv, encoding="utf-8")
    return folder


def sentences(folder: Path, environment: dict[str, str] | None = None, needs: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        read_config(folder, environment or {}, needs)
    return str(caught.value).splitlines()


def test_everything_has_its_documented_default(tmp_path: Path) -> None:
    config = read_config(tmp_path, {})
    assert (config.port, config.host, config.send_rate, config.region) == (8080, "127.0.0.1", 20, "eu")
    assert config.sqlite_path == Path("parley.db")
    assert config.rules_dir == Path("rules")
    assert config.webhook_max_age.total_seconds() == 300
    assert config.window_margin.total_seconds() == 120
    assert default_of("database_url") == "sqlite:///parley.db"


def test_the_environment_wins_over_dotenv_and_that_over_the_file(tmp_path: Path) -> None:
    folder = written(tmp_path, "host: file\nport: 1\nlog_level: debug\n", "HOST=dotenv\nPORT=2\n")
    config = read_config(folder, {"HOST": "environment"})
    assert (config.host, config.port, config.log_level) == ("environment", 2, "debug")


def test_an_empty_value_counts_as_not_set(tmp_path: Path) -> None:
    folder = written(tmp_path, "port: 7000\n", "PORT=\n")
    assert read_config(folder, {"PORT": ""}).port == 7000


def test_overrides_win_and_none_leaves_the_setting(tmp_path: Path) -> None:
    config = read_config(tmp_path, {"PORT": "1", "HOST": "h"}, overrides={"port": 9, "host": None})
    assert (config.port, config.host) == (9, "h")


def test_a_reference_is_filled_from_the_environment_then_dotenv(tmp_path: Path) -> None:
    folder = written(tmp_path, "sinch:\n  app_id: ${APP}\n  project_id: p-${TAIL}\n", "APP=from-dotenv\nTAIL=9\n")
    config = read_config(folder, {"TAIL": "1"})
    assert (config.app_id, config.project_id) == ("from-dotenv", "p-1")


def test_an_unset_reference_alone_is_not_set_and_inside_a_text_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path, "sinch:\n  app_id: ${APP}\n  key_id: k-${NOPE}\n")
    [told] = sentences(folder)
    assert told == "config.yaml:3: sinch.key_id needs NOPE, which neither the environment nor .env has."


def test_values_of_the_file_are_texts_until_they_are_checked(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, "sinch:\n  project_id: 007\n")).project_id == "007"


def test_every_missing_setting_is_named_at_once_with_its_cure(tmp_path: Path) -> None:
    told = sentences(tmp_path, {"SINCH_APP_ID": "app"}, SERVER)
    assert [each.split(" ")[0] for each in told] == [name for name in ALL if name != "SINCH_APP_ID"]
    assert "webhooks register" in told[-1]


def test_a_server_does_not_start_with_an_empty_list_of_secrets(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        read_config(tmp_path, {**ALL, "SINCH_WEBHOOK_SECRET": " , "}, SERVER)


def test_several_webhook_secrets_are_separated_by_commas(tmp_path: Path) -> None:
    assert read_config(tmp_path, ALL, SERVER).secrets == ("one", "two")


@pytest.mark.parametrize(
    "written_as",
    [
        "allowed_hosts: Files.internal:8443, [::1]:80\n",
        "allowed_hosts:\n  - Files.internal:8443\n  - ${NOT_SET}\n  - '[::1]:80'\n",
        "allowed_hosts: ['Files.internal:8443', '[::1]:${NUMBER}']\n",
    ],
)
def test_allowed_hosts_are_a_list_or_separated_by_commas(tmp_path: Path, written_as: str) -> None:
    config = read_config(written(tmp_path, written_as), {"NUMBER": "80"})
    assert config.allowed_hosts == ("files.internal:8443", "[::1]:80")


@pytest.mark.parametrize(
    "entry", ["http://a", "a/b", "me@a", "a b", "*.internal", "a:port", "a:0", "a:70000", "::1", "[::1", "[a]:1", ":80"]
)
def test_what_is_no_host_is_told(tmp_path: Path, entry: str) -> None:
    [told] = sentences(written(tmp_path, f"port: 1\nallowed_hosts: ['files.internal', '{entry}']\n"))
    assert told == (
        f'allowed_hosts (config.yaml:2) must list hosts such as "files.example.org" or "10.0.0.7:8443", not "{entry}".'
    )


@pytest.mark.parametrize(
    "entry", ["a", "a-b.c_d:1", "10.0.0.7", "10.0.0.7:65535", "[::1]", "[fd00::7]:8443", "räk.example:1"]
)
def test_what_is_a_host_is_one_to_the_client(tmp_path: Path, entry: str) -> None:
    [host] = read_config(written(tmp_path, f"allowed_hosts: '{entry}'\n"), {}).allowed_hosts
    assert URL(f"http://{host}").host_subcomponent


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("PORT", "eighty", "PORT must be a whole number."),
        ("PORT", "70000", "PORT must be at most 65535."),
        ("SEND_RATE", "-1", "SEND_RATE must be at least 0."),
        ("SEND_RATE", "nan", "SEND_RATE must be a number."),
        ("SINCH_REGION", "asia", 'SINCH_REGION must be "us", "eu" or "br".'),
        ("SINCH_AUTH", "digest", 'SINCH_AUTH must be "oauth2", "basic" or "signed".'),
        ("LOG_LEVEL", "loud", 'LOG_LEVEL must be "debug", "info", "warning" or "error".'),
        (
            "DATABASE_URL",
            "mysql://me:hush@db/x",
            (
                "DATABASE_URL must be sqlite:///relative/path.db, sqlite:////absolute/path.db or "
                "postgresql://user:password@host/name."
            ),
        ),
        (
            "SINCH_API_URL",
            "eu.conversation.api.sinch.com",
            'SINCH_API_URL must be an address such as "https://eu.conversation.api.sinch.com".',
        ),
    ],
)
def test_a_wrong_value_is_told_in_one_sentence(tmp_path: Path, variable: str, value: str, told: str) -> None:
    assert sentences(tmp_path, {variable: value}) == [told]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("prot: 1\n", 'config.yaml:1: There is no setting "prot". Did you mean "port"?'),
        ("sinch:\n  apid: x\n", 'config.yaml:2: There is no setting "sinch.apid". Did you mean "sinch.app_id"?'),
        ("port: 1\nport: 2\n", "config.yaml:2: port is written twice. Keep one of the two."),
        ("port: [1]\n", "config.yaml:1: port must be one value, not a list or a group."),
        ("allowed_hosts: {a: 1}\n", "config.yaml:1: allowed_hosts must be a list of values, or one."),
        ("allowed_hosts: [a: 1]\n", "config.yaml:1: allowed_hosts must be a list of values, or one."),
        ("sinch: x\n", "config.yaml:1: sinch must hold settings, indented below it."),
        ("- port\n", "config.yaml: Write one setting a line, as name: value."),
        ("port: 1\n x: }\n", "config.yaml:2:3: This is not YAML: mapping values are not allowed here."),
        ("webhook:\n  max_age: 86401\n", "webhook.max_age (config.yaml:2) must be at most 86400."),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(tmp_path: Path, config: str, told: str) -> None:
    assert sentences(written(tmp_path, config)) == [told]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    told = sentences(written(tmp_path, "nope: 1\n"), {"PORT": "x", "SINCH_REGION": "y"}, ("app_id",))
    assert len(told) == 4


def test_no_secret_shows_in_repr_or_in_a_complaint(tmp_path: Path) -> None:
    environment = {**ALL, "ADMIN_PASSWORD": "hush-admin", "DATABASE_URL": "postgresql://me:hush-db@host/x"}
    shown = repr(read_config(tmp_path, environment)) + str(read_config(tmp_path, environment))
    assert not any(secret in shown for secret in ("hush-hush", "hush-admin", "hush-db", "one", "two"))
    with pytest.raises(Misconfigured) as caught:
        read_config(tmp_path, {**environment, "DATABASE_URL": "mysql://me:hush-db@host"})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:///a/b.db", "a/b.db"), ("sqlite:////var/lib/p.db", "/var/lib/p.db"), ("postgresql://u:p@h/n", None)],
)
def test_three_slashes_are_relative_and_four_absolute(tmp_path: Path, url: str, path: str | None) -> None:
    assert read_config(tmp_path, {"DATABASE_URL": url}).sqlite_path == (None if path is None else Path(path))


def test_addresses_follow_the_region_unless_they_are_given(tmp_path: Path) -> None:
    config = read_config(tmp_path, {"SINCH_REGION": "BR"})
    assert config.conversation_url == "https://br.conversation.api.sinch.com"
    assert config.template_url == "https://br.template.api.sinch.com"
    assert config.token_origin == "https://auth.sinch.com"
    local = {"SINCH_API_URL": "http://127.0.0.1:9000/", "SINCH_AUTH_URL": "http://127.0.0.1:9000/oauth2/token"}
    config = read_config(tmp_path, local)
    assert (config.conversation_url, config.token_origin) == ("http://127.0.0.1:9000", "http://127.0.0.1:9000")
    assert config.template_url == "http://127.0.0.1:9000"


def test_the_committed_files_hold_the_defaults_and_every_setting() -> None:
    root = Path(__file__).parents[1]
    by_file, by_code = read_config(root, {}).model_dump(), Config().model_dump()
    assert {name for name in by_code if by_file[name] != by_code[name]} <= set(SERVER)
    text = (root / "config.yaml").read_text(encoding="utf-8")
    for setting in settings().values():
        assert setting.help.endswith(".")
        if setting.path not in ("admin_password", "window_margin"):
            assert f"{setting.path.split('.')[-1]}:" in text, setting.path
