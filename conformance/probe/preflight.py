"""The first request of a run: checks that the endpoint is there, speaks the API and takes the key."""

import asyncio
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from conformance.catalog.case import Ask
from conformance.doors import from_json
from conformance.errors import ExitCode
from conformance.keys import shortened
from conformance.probe.client import Client
from conformance.probe.exchange import Exchange
from conformance.probe.request import MESSAGES, Setting, new_nonce, render
from conformance.probe.trouble import LOADING_PAUSE, Say, is_loading
from conformance.targets.address import AddressError, is_unknown_host, origin
from conformance.targets.target import Target

UNREACHABLE = ExitCode.OUR_FAULT
MISTAKE = ExitCode.BAD_USAGE
"""Exit codes: the endpoint cannot be asked, or the caller can mend it by typing something else."""

PATIENT_FOR = 5.0
"""Seconds without an answer after which the person is told what is being waited for."""

NOTHING_ELSE: Mapping[str, str] = MappingProxyType({})
"""No header but those of every request."""

TEMPORARY = (429, 503, 529)
"""Refusals that pass: they are retried where they are met."""

NO_MODEL = (
    "not found",
    "not_found",
    "not exist",
    "unknown model",
    "invalid model",
    "no such model",
    "not available",
    "try pulling",
)
NO_KEY = ("authentication_error", "api key", "api-key", "api_key", "unauthorized", "authentication error")


class PreflightProblem(Struct, frozen=True):
    """The reason why a run cannot begin: one line with what to do, and the exit code."""

    line: str
    exit: ExitCode


async def preflight(
    target: Target, client: Client, *, say: Say = lambda _line: None, agent: str = ""
) -> PreflightProblem | None:
    """Asks the endpoint one short question; only a clear sign condemns it, an odd but legal answer does not.

    `agent`: the user-agent of the client that the run is about: who lets in that client alone can be asked.
    """
    try:
        here = origin(target.base_url)
    except AddressError as problem:
        return PreflightProblem(str(problem), MISTAKE)
    if not here[1]:
        return PreflightProblem(
            f"{target.base_url!r} names no host; write an address such as http://127.0.0.1:11434", MISTAKE
        )
    exchange = await _ask(target, client, say)
    found = await _problem(exchange, here, target, client)
    if found is None or (exchange.status is None and exchange.outcome != "reset"):
        return found
    again = await _ask(target, client, say)  # one answer of many may fail
    if await _problem(again, here, target, client) is None:
        return None
    if agent and await _problem(await _ask(target, client, say, {"user-agent": agent}), here, target, client) is None:
        say(f"{target.base_url} lets in {agent} and refuses others: {found.line}")
        return None
    return found


async def _problem(
    exchange: Exchange, here: tuple[str, str, int], target: Target, client: Client
) -> PreflightProblem | None:
    if exchange.status is None:
        return _no_answer(target, exchange)
    return _redirect(exchange, here) or await _refusal(target, client, exchange)


async def _ask(target: Target, client: Client, say: Say, headers: Mapping[str, str] = NOTHING_ELSE) -> Exchange:
    """The answer to a tiny request, after waiting for a model that is being loaded."""
    now = asyncio.get_running_loop().time
    until = now() + client.limits.first_byte
    body = {"max_tokens": 16, "messages": [{"role": "user", "content": "Reply with exactly: {nonce}"}]}
    outgoing = render(Ask(body=body, headers=dict(headers)), Setting(target=target, mode="json", nonce=new_nonce()))
    asking = asyncio.create_task(client.ask(outgoing))
    try:
        done, _ = await asyncio.wait({asking}, timeout=PATIENT_FOR)
        if not done:
            left = until - now()
            say(f"No answer from {target.base_url} yet: it may be loading the model; waiting up to {left:.0f} s.")
        exchange = await asking
    finally:
        asking.cancel()
    announced = False
    while is_loading(exchange) and now() < until:
        if not announced:
            say(f"{target.base_url} is still loading the model: waiting for it, up to {until - now():.0f} s.")
            announced = True
        await asyncio.sleep(LOADING_PAUSE)
        exchange = await client.ask(outgoing)
    return exchange


