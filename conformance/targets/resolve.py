"""Resolves what a person typed to a target: file, address, version, key and model."""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from conformance.errors import ExitCode, UserError
from conformance.harmless import harmless
from conformance.keys import KNOWN, shortened
from conformance.targets import discover
from conformance.targets.address import AddressError, base_url, is_loopback, origin
from conformance.targets.load import TargetFileError, load_target_file, target_names
from conformance.targets.probe_model import WINDOW, capabilities_of, card, is_probe_model
from conformance.targets.recognise import Acquaintance
from conformance.targets.target import Dispute, Gap, Target, TargetFile
from conformance.targets.versions import ServerVersion, read_version, within
from conformance.targets.wire import ServerConnection, Unreachable

Entry = TypeVar("Entry", Gap, Dispute)

NONE = TargetFile(name="none", title="the bare API")
"""Nobody's file: the API's own promise is all that is expected."""

DEFAULT_PORTS = {"OLLAMA_HOST": 11434, "OLLAMA_URL": 11434}
"""Variables that may hold a bare host, and the port that their own server takes then."""

SHOWN_MODELS = 20
SHOWN_NAME = 200
"""Characters of a model's name in a list."""
_NAME_OF_VARIABLE = re.compile(r"[A-Z]{1,12}|[A-Z][A-Z0-9]*(_[A-Z0-9]+){1,6}")
"""What a variable of a key is called; anything else may be the key itself, typed in the wrong place."""


class Choices(Struct, frozen=True, kw_only=True):
    """The choices on the command line; None and the empty mapping where there were none."""

    target: str | None = None
    """`NAME[@VERSION]`, the path of a target file, or `none`."""
    base_url: str | None = None
    model: str | None = None
    api_key_env: str | None = None
    capabilities: dict[str, bool] = {}
    concurrency: int | None = None
    address_from: Path | None = None
    """The run whose head says who is asked, where the caller did not: its address gets no key that the caller names."""


class TargetProblem(UserError):
    """The reason why no target can be asked, in words that say what to do, and the exit code."""


def asks_reference(choices: Choices) -> bool:
    """Whether the embedded reference endpoint is meant: nobody else was named."""
    return choices.base_url is None and choices.target in (None, "reference")


def resolve(choices: Choices, environ: Mapping[str, str], say: Callable[[str], None]) -> Target:
    """The target to ask, complete; TargetProblem says why there is none.

    Asks the server what it is, its version, its models and what they can do; sends no request to `/v1/messages`.
    `say` gets each line that a person should see, first of all which target file counts.
    """
    named, pinned = _named(choices.target)
    try:
        url = _address(choices, named, environ)
        _refuse_to_tell(choices, url)
        with ServerConnection(url) as wire:
            return _acquaint(choices, environ, say, named=named, pinned=pinned, wire=wire)
    except AddressError as problem:
        raise TargetProblem(str(problem)) from problem
    except Unreachable as problem:
        raise TargetProblem(_how_to_start(str(problem), named, url), ExitCode.OUR_FAULT) from problem


def _acquaint(
    choices: Choices,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    *,
    named: TargetFile | None,
    pinned: str | None,
    wire: ServerConnection,
) -> Target:
    server = Acquaintance(wire, say)
    file = named or server.which(known_targets()) or NONE
    reported = server.version(file)
    version = read_version(pinned or _packaged(file, reported))
    key = _key(choices, file, wire.base_url, environ, say)
    with ServerConnection(wire.base_url, discover.key_headers(file.auth, key)) as keyed:
        model, abilities = _model(choices, file, keyed)
    if named is None and file.name == "ollama" and _leaves_the_machine(model, abilities):
        file = load_target_file("ollama-cloud-proxy")
    _say_which(say, file, named=named is not None, version=version, pinned=pinned, reported=reported, url=wire.base_url)
    if is_probe_model(model):
        say(f"the model is the suite's own probe model, {model}: it obeys {card().obeys}, and sees no images")
    able = abilities.capabilities | capabilities_of(model)
    keyed_endpoint = {"authentication": True} if key else {}
    capabilities = {**able, **keyed_endpoint, **file.capabilities, **choices.capabilities}
    return Target(
        name=file.name,
        base_url=wire.base_url,
        version=version.reported,
        calls_itself=reported if reported != version.reported else None,
        model=model,
        auth=replace(file.auth, env=choices.api_key_env or file.auth.env),
        key=key,
        capabilities=capabilities,
        concurrency=choices.concurrency or file.concurrency,
        headroom=_headroom(file, model, capabilities),
        window=WINDOW if is_probe_model(model) else None,
        defaults=file.defaults,
        documented=_with(model, _holding(file.documented, version)),
        known=_with(model, _holding(file.known, version)),
        disputed=_holding(file.disputed, version),
        suite=file.suite,
        simulated=file.name == "reference" or server.simulated,
        start=file.start,
    )


