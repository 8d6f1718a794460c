"""Connections that wait to be used again; bytes after the end of an answer never become the beginning of the next."""

import asyncio
import ssl
from collections.abc import Callable

from conformance.probe.connection import Connection, Pipe, Place

SILENCE = 0.25
"""Seconds for which an endpoint has to say nothing after an answer before the connection is used again."""
MOST_IDLE = 100
"""Connections that wait to be used again: more would be too many files to some systems."""


class Pool:
    """The connections of a run to its endpoint.

    What an endpoint sends unasked, some time after an answer, would be read as the answer to the next request. So each
    connection has to be silent for a while after each answer before it is used again, and once any was not, none is.
    New ones cost little until then. A question of several requests has its connection to itself until it ends, for what
    one request does to it is to be seen in the next; it waits for silence until the run has heard some.
    """

    def __init__(self, security: Callable[[], ssl.SSLContext]) -> None:
        self._security = security
        self._contexts: list[ssl.SSLContext] = []
        self._idle: list[Connection] = []
        """Those that wait to be used again, the longest first."""
        self._heard = False
        """Whether any connection was silent after an answer for as long as it takes."""
        self._spoken = False
        """Whether something arrived over one that waited."""
        self.believed = True
        """Whether the endpoint says no more than it is asked for, as far as is known: else nothing is used again."""
        self._kept = True
        """Whether connections wait for other questions: not where they keep the server from new ones."""

    async def connection(self, place: Place, *, fresh: bool, question: str = "") -> Connection:
        """A connection that waits to be used again, or a new one; OSError where there is none to be had.

        `question` names the one of several requests that asks, if it is one.
        """
        loop = asyncio.get_running_loop()
        if question and not fresh:
            await self._silence(question)
        if self._spoken:
            self.doubt()
        while not fresh and (waiting := self._take(question, loop.time())):
            if waiting.place == place and waiting.usable(loop.time()):
                self._heard = self._heard or loop.time() - waiting.idle_since >= SILENCE
                return waiting
            waiting.close()
        scheme, host, port = place
        if scheme == "https":
            _, pipe = await loop.create_connection(Pipe, host, port, ssl=self._context(), server_hostname=host)
        else:
            _, pipe = await loop.create_connection(Pipe, host, port)
        made = Connection(pipe, place)
        if self._kept and self._idle:
            loop.call_later(SILENCE, self._make_way, made)
        return made

    def _of(self, question: str) -> list[Connection]:
        return [connection for connection in self._idle if connection.question == question]

    async def unasked(self, question: str) -> bytes:
        """What has come since its last answer over the connections of a question of several requests."""
        await self._silence(question)
        own = self._of(question)
        for connection in own:
            await connection.settle()
        return b"".join([connection.surplus for connection in own])

    async def _silence(self, question: str) -> None:
        """Waits until the question's connection has been silent long enough, where the run has heard no silence yet."""
        if not self._heard and (own := self._of(question)):
            await asyncio.sleep(max(0, own[-1].idle_since + SILENCE - asyncio.get_running_loop().time()))

    def _take(self, question: str, now: float) -> Connection | None:
        """Takes a connection that waits: the question's own, else the one of nobody's that has been silent longest."""
        found = next((one for one in self._idle if one.question == question), None) if question else None
        if found is None:
            longest = next((one for one in self._idle if not one.question), None)
            found = longest if longest is not None and now - longest.idle_since >= SILENCE else None
        if found is not None:
            self._idle.remove(found)
        return found

    def _make_way(self, made: Connection) -> None:
        """Lets go of those that wait for nobody where a new one waits long: some servers read one at a time.

        Where answers take their time, a new connection takes hardly any of it.
        """
        if not made.answered:
            self._kept = False
            self._let_go(self._of(""))

    def _context(self) -> ssl.SSLContext:
        """Certificates are read once, and only for https."""
        if not self._contexts:
            self._contexts.append(self._security())
        return self._contexts[0]

    def release(self, question: str) -> None:
        """Leaves the connections of a question that has ended to others."""
        for connection in self._of(question):
            connection.question = ""
        if not self._kept:
            self._let_go(self._of(""))

    def give_back(self, connection: Connection, question: str = "") -> None:
        """Keeps a connection whose answer has ended, if another request may go over it: of that question first."""
        connection.question = question
        renewed = connection.renew(asyncio.get_running_loop().time(), self._speaks)
        if connection.talks:
            self.doubt()
        if renewed and self.believed and (question or (self._kept and len(self._idle) < MOST_IDLE)):
            self._idle.append(connection)
        else:
            connection.close()

    def _speaks(self) -> None:
        self._spoken = True

    def doubt(self) -> None:
        """Closes all that wait, and keeps none from now on: more was said than was asked for."""
        self.believed = False
        self.close()

    def _let_go(self, connections: list[Connection]) -> None:
        for connection in connections:
            self._idle.remove(connection)
            connection.close()

    def close(self) -> None:
        self._let_go(self._idle.copy())