def _no_answer(target: Target, exchange: Exchange) -> PreflightProblem:
    where, said = target.base_url, exchange.detail
    match exchange.outcome:
        case "slow":
            return PreflightProblem(f"{where} accepts a connection and then says nothing: {said}.", UNREACHABLE)
        case "reset":
            line = f"{where} closes the connection without an answer: is it an HTTP server, or does it want https://?"
            return PreflightProblem(line, UNREACHABLE)
        case "malformed" | "oversized":
            return PreflightProblem(
                f"What listens at {where} does not speak HTTP ({said}): is the port right?", UNREACHABLE
            )
        case "failed":
            return PreflightProblem(f"A request to {where} cannot be sent: {said}.", MISTAKE)
    if _is_tls(said):
        hint = "if it speaks plain HTTP, write http://; its certificate must be trusted by this machine (SSL_CERT_FILE)"
        return PreflightProblem(f"No secure connection to {where}: {said}; {hint}.", UNREACHABLE)
    if urlsplit(where).hostname and is_unknown_host(said):
        return PreflightProblem(
            f"There is no host {urlsplit(where).hostname}: {said}; is the address right?", UNREACHABLE
        )
    if where.startswith("https:") and "reset" in said:
        return PreflightProblem(
            f"{where} ends the connection before it is secure ({said}): does it speak TLS, or is it plain http://?",
            UNREACHABLE,
        )
    start = f"start it with `{target.start}`" if target.start else "is it running, and is the port right?"
    return PreflightProblem(f"Nothing answers at {where}: {said}; {start}", UNREACHABLE)


def _redirect(exchange: Exchange, here: tuple[str, str, int]) -> PreflightProblem | None:
    """A redirect to another origin: a key is not carried there, so the person has to name it."""
    there = exchange.header("location") or ""
    if exchange.status not in (301, 302, 303, 307, 308) or "://" not in there:
        return None
    try:
        if origin(there) == here:
            return None
    except AddressError:
        return None
    base = there.partition(MESSAGES)[0].rstrip("/")
    return PreflightProblem(f"The endpoint redirects to another address: give that one, --base-url {base}", MISTAKE)


async def _refusal(target: Target, client: Client, exchange: Exchange) -> PreflightProblem | None:
    """What a complete answer says that makes every other question pointless."""
    status, said = exchange.status or 0, _said(exchange)
    if _is_page(exchange):
        return _web_page(target.base_url, status)
    if _names_no_model(target, status, said):
        return await _missing_model(target, client, said)
    if status == 401 or (status in (400, 403) and any(word in said.lower() for word in NO_KEY)):
        return _wrong_key(target, status, said)
    if status in (404, 405):
        return _no_endpoint(target.base_url, f"status {status}")
    if status >= 400 and status not in TEMPORARY and await _refuses_all(target, client, exchange):
        remedy = "" if target.key else "; if it wants a key, name the variable that holds it with --api-key-env"
        return PreflightProblem(
            f"{target.base_url} refuses every request alike (status {status}: {said}){remedy}", UNREACHABLE
        )
    return None


async def _refuses_all(target: Target, client: Client, exchange: Exchange) -> bool:
    """Whether a longer answer, as a stream, and the list of models are refused with the very same words."""
    body = {"max_tokens": 1024, "messages": [{"role": "user", "content": "Count from 1 to 3."}]}
    stream = render(Ask(body=body), Setting(target=target, mode="stream", nonce=new_nonce()))
    models = render(Ask(method="GET", path="/v1/models"), Setting(target=target, mode="json", nonce=new_nonce()))
    for other in (stream, models):
        answer = await client.ask(other)
        if (answer.status, _said(answer)) != (exchange.status, _said(exchange)):
            return False
    return True


