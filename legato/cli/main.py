"""The command `legato`: a server, its keys, agents and users, and its measurements."""

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from legato.bench import BenchError
from legato.cli import operating
from legato.cli.arguments import command_parser
from legato.cli.listening import each, listening
from legato.cli.welcome import welcome
from legato.config import ANY_AUDIENCE, ConfigError, Settings, load_settings
from legato.models.contract import ModelError
from legato.prove import ProveError
from legato.secret import with_secret
from legato.storage.contracts.errors import StorageError
from legato.workers import WorkersError

FAULTS: Final = (StorageError, ModelError, WorkersError, BenchError, ProveError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.  The exit status is 2 for wrong usage or configuration, 1 for a fault.

    Imports stand where they are used, because `legato token` must not wait for a server.
    """
    parser = command_parser()
    if not (sys.argv[1:] if argv is None else argv):
        parser.print_help(sys.stderr)
        parser.exit(2)
    arguments = parser.parse_args(argv)
    status = 0
    try:
        _run(arguments)
    # A server's errors come in groups, because the server's tasks end together.
    except* ConfigError as errors:
        status = _say(errors, status=2)
    except* (*FAULTS, operating.Declined) as errors:
        status = _say(errors, status=1)
    return status


def _say(errors: BaseException, *, status: int) -> int:
    for error in each(errors):
        print(f"legato: {error}", file=sys.stderr)
    return status


def _run(arguments: argparse.Namespace) -> None:
    match arguments.command:
        case "serve":
            _serve(_settings(arguments), arguments.config)
        case "demo":
            _demo(arguments.host, arguments.port, browser=not arguments.no_browser)
        case "bench":
            _bench(arguments.scenario, arguments.runs)
        case "prove":
            _prove(arguments)
        case "keys":
            _keys(load_settings(os.environ, arguments.config), arguments)
        case "sessions":
            _sessions(load_settings(os.environ, arguments.config), arguments.user)
        case "bans":
            _bans(arguments)
        case "agents":
            _agents(load_settings(os.environ, arguments.config), arguments)
        case command if command in operating.COMMANDS:
            operating.run(arguments)
        case _:
            print(_token(_settings(arguments), arguments.user, arguments.ttl))


def _settings(arguments: argparse.Namespace) -> Settings:
    """The configured settings, overridden by flags, with a secret."""
    flags = {name: getattr(arguments, name, None) for name in ("host", "port", "workers")}
    given = {name: value for name, value in flags.items() if value is not None}
    settings = load_settings(os.environ, arguments.config)
    return with_secret(msgspec.structs.replace(settings, **given))


def _serve(settings: Settings, file: Path | None) -> None:
    serve = _server(settings.workers)
    with listening(settings.host, settings.port):
        serve(settings, on_ready=lambda url: print(welcome(url, settings, file), flush=True))


def _server(workers: int) -> Callable[..., None]:
    """Garbage is not looked for while a thousand modules come, nor ever among them: they stay.

    To look for it meanwhile takes a fifteenth of a start.
    """
    gc.disable()
    try:
        if workers > 1:
            from legato.workers.parent import serve_with_workers

            return serve_with_workers
        from legato.http.server.server import serve

        return serve
    finally:
        gc.freeze()
        gc.enable()


def _demo(host: str | None, port: int, *, browser: bool) -> None:
    from legato.demo import HOST, demo

    host = host or HOST
    with listening(host, port, how="make demo PORT={port}, or --port {port}"):
        demo(host=host, port=port, browser=browser)


def _bench(scenario: str, runs: int) -> None:
    from legato.bench.command import bench

    bench(scenario, runs)


def _prove(arguments: argparse.Namespace) -> None:
    from legato.prove.command import prove, prove_one

    if arguments.seed is not None:
        prove_one(arguments.seed)
    else:
        first = int(time.time()) if arguments.first is None else arguments.first
        prove(first, arguments.seeds)


def _bans(arguments: argparse.Namespace) -> None:
    import trio

    from legato.cli import bans

    settings = load_settings(os.environ, arguments.config)
    if arguments.action == "list":
        said = trio.run(bans.list_bans, settings)
    else:
        subject = bans.subject_of(arguments.user, arguments.ip)
        if arguments.action == "add":
            said = trio.run(bans.add_ban, settings, subject, arguments.time)
        else:
            said = trio.run(bans.lift_ban, settings, subject)
    print(*said.splitlines(), sep="\n", end="\n" if said else "")


def _keys(settings: Settings, arguments: argparse.Namespace) -> None:
    from legato.cli import keys

    match arguments.action:
        case "create":
            key = keys.create(settings, arguments.user, arguments.name, arguments.expires)
            print(key)
        case "list":
            print(*keys.listed(settings, arguments.user), sep="\n")
        case _:
            keys.revoke(settings, arguments.id)


def _agents(settings: Settings, arguments: argparse.Namespace) -> None:
    import trio

    from legato.cli import agents

    match arguments.action:
        case "list":
            print(trio.run(agents.listed, settings))
        case "show":
            print(trio.run(agents.shown, settings, arguments.id))
        case "export":
            print(trio.run(agents.exported, settings, arguments.id, arguments.format))
        case "rotate-secrets":
            from legato.cli import rotating

            print(trio.run(rotating.rotated, settings))
        case _:
            given = settings, arguments.file, arguments.user, arguments.id
            print(trio.run(agents.imported, *given))


def _sessions(settings: Settings, user: str) -> None:
    from legato.cli import sessions

    print(sessions.revoke(settings, user))


def _token(settings: Settings, user: str, ttl: int) -> str:
    from legato.http.auth.tokens import sign

    issuer, audience = settings.jwt_issuer, settings.jwt_audience
    more = {"iss": issuer, "aud": None if audience == ANY_AUDIENCE else audience}
    claims = {name: value for name, value in more.items() if value is not None}
    return sign(user, settings.jwt_secret or "", now=time.time(), ttl=ttl, **claims)


if __name__ == "__main__":
    sys.exit(main())
