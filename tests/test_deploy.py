"""The files for running it elsewhere: each is held against what it promises, and run for real as far as this machine lets us."""

import asyncio
import configparser
import io
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientConnectionError, ClientSession, ClientTimeout, TCPConnector, web

from bot.app import DRAIN_S
from bot.web.crowd import Limits

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
STARTS_WITHIN_S = 30.0
EXPOSED_MOST = 1.5  # of 10, as systemd-analyze counts
NOBODY = 10001


def needs(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed (Debian and Ubuntu: apt install {program}).")
    return found


# --- systemd ------------------------------------------------------------------------------------------------------------


def unit() -> configparser.ConfigParser:
    class Several(dict[str, Any]):
        """A key that is there twice adds to itself, as systemd reads it."""

        def __setitem__(self, key: str, value: Any) -> None:
            if isinstance(value, list) and isinstance(self.get(key), list):
                value = [*self[key], *value]
            super().__setitem__(key, value)

    read = configparser.ConfigParser(dict_type=Several, strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(DEPLOY / "parley.service")
    return read


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    program = needs("systemd-analyze")
    copy = tmp_path / "parley.service"
    copy.write_text((DEPLOY / "parley.service").read_text().replace("/opt/parley/.venv/bin/python", sys.executable))
    told = subprocess.run([program, "verify", str(copy)], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")


def test_the_unit_leaves_little_to_an_intruder() -> None:
    program = needs("systemd-analyze")
    told = subprocess.run(
        [program, "security", "--offline=true", f"--threshold={EXPOSED_MOST * 10:.0f}", str(DEPLOY / "parley.service")],
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stdout[-2000:]


def test_systemd_waits_until_what_is_being_sent_has_left() -> None:
    service = unit()["Service"]
    assert float(service["TimeoutStopSec"]) > 2 * DRAIN_S
    assert service["Type"] == "notify"
    assert "run.py serve" in service["ExecStart"]


# --- the image ----------------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def copied_from_here() -> Iterator[tuple[list[str], str]]:
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            yield sources, target


def test_the_image_holds_what_is_named_and_nothing_else() -> None:
    let_through = {
        line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    taken = {source for sources, _ in copied_from_here() for source in sources}
    assert taken == let_through
    assert all((ROOT / name).exists() for name in taken)
    assert "*" in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()


def test_the_image_is_slim_pinned_by_hashes_and_runs_as_nobody() -> None:
    by_word = [(word, rest) for word, rest in instructions()]
    assert all(rest.startswith("python:3.11-slim-bookworm") for word, rest in by_word if word == "FROM")
    assert [rest for word, rest in by_word if word == "USER"] == [f"{NOBODY}:{NOBODY}"]
    assert any("--require-hashes" in rest for word, rest in by_word if word == "RUN")
    assert not any(word == "ADD" for word, _ in by_word)
    settings = " ".join(rest for word, rest in by_word if word == "ENV")
    assert not re.search(r"SECRET|PASSWORD|KEY", settings)


def image(folder: Path) -> Path:
    """What the image holds, as files; root's own, and nobody may write there."""
    for sources, target in copied_from_here():
        for source in sources:
            goal = folder / target.removeprefix("/")
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, goal, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                goal = goal / source if target.endswith("/") else goal
                goal.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, goal)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until_it_answers(url: str, process: asyncio.subprocess.Process) -> None:
    async with ClientSession(connector=TCPConnector(ssl=False)) as session, asyncio.timeout(STARTS_WITHIN_S):
        while True:
            assert process.returncode is None, "It ended before it answered."
            try:
                async with session.get(url):
                    return
            except (ClientConnectionError, OSError):
                await asyncio.sleep(0.05)


@pytest.fixture
def container() -> Iterator[tuple[Path, Path, list[str]]]:
    """The image's files, a folder for the data, and what makes a command run without rights. Pytest's folders are closed to nobody."""
    without_rights: list[str] = []
    with tempfile.TemporaryDirectory(prefix="parley-image-") as name:
        folder, data = Path(name), Path(name) / "data"
        folder.chmod(0o755)
        data.mkdir(mode=0o700)
        root = image(folder / "image")
        if os.getuid() == 0:
            without_rights = [needs("setpriv"), "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
            if all(each.stat().st_mode & 0o001 for each in Path(sys.executable).resolve().parents):
                os.chown(data, NOBODY, NOBODY)
                without_rights += [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        yield root, data, without_rights
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


async def test_what_the_image_holds_serves_as_nobody_from_a_disk_that_cannot_be_written(
    container: tuple[Path, Path, list[str]],
) -> None:
    root, data, without_rights = container
    port = free_port()
    said = next(rest for word, rest in instructions() if word == "ENV" and "DATABASE_URL" in rest)
    environment = dict(pair.split("=", 1) for pair in said.split() if not pair.startswith("PATH="))
    environment |= {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"sqlite:///{data / 'parley.db'}",
        "RULES_DIR": str(root / "rules"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SINCH_PROJECT_ID": "P",
        "SINCH_APP_ID": "A",
        "SINCH_KEY_ID": "K",
        "SINCH_KEY_SECRET": "S",
        "SINCH_WEBHOOK_SECRET": "a-secret-of-this-test",
        "SINCH_API_URL": "http://127.0.0.1:9",
        "SINCH_AUTH_URL": "http://127.0.0.1:9",
    }
    process = await asyncio.create_subprocess_exec(
        *without_rights, sys.executable, "run.py", "serve", cwd=root / "opt/parley", env=environment,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await until_it_answers(f"http://127.0.0.1:{port}/healthz", process)
        assert await health(port) == 0
    finally:
        process.send_signal(signal.SIGTERM)
        _, told = await asyncio.wait_for(process.communicate(), STARTS_WITHIN_S)
    assert process.returncode == 0, told.decode()
    assert await health(port) != 0  # it is gone, and the image's own check says so
    assert (data / "parley.db").exists()
    touch = await asyncio.create_subprocess_exec(
        *without_rights, "touch", str(root / "there"), stderr=asyncio.subprocess.DEVNULL
    )
    assert await touch.wait() == 1  # so it was such a disk


async def health(port: int) -> int | None:
    """How the image's health check ends."""
    line = next(rest for word, rest in instructions() if word == "HEALTHCHECK")
    command = yaml.safe_load(line.partition("CMD ")[2])
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command[1:], env={"PORT": str(port)}, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


# --- compose ------------------------------------------------------------------------------------------------------------


def test_compose_gives_the_bot_its_data_and_nothing_else() -> None:
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    bot = told["services"]["parley"]
    assert bot["read_only"] is True
    assert bot["cap_drop"] == ["ALL"]
    assert bot["security_opt"] == ["no-new-privileges:true"]
    assert "ports" not in bot  # the proxy alone reaches it
    assert bot["volumes"] == ["data:/data", "../rules:/rules:ro"]
    assert bot["environment"]["DATABASE_URL"] == "sqlite:////data/parley.db"
    assert float(bot["stop_grace_period"].removesuffix("s")) > 2 * DRAIN_S
    build = bot["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    for name in told["services"]:
        assert told["services"][name]["restart"] == "unless-stopped"
        assert "mem_limit" in told["services"][name]
    named = {v.partition(":")[0] for s in told["services"].values() for v in s["volumes"] if not v.startswith(".")}
    assert named == set(told["volumes"])


# --- proxies ------------------------------------------------------------------------------------------------------------


class Upstream:
    """In the bot's place: says what it was told, and one answer that comes in two pieces, with ``go_on`` between."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def told(self, request: web.Request) -> web.Response:
        size = len(await request.read())
        return web.json_response({**{name.lower(): value for name, value in request.headers.items()}, "size": size})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"first\n")
        await self.go_on.wait()
        await response.write(b"second\n")
        return response

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_get("/stream", self.stream)
        app.router.add_route("*", "/{path:.*}", self.told)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
        self.go_on.set()
        await runner.cleanup()


@asynccontextmanager
async def nginx(folder: Path, upstream: int) -> AsyncIterator[str]:
    port = free_port()
    async with running(set_up(folder, upstream, port), f"https://127.0.0.1:{port}", {}) as url:
        yield url


def set_up(folder: Path, upstream: int, port: int) -> list[str]:
    """Our site in a server of this test's own; the command that starts it."""
    program, openssl = needs("nginx"), needs("openssl")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=bot.example.com", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    site = (DEPLOY / "nginx.conf").read_text()
    for old, new in (
        ("    listen 80;\n    listen [::]:80;\n", f"    listen 127.0.0.1:{free_port()};\n"),
        ("    listen 443 ssl http2;\n    listen [::]:443 ssl http2;\n", f"    listen 127.0.0.1:{port} ssl http2;\n"),
        ("/etc/letsencrypt/live/bot.example.com/fullchain.pem", str(certificate)),
        ("/etc/letsencrypt/live/bot.example.com/privkey.pem", str(key)),
        ("server 127.0.0.1:8080;", f"server 127.0.0.1:{upstream};"),
    ):
        assert old in site
        site = site.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user} pid {folder / 'pid'}; error_log stderr; daemon off; worker_processes 1; events {{}}"
        f" http {{ access_log off; {paths} {site} }}"
    )
    arguments = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    subprocess.run([*arguments, "-t", "-q"], check=True)
    return arguments


@asynccontextmanager
async def caddy(folder: Path, upstream: int) -> AsyncIterator[str]:
    program = needs("caddy")
    port = free_port()
    environment = {
        "DOMAIN": f"http://bot.example.com:{port}",
        "UPSTREAM": f"127.0.0.1:{upstream}",
        "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    arguments = [program, "run", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile"]
    async with running(arguments, f"http://127.0.0.1:{port}", environment) as url:
        yield url


@asynccontextmanager
async def running(arguments: list[str], url: str, environment: dict[str, str]) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *arguments, env={**os.environ, **environment}, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until_it_answers(url, process)
        yield url
    finally:
        process.terminate()
        await process.wait()


# Caddy hands large bodies on: its own limit would answer 502, and the bot says 413 by itself.
@pytest.mark.parametrize(("proxy", "refuses"), [(nginx, 413), (caddy, 200)])
async def test_a_proxy_hands_on_what_the_bot_needs_and_keeps_inside_what_is_the_operators(
    tmp_path: Path, proxy: Any, refuses: int
) -> None:
    upstream = Upstream()
    async with (
        upstream.serving() as port,
        proxy(tmp_path, port) as url,
        ClientSession(connector=TCPConnector(ssl=False), timeout=ClientTimeout(STARTS_WITHIN_S)) as session,
    ):
        secure = url.partition(":")[0]
        said = {"Host": "bot.example.com", "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "ftp"}
        async with session.post(f"{url}/webhooks/sinch", data=b"x" * 1000, headers=said) as answer:
            told = await answer.json()
        assert told["size"] == 1000
        assert told["host"] == "bot.example.com"
        assert told["x-forwarded-proto"] == secure  # its own word, not the caller's
        assert told["x-forwarded-for"].rpartition(",")[2].strip() == "127.0.0.1"
        host = {"Host": "bot.example.com"}
        for path in ("/metrics", "/readyz", "/healthz"):
            async with session.get(url + path, headers=host) as answer:
                assert answer.status == 404, path
        async with session.post(f"{url}/admin/rules", data=io.BytesIO(b"x" * 15_000_000), headers=host) as answer:
            assert (await answer.json())["size"] == 15_000_000
        async with session.post(f"{url}/admin/rules", data=io.BytesIO(b"x" * 17_000_000), headers=host) as answer:
            assert answer.status == refuses
        async with session.get(f"{url}/stream", headers=host) as answer:
            assert await answer.content.readline() == b"first\n"  # before there is a second
            upstream.go_on.set()
            assert await answer.content.readline() == b"second\n"


def test_a_proxy_lets_go_of_a_kept_connection_before_the_bot_does() -> None:
    """Else it now and then asks over one that the bot is closing, which is 502 for a request that cannot be repeated."""
    (told,) = re.findall(
        r"keepalive_timeout (\d+)s;", (DEPLOY / "nginx.conf").read_text().partition("server {\n    listen")[0]
    )
    assert int(told) < Limits().idle_s
    adapted = subprocess.run(
        [needs("caddy"), "adapt", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile"],
        capture_output=True,
        check=True,
    )
    (kept,) = re.findall(rb'"keep_alive":\{"idle_timeout":(\d+)\}', adapted.stdout)
    assert int(kept) / 1e9 < Limits().idle_s


def test_caddy_gives_a_body_as_long_as_the_bot_does() -> None:
    (told,) = re.findall(r"read_body (\d+)s", (DEPLOY / "Caddyfile").read_text())
    assert int(told) >= Limits().known_body_s


def test_nginx_speaks_tls_of_today() -> None:
    told = (DEPLOY / "nginx.conf").read_text()
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in told
    assert ssl.TLSVersion.TLSv1_2.name in {version.name for version in ssl.TLSVersion}


def test_what_the_unit_starts_is_a_command() -> None:
    *_, script, command = shlex.split(unit()["Service"]["ExecStart"])
    told = subprocess.run([sys.executable, str(ROOT / script), command, "--help"], capture_output=True, text=True)
    assert told.returncode == 0
