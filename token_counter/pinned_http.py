"""One HTTPS request, to an address that a resolver allowed. `fetching` and `discord_refresh` send theirs by it.

By httpcore2, which openai brings: it follows no redirect, keeps no cookie, reads no proxy from the environment and
decompresses nothing. No connection outlives its request.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpcore2

from .addresses import Resolver
from .errors import LinkFailed
from .https_links import HTTPS_PORT, HttpsLink

CONNECTED_ADDRESSES = 3  # of a host, one after the other

_FAILURES = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    ssl.SSLError,
    OSError,
)


@dataclass(frozen=True)
class Response:
    """Status, headers in lower case (the last of a name), and the body as it arrives, to be closed by its reader."""

    status: int
    headers: Mapping[str, str]
    body: AsyncGenerator[bytes, None]


class PinnedHttp:
    """Sends requests to where the resolver says.

    Args:
        tls: the certificates to trust; None: the system's.
    """

    def __init__(self, resolver: Resolver, tls: ssl.SSLContext | None = None) -> None:
        self._backend = _PinnedBackend(resolver)
        self._tls = tls

    @asynccontextmanager
    async def request(
        self, method: str, link: HttpsLink, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncIterator[Response]:
        """Send one; leaving the block ends the connection, whatever is still to come.

        Raises:
            LinkRefused: the resolver refused the host.
            LinkFailed: no connection, no certificate, no HTTP; also while the body is read.
        """
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpcore2.default_ssl_context)  # reads some 150 certificates
        fields = {"Host": link.host, **headers}
        if content is not None:
            fields["Content-Length"] = str(len(content))
        url = httpcore2.URL(scheme="https", host=link.host, port=HTTPS_PORT, target=link.target)
        with _failures(link.host):
            async with (
                httpcore2.AsyncConnectionPool(self._tls, max_connections=1, network_backend=self._backend) as pool,
                pool.stream(method, url, headers=list(fields.items()), content=content) as answer,
            ):
                found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
                yield Response(answer.status, found, _body(answer, link.host))


async def _body(answer: httpcore2.Response, host: str) -> AsyncGenerator[bytes, None]:
    with _failures(host):
        async for part in answer.aiter_stream():
            yield part


@contextmanager
def _failures(host: str) -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        raise LinkFailed(f"{host} did not answer: {str(error) or type(error).__name__}") from error


class _PinnedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses of the resolver; the name stays in the TLS handshake and in the request."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failed: Exception | None = None
        for endpoint in (await self._resolver(host, port))[:CONNECTED_ADDRESSES]:
            try:
                return await self._network.connect_tcp(
                    str(endpoint.address), endpoint.port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise LinkFailed(f"no connection to {host}: {failed or 'it has no address'}") from failed