def _headroom(file: TargetFile, model: str, capabilities: Mapping[str, bool]) -> int:
    """Tokens for thoughts that nobody asked for; the probe model has none, and its tokens are bytes."""
    if is_probe_model(model):
        return card().headroom
    return 0 if capabilities.get("thinking") is False else file.headroom


def _packaged(file: TargetFile, reported: str | None) -> str | None:
    """The version of the package that says this of its version, where the target's file knows it."""
    if reported is None:
        return None
    first, _, _ = reported.partition(" ")  # the header Server names the language after the product
    return file.packages.get(reported) or file.packages.get(first, reported)


def known_targets() -> list[TargetFile]:
    """The packaged targets that can be asked, in the order in which a server is compared with them."""
    return [file for file in map(load_target_file, target_names()) if file.asked]


def pin_of(name: str) -> str:
    """The version of the suite that a target's file is written for; TargetFileError if there is no such target."""
    return load_target_file(name).suite


def gaps_of(name: str, version: str | None, model: str = "") -> tuple[tuple[Gap, ...], tuple[Gap, ...]]:
    """The documented and known gaps of a target or its file, in a version, with a model; TargetFileError if none."""
    file, asked = load_target_file(name), read_version(version)
    return _with(model, _holding(file.documented, asked)), _with(model, _holding(file.known, asked))


def disputes_of(name: str, version: str | None) -> tuple[Dispute, ...]:
    """The disputes of a target for a version; TargetFileError if there is no such target."""
    return _holding(load_target_file(name).disputed, read_version(version))


def packaged_version(name: str, reported: str | None) -> str | None:
    """The version of the package whose server says `reported` of itself; TargetFileError if there is no such target."""
    return _packaged(load_target_file(name), reported)


def is_file(target: str) -> bool:
    """Whether `--target` means a file of the caller's own, not a packaged target."""
    return Path(target).suffix in (".yaml", ".yml") or "/" in target


def _named(target: str | None) -> tuple[TargetFile | None, str | None]:
    if target is None:
        return None, None
    if target == "none":
        return NONE, None
    name, _, pinned = target.partition("@")
    if is_file(target):
        name, pinned = target, ""
    elif "@" in target and not any(sign.isdigit() for sign in pinned):
        raise TargetProblem(f"--target {target}: a version stands behind the @, as in ollama@0.33; {pinned!r} is none")
    try:
        file = load_target_file(name)
    except TargetFileError as problem:
        raise TargetProblem(str(problem)) from problem
    if not file.asked:
        raise TargetProblem(
            f"{file.title or file.name} is known by its documents only, so there is nobody to ask. "
            "To ask a server of your own, use --target none --base-url URL, "
            f"or a file of yours that says `extends: {file.name}` and `asked: true`"
        )
    return file, pinned or None


def _address(choices: Choices, file: TargetFile | None, environ: Mapping[str, str]) -> str:
    if choices.base_url is not None:
        return base_url(choices.base_url)
    for name in file.base_url_env if file else []:
        if environ.get(name, "").strip():
            try:
                return base_url(environ[name], default_port=DEFAULT_PORTS.get(name))
            except AddressError as problem:
                raise AddressError(f"the environment variable {name}: {problem}") from problem
    if file and file.base_url:
        return base_url(file.base_url)
    raise TargetProblem(f"where is {file.name if file else 'it'}? Name its address with --base-url http://HOST:PORT")


def _how_to_start(problem: str, named: TargetFile | None, url: str) -> str:
    file = named
    if file is None:
        at_home = [f for f in known_targets() if f.base_url and origin(f.base_url)[2] == origin(url)[2]]
        file = at_home[0] if at_home and is_loopback(url) else None
    return f"{problem}; start it with `{file.start}`" if file and file.start else problem


def _key(
    choices: Choices, file: TargetFile, url: str, environ: Mapping[str, str], say: Callable[[str], None]
) -> str | None:
    """The key, from the variable that the caller named, or from the target's own for the target's own origin."""
    if choices.api_key_env:
        return secret_in(choices.api_key_env, environ, "--api-key-env names it")
    variable = file.auth.env
    if variable is None or file.auth.header == "none":
        return None
    homes = _homes(variable)
    if origin(url) not in [origin(home) for home in homes]:
        if environ.get(variable, "").strip():
            whose = f"it is for {' and '.join(homes)}" if homes else "no target of this suite names it"
            say(f"{variable} stays here: {whose}; add --api-key-env {variable} to send it to {url}")
        return None
    if file.auth.placeholder is not None and not environ.get(variable, "").strip():
        return None
    return secret_in(variable, environ, f"{file.title or file.name} needs a key in it")


def _refuse_to_tell(choices: Choices, url: str) -> None:
    """TargetProblem where only the folder of a run says to whom the key of a variable would go.

    It may be a stranger's. An address of this machine is no exception: whoever listens there may pass a key on.
    """
    variable = choices.api_key_env
    if variable is None or choices.address_from is None or origin(url) in map(origin, _homes(variable)):
        return
    raise TargetProblem(
        f"only {choices.address_from} says that {url} is asked, so the key that --api-key-env names does not go there: "
        f"say --base-url {url} too, if it is for this server"
    )


