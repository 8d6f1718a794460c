"""`python -m conformance.scripted`: start a face of the scripted model, or list its faults and variants."""

import argparse
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from conformance.scripted.protocol import PROTOCOLS, Setting, UsageError, application


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 4 for the caller's mistake."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except UsageError as mistake:
        print(f"conformance: {mistake}", file=sys.stderr)
        return mistake.exit_code


class _Parser(argparse.ArgumentParser):
    """argparse leaves with 2, which here means our own fault; a wrong command line is 4, and one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(4, f"{self.prog}: {message}; `python -m {self.prog} --help` lists what there is\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="conformance.scripted", description="The scripted model and its faces.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="start a face on 127.0.0.1")
    serve.add_argument("--face", choices=PROTOCOLS, default="anthropic", help="the wire to speak (default: anthropic)")
    serve.add_argument("--port", type=_port, default=0, metavar="P", help="0 takes a free one (default)")
    serve.add_argument(
        "--fault", metavar="ID", help="commit this violation, or A+B+C several at once; `faults` lists them"
    )
    serve.add_argument("--variant", metavar="ID", help="speak this legal variant; `variants` lists them")
    serve.add_argument("--api-key", metavar="KEY", help="let in only this key")
    serve.add_argument("--like", metavar="TARGET@VERSION", help="behave like this server, as in ollama@0.33")
    serve.add_argument(
        "--upstream", type=_address, metavar="URL", help="be a gateway in front of this chat completions server"
    )
    serve.add_argument("--disobey", type=int, metavar="N", help="a weak model: ignore every N-th prompt")
    serve.add_argument("--until-stdin-closes", action="store_true", help="stop when stdin closes too")
    serve.set_defaults(run=_serve)

    for name, what in (
        ("faults", "violations"),
        ("variants", "legal variants"),
        ("models", "odd models"),
        ("mutants", "mutants of the gateway"),
    ):
        listing = commands.add_parser(name, help=f"list the {what} that a face can be started with")
        listing.add_argument("--json", action="store_true", help="as JSON")
        listing.set_defaults(run=_list, what=name)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: give a number from 0 to 65535")
    return int(text)


def _address(text: str) -> str:
    """An address with its scheme, which people leave out, and without the route, which is added to it."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # of a port that is none
        named = False
    if not named:
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as http://127.0.0.1:8124")
    return url.rstrip("/").removesuffix("/chat/completions").removesuffix("/v1")


def _serve(options: argparse.Namespace) -> int:
    from conformance.scripted.server import serve

    setting = Setting(
        fault=options.fault,
        variant=options.variant,
        api_key=options.api_key,
        like=options.like,
        upstream=options.upstream,
    )
    if options.disobey is not None:
        if options.disobey < 1:
            raise UsageError("--disobey takes a number from 1 on: 1 ignores every prompt, 2 every second")
        from msgspec.structs import replace

        from conformance.scripted.odd_models import disobedient

        setting = replace(setting, brain=disobedient(options.disobey))
    face = application(options.face, setting)
    if setting.upstream is not None:
        from conformance.scripted.gateway import wait_for

        wait_for(setting.upstream, lambda text: print(text, file=sys.stderr, flush=True))
    serve(face, port=options.port, until_stdin_closes=options.until_stdin_closes)
    return 0


def _list(options: argparse.Namespace) -> int:
    """`conformance.scripted.listing.listing("faults" | "variants")` gives Structs with `id` and a sentence, `says`."""
    import msgspec

    from conformance.scripted.listing import listing

    entries = listing(options.what)
    if options.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(entries), indent=2).decode() + "\n")
    else:
        where = {True: " (with --upstream)", False: ""}
        sys.stdout.writelines(f"{entry.id}  {entry.says}{where['upstream' in entry.needs]}\n" for entry in entries)
    return 0


if __name__ == "__main__":
    sys.exit(main())
