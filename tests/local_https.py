"""An HTTPS server on the loopback address that answers as it is told to, bad manners included."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address

import trustme

from token_counter.addresses import Endpoint

Write = Callable[[bytes], Awaitable[None]]
Answer = Callable[["Request", Write], Awaitable[None]]


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes = b""


NOWHERE = Endpoint(ip_address("127.0.0.1"), 0)


@dataclass
class LocalServer:
    """What it was asked, and where it is.

    Attributes:
        answers: by the path that a request begins with.
        trust: for the client, trusts this server alone.
    """

    trust: ssl.SSLContext
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    endpoint: Endpoint = NOWHERE
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)

    async def forget(self) -> None:
        """End what is still being answered, and everything that was told."""
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)
        self.answers.clear()
        self.requests.clear()
        self.connections = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:

        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                fields = (line.split(": ", 1) for line in head[1:-2])
                request = Request(head[0], {name.lower(): value for name, value in fields})
                request.body = await reader.readexactly(int(request.headers.get("content-length", 0)))
                self.requests.append(request)
                path = request.line.split(" ")[1]
                answer = next((self.answers[known] for known in self.answers if path.startswith(known)), not_found)
                await answer(request, write)
            finally:
                writer.close()


async def not_found(request: Request, write: Write) -> None:
    await write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here.")


def plain(body: bytes, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> Answer:
    """The whole body, whatever range was asked for."""

    async def answer(request: Request, write: Write) -> None:
        fields = {"Content-Type": "image/png", "Content-Length": str(len(body)), **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)

    return answer


def ranged(body: bytes) -> Answer:
    """The range that was asked for."""

    async def answer(request: Request, write: Write) -> None:
        first, last = (int(each) for each in request.headers["range"].removeprefix("bytes=").split("-"))
        part = body[first : last + 1]
        where = f"bytes {first}-{first + len(part) - 1}/{len(body)}"
        await plain(part, "206 Partial Content", {"Content-Range": where})(request, write)

    return answer


def redirect(to: str, status: str = "302 Found") -> Answer:
    return plain(b"", status, {"Location": to})


def as_json(value: object, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> Answer:
    return plain(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})


@asynccontextmanager
async def local_https(*hosts: str) -> AsyncIterator[LocalServer]:
    """A server with a certificate for these names."""
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(own)
    server = LocalServer(trust)
    listening = await asyncio.start_server(server.connected, "127.0.0.1", 0, ssl=own)
    server.endpoint = Endpoint(ip_address("127.0.0.1"), listening.sockets[0].getsockname()[1])
    async with listening:
        yield server
        await server.forget()
