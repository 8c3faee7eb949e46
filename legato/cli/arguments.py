"""The commands of `legato` and their arguments, with the help that people read."""

import argparse
from pathlib import Path

from legato.bench import NAMES
from legato.cli import operating, values
from legato.cli.parser import Parser


class _Version(argparse.Action):
    """Looks the version up only when asked, because no server's start has to wait for that."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"legato {version('legato')}")
        parser.exit()


def command_parser() -> argparse.ArgumentParser:
    """The parser of all commands: `command` of a parsed line is the name, `action` the next."""
    parser: argparse.ArgumentParser = Parser(
        prog="legato",
        description="LLM generations as jobs that outlive the connection that started them.",
        epilog="To begin: `legato demo`, or `legato serve`.  `legato COMMAND --help` says more.  "
        "Settings are read from legato.toml and, over it, from LEGATO_* variables.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serving(commands)
    _add_access(commands)
    operating.add_commands(commands, _add_config)
    _add_bench(commands.add_parser("bench", help="measure this machine, beside what is possible"))
    _add_prove(commands.add_parser("prove", help="try whole clusters with every fault there is"))
    return parser


def _add_serving(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser("serve", help="serve until SIGTERM or SIGINT")
    serve.add_argument("--host", type=values.host, help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=values.port, help="port to listen on (default: 8000)")
    serve.add_argument("--workers", type=values.workers, metavar="N", help="processes (default: 1)")
    _add_config(serve)

    demo = commands.add_parser("demo", help="serve the page on this machine and open it")
    demo.add_argument("--host", type=values.host, help="address to listen on (default: 127.0.0.1)")
    demo.add_argument("--port", type=values.port, default=8000, help="(default: 8000)")
    demo.add_argument("--no-browser", action="store_true", help="print the page's URL only")


def _add_access(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands about users, and what users may reach."""
    token = commands.add_parser("token", help="print a JWT for a user, and nothing else")
    token.add_argument("--user", type=values.user, required=True, metavar="ID")
    token.add_argument(
        "--ttl", type=values.ttl, default="1h", help="90s, 15m, 1h, 30d (default: 1h)"
    )
    _add_config(token)

    keys = commands.add_parser("keys", help="make, list and revoke API keys")
    _add_key_actions(keys.add_subparsers(dest="action", required=True, metavar="ACTION"))

    sessions = commands.add_parser("sessions", help="end a user's sessions and tokens")
    _add_session_actions(sessions.add_subparsers(dest="action", required=True, metavar="ACTION"))

    agents = commands.add_parser("agents", help="list, show, import and export agents")
    _add_agent_actions(agents.add_subparsers(dest="action", required=True, metavar="ACTION"))

    _add_bans(commands.add_parser("bans", help="list, add or lift bans"))


def _add_bench(bench: argparse.ArgumentParser) -> None:
    bench.add_argument(
        "scenario",
        choices=(*NAMES, "all"),
        metavar="SCENARIO",
        help=f"{', '.join(NAMES)}, or all",
    )
    bench.add_argument("--runs", type=values.runs, default=3, help="how often (default: 3)")


def _add_prove(prove: argparse.ArgumentParser) -> None:
    chosen = prove.add_mutually_exclusive_group()
    chosen.add_argument(
        "--seeds", type=values.seeds, default=10_000, metavar="N", help="how many (default: 10000)"
    )
    chosen.add_argument(
        "--seed", type=values.seed, metavar="SEED", help="run this seed only, and print every step"
    )
    prove.add_argument(
        "--from",
        type=values.seed,
        dest="first",
        metavar="SEED",
        help="the first (default: the time)",
    )


def _add_bans(bans: argparse.ArgumentParser) -> None:
    actions = bans.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("list", "print who is banned, until when, and why"),
        ("add", "ban a user or an address; known to all processes in seconds"),
        ("lift", "end a ban, and forget the violations before"),
    ):
        action = actions.add_parser(name, help=text)
        if name != "list":
            subject = action.add_mutually_exclusive_group(required=True)
            subject.add_argument("--user", type=values.user, metavar="ID")
            subject.add_argument(
                "--ip", metavar="ADDRESS", help="an IPv6 address stands for its /64 network"
            )
        if name == "add":
            text = "90s, 15m, 1h, 30d (default: ban_duration)"
            action.add_argument("--for", type=values.ttl, dest="time", metavar="TIME", help=text)
        _add_config(action)


def _add_key_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    create = actions.add_parser("create", help="print a new API key, and nothing else")
    create.add_argument("--user", type=values.user, required=True, metavar="ID")
    create.add_argument(
        "--name", type=values.key_name, required=True, help="a name for people, shown in lists"
    )
    create.add_argument(
        "--expires",
        type=values.key_lifetime,
        metavar="TIME",
        help="12h, 90d, never (default: api_key_lifetime, else never)",
    )
    listing = actions.add_parser("list", help="show API keys, without the keys themselves")
    whose = listing.add_mutually_exclusive_group(required=True)
    whose.add_argument("--user", type=values.user, metavar="ID")
    whose.add_argument("--all", action="store_true", help="every user's")
    text = "refuse an API key of any user from now on"
    revocation = actions.add_parser("revoke", aliases=["delete"], help=text)
    revocation.add_argument("id", metavar="ID")
    for action in (create, listing, revocation):
        _add_config(action)


def _add_agent_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    listing = actions.add_parser("list", help="print every agent, also those of the configuration")
    showing = actions.add_parser("show", help="print an agent, and who may use it")
    export = actions.add_parser("export", help="print an agent as a file that import reads")
    text = "toml or json (default: toml)"
    export.add_argument("--format", choices=("toml", "json"), default="toml", help=text)
    making = actions.add_parser("import", help="make an agent of a file, and print its id")
    making.add_argument("file", type=Path, metavar="FILE", help="TOML, or JSON if named *.json")
    making.add_argument("--user", type=values.user, required=True, metavar="ID", help="its owner")
    making.add_argument("--id", metavar="ID", help="change this agent instead of making one")
    text = "seal the keys of actions with encryption_key, after a change of that setting"
    rotation = actions.add_parser("rotate-secrets", help=text)
    for action in (showing, export):
        action.add_argument("id", metavar="ID", help="agent_…, or a name of the configuration")
    for action in (listing, showing, export, making, rotation):
        _add_config(action)


def _add_session_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "refuse all of a user's sessions and tokens from now on"
    revocation = actions.add_parser("revoke", help=text)
    revocation.add_argument("--user", type=values.user, required=True, metavar="ID")
    _add_config(revocation)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (default: legato.toml, if present)"
    )
