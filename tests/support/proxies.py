"""The proxies of `examples/`, as Debian has them, before a server of ours."""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server
from typing import Final, NamedTuple, cast

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.http.raw_client import RawClient, Server

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
HOST: Final = "chat.example.com"
CLIENT: Final = "127.0.0.2"  # not the proxy's own address, which is trusted


class Files(NamedTuple):
    """Of a certificate: `both` has it and its key."""

    certificate: Path
    key: Path
    both: Path


class Ports(NamedTuple):
    server: int
    plain: int
    secure: int


def make_certificate(folder: Path) -> Files:
    """For HOST and signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    files = Files(folder / "cert.pem", folder / "key.pem", folder / "both.pem")
    for path, content in zip(files, (public, private, public + private), strict=True):
        path.write_bytes(content)
    return files


def example(name: str, changes: Mapping[str, str]) -> str:
    """An example with what only this machine has in place of what stands there, each once."""
    text = (EXAMPLES / name).read_text()
    for before, after in changes.items():
        assert text.count(before) == 1, f"{name}: {before!r} is there {text.count(before)} times"
        text = text.replace(before, after)
    return text


def nginx(folder: Path, ports: Ports, files: Files) -> list[str]:
    place = "/etc/letsencrypt/live/chat.example.com"
    site = example(
        "nginx.conf",
        {
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{ports.server};",
            "listen 80;": f"listen 127.0.0.1:{ports.plain};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{ports.secure} ssl http2;",
            f"{place}/fullchain.pem": str(files.certificate),
            f"{place}/privkey.pem": str(files.key),
        },
    )
    (folder / "site.conf").write_text(site)
    paths = "".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"user root; daemon off; pid {folder}/pid; error_log stderr; events {{}} " + (
        f"http {{ access_log off; {paths} include {folder}/site.conf; }}"
    )
    (folder / "nginx.conf").write_text(whole)
    return [program("nginx"), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, ports: Ports, files: Files) -> list[str]:
    own = f"https_port {ports.secure}\nhttp_port {ports.plain}\nadmin off"
    site = example(
        "Caddyfile",
        {
            "\n{$SITE:chat.example.com} {": f"\n{{\n{own}\n}}\n{{$SITE:{HOST}}} {{\n"
            f"bind 127.0.0.1\ntls {files.certificate} {files.key}",
            "{$UPSTREAMS:127.0.0.1:8000}": f"127.0.0.1:{ports.server}",
        },
    )
    (folder / "Caddyfile").write_text(site)
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"]


def haproxy(folder: Path, ports: Ports, files: Files) -> list[str]:
    whole = example(
        "haproxy.cfg",
        {
            "bind :80\n": f"bind 127.0.0.1:{ports.plain}\n",
            "bind :443 ": f"bind 127.0.0.1:{ports.secure} ",
            "/etc/haproxy/chat.example.com.pem": str(files.both),
            "server one 127.0.0.1:8000": f"server one 127.0.0.1:{ports.server}",
        },
    )
    (folder / "haproxy.cfg").write_text(whole)
    return [program("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]


Prepare = Callable[[Path, Ports, Files], list[str]]
PROXIES: Final[Mapping[str, Prepare]] = {"nginx": nginx, "caddy": caddy, "haproxy": haproxy}


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert found is not None, f"{name} is not here: `make proxies` installs it"
    return found


class Proxied(Server):
    """A server as its clients see it: by TLS, through a proxy."""

    def __init__(self, ports: Ports, context: ssl.SSLContext) -> None:
        super().__init__(ports.secure)
        self.plain = ports.plain
        self._context = context

    async def connect(
        self, *, receive_buffer: int | None = None, address: str = CLIENT
    ) -> RawClient:
        stream = await self.secured(address)
        # It does with the stream what any stream can.
        client = RawClient(cast("trio.SocketStream", stream), self.token)
        client.host = HOST
        return client

    async def secured(self, address: str = CLIENT) -> trio.SSLStream[trio.SocketStream]:
        plain = await trio.open_tcp_stream("127.0.0.1", self.port, local_address=address)
        stream = trio.SSLStream(plain, self._context, server_hostname=HOST, https_compatible=True)
        await stream.do_handshake()
        return stream


@asynccontextmanager
async def proxied(
    name: str, server_port: int, folder: Path, files: Files
) -> AsyncIterator[Proxied]:
    """That proxy before what listens on a port of this machine, once it answers."""
    ports = Ports(server_port, *free_ports(2))
    context = ssl.create_default_context(cafile=files.certificate)
    with (folder / "log").open("wb") as log:
        process = await trio.lowlevel.open_process(
            PROXIES[name](folder, ports, files), stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
        try:
            proxy = Proxied(ports, context)
            await answering(proxy, process, folder / "log")
            yield proxy
        finally:
            process.terminate()
            with trio.CancelScope(shield=True):
                await process.wait()


async def answering(proxy: Proxied, process: trio.Process, log: Path) -> None:
    while True:
        try:
            async with await proxy.connect() as client:
                await client.ask("GET", "/healthz")
                if (await client.head()).status_code == 200:
                    return
        except OSError:
            assert process.poll() is None, await trio.Path(log).read_text()
        await trio.sleep(0.02)


def free_ports(number: int) -> list[int]:
    sockets = [create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