def _web_page(where: str, status: int) -> PreflightProblem | None:
    if status in range(300, 400):
        return None
    if status >= 500:
        line = (
            f"What stands before {where} answers with a web page (status {status}): is the endpoint behind it running?"
        )
        return PreflightProblem(line, UNREACHABLE)
    return _no_endpoint(where, f"a web page (status {status})")


def _no_endpoint(where: str, answer: str) -> PreflightProblem:
    base = where.rstrip("/")
    for ending in (MESSAGES, "/v1"):
        if base.endswith(ending):
            better = base.removesuffix(ending)
            return PreflightProblem(
                f"The base URL must not end in {ending}, which is added to it: --base-url {better}", MISTAKE
            )
    line = f"There is no Messages API at {where}: POST {base}{MESSAGES} answers with {answer}; is --base-url right?"
    return PreflightProblem(line, UNREACHABLE)


def _wrong_key(target: Target, status: int, said: str) -> PreflightProblem:
    if target.key:
        what = "refuses the key: is it the right one, and does --api-key-env name its variable?"
    else:
        what = "asks for a key: name the environment variable that holds it with --api-key-env"
    return PreflightProblem(f"{target.base_url} {what} (status {status}: {said})", MISTAKE)


def _names_no_model(target: Target, status: int, said: str) -> bool:
    """Whether a refusal is about the model's name; local servers answer it with 400 or 404."""
    if status not in (400, 404):
        return False
    lower = said.lower()
    if target.model and target.model.lower() in lower and status == 404:
        return True
    return re.search(r"\bmodel\b", lower) is not None and any(word in lower for word in NO_MODEL)


async def _missing_model(target: Target, client: Client, said: str) -> PreflightProblem | None:
    """The models that the endpoint lists are the remedy; one that it lists itself is not missing."""
    setting = Setting(target=target, mode="json", nonce=new_nonce())
    listed = _listed(await client.ask(render(Ask(method="GET", path="/v1/models"), setting)))
    if target.model in listed:
        return None
    named = f"no model {target.model}" if target.model else "no model by default"
    if target.name == "ollama":
        remedy = f"get it with `ollama pull {target.model}`" if target.model else "name one with --model"
    else:
        remedy = "name another with --model" if target.model else "name one with --model"
    known = f"; it has {', '.join(sorted(listed)[:8])}{', ...' if len(listed) > 8 else ''}" if listed else ""
    return PreflightProblem(f"{target.base_url} has {named} ({said}): {remedy}{known}", MISTAKE)


class _Model(Struct):
    id: str


class _Models(Struct):
    data: list[_Model]


def _listed(exchange: Exchange) -> set[str]:
    listed = from_json(exchange.body, _Models)
    return {model.id for model in listed.data} if listed is not None else set()


LONGEST_SAID = 2000
"""Characters of a refusal that are looked at for the line that quotes it."""


class _Refusal(Struct):
    error: Any = None
    detail: Any = None
    message: Any = None


def _said(exchange: Exchange) -> str:
    """What a refusal says, in one short line, whatever its envelope."""
    text = exchange.body[:LONGEST_SAID].decode(errors="replace")
    refusal = from_json(exchange.body, _Refusal)
    if refusal is not None:
        error = refusal.error or refusal.detail or refusal.message
        inner = (error.get("message") or error) if isinstance(error, dict) else error
        kind = error.get("type") if isinstance(error, dict) else None
        said = inner if isinstance(inner, str) else msgspec.json.encode(inner).decode() if inner else text
        text = shortened(f"{kind}: {said}" if isinstance(kind, str) else said, LONGEST_SAID)
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return shortened(line, 160, "...")


def _is_page(exchange: Exchange) -> bool:
    """A web page by what it holds: frameworks call JSON text/html, too."""
    return exchange.body.lstrip()[:1] == b"<"


def _is_tls(said: str) -> bool:
    return any(word in said for word in ("SSL", "TLS", "certificate", "CERTIFICATE"))