def _homes(variable: str) -> list[str]:
    """The addresses for which the suite's own target files name a variable: a file of anybody else names none."""
    files = map(load_target_file, target_names())
    return [file.base_url for file in files if file.auth.env == variable and file.base_url]


def secret_in(variable: str, environ: Mapping[str, str], why: str) -> str:
    """The key in a variable; TargetProblem, which never repeats what may be a key itself, where there is none."""
    if not environ.get(variable, "").strip() and not _NAME_OF_VARIABLE.fullmatch(variable):
        raise TargetProblem(
            f"what --api-key-env names is no environment variable ({len(variable)} characters, not repeated here since "
            "it may be a key): export MY_KEY=... and say --api-key-env MY_KEY"
        )
    secret = environ.get(variable, "").strip()
    if not secret:
        raise TargetProblem(f"the environment variable {variable} is not set, and {why}: export {variable}=...")
    if not (secret.isascii() and secret.isprintable()):
        raise TargetProblem(f"the environment variable {variable} holds a character that no header can carry")
    KNOWN.remember(secret)
    return secret


def _model(choices: Choices, file: TargetFile, wire: ServerConnection) -> tuple[str, discover.Abilities]:
    asked = choices.model or file.model
    if file.discovery == "ollama":
        return _ollama_model(asked, wire)
    listed = discover.listed_models(wire, {}) if file.discovery == "models" else None
    if asked is None:
        asked = _only(list(listed) if listed else None, wire.base_url)
    return asked, (listed or {}).get(asked, discover.Abilities())


def _ollama_model(asked: str | None, wire: ServerConnection) -> tuple[str, discover.Abilities]:
    installed = discover.ollama_models(wire)
    if asked is None:
        if installed == []:
            raise TargetProblem(
                f"no model is installed at {wire.base_url}; "
                "get one with `conformance prepare --target ollama --model qwen3-coder`"
            )
        asked = _only(installed, wire.base_url)
    elif _lacks(installed, asked):
        raise TargetProblem(_not_installed(asked, installed or []))
    return asked, discover.ollama_abilities(wire, asked)


def _lacks(installed: list[str] | None, model: str) -> bool:
    """Whether a model is certainly not there: what ollama.com runs needs no entry, and no list says nothing."""
    if installed is None or discover.is_cloud_name(model):
        return False
    return not any(discover.same_model(model, name) for name in installed)


def _only(models: list[str] | None, url: str) -> str:
    if not models:
        raise TargetProblem(f"{url} does not list its models; name one with --model")
    if len(models) > 1:
        raise TargetProblem(f"{len(models)} models are there; name one with --model:\n{_shown(models)}")
    return models[0]


def _not_installed(asked: str, installed: list[str]) -> str:
    near = get_close_matches(asked, installed, n=1, cutoff=0.6)
    guess = f"; did you mean {near[0]}?" if near else "."
    have = f"\nInstalled:\n{_shown(installed)}" if installed else ""
    return f"{asked} is not installed{guess} `conformance prepare --target ollama --model {asked}` gets it{have}"


def _shown(models: list[str]) -> str:
    lines = [f"  {harmless(shortened(name, SHOWN_NAME))}" for name in sorted(models)[:SHOWN_MODELS]]
    more = len(models) - SHOWN_MODELS
    return "\n".join([*lines, f"  and {more} more"] if more > 0 else lines)


def _leaves_the_machine(model: str, abilities: discover.Abilities) -> bool:
    return discover.is_cloud_name(model) or "ollama.com" in (abilities.remote or "")


def _holding(entries: list[Entry], version: ServerVersion) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if within(entry.versions, version))


def _with(model: str, gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
    """The gaps that a model of this name shows."""
    return tuple(gap for gap in gaps if _shows(model.removesuffix(":latest"), gap.models))


def _shows(model: str, models: list[str]) -> bool:
    named = [name for name in models if not name.startswith("!")]
    excluded = [name.removeprefix("!") for name in models if name.startswith("!")]
    among = not named or any(fnmatchcase(model, name) for name in named)
    return among and not any(fnmatchcase(model, name) for name in excluded)


def _say_which(
    say: Callable[[str], None],
    file: TargetFile,
    *,
    named: bool,
    version: ServerVersion,
    pinned: str | None,
    reported: str | None,
    url: str,
) -> None:
    title = file.title or file.name
    if file is NONE:
        say(f"{url} {'is asked as' if named else 'does not say what it is:'} the bare API, with no documented gaps")
        return
    shown = f" {version.reported}" if version.reported else ""
    packaged = _packaged(file, reported)
    itself = f" (it calls itself {reported})" if not pinned and packaged != reported else ""
    how = "asked as" if named else "recognised as"
    say(f"{url} is {how} {title}{shown}{itself}: its target file `{file.name}` counts")
    if pinned and reported and pinned not in (reported, packaged):
        say(f"the server says that it is {reported}; what holds for {pinned} is expected of it, as you asked")
    elif version.note and (file.version is not None or pinned):
        say(version.note)
