"""Where a host's connections may go. A user's link must not lead the bot into its own network: `pinned_http` asks here.

A resolver answers with addresses, and the connection goes to one of these: the name is looked up once, so that a second
answer of its owner's name server changes nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from .errors import LinkFailed, LinkRefused


@dataclass(frozen=True)
class Endpoint:
    """One address of a host, and the port there."""

    address: IPv4Address | IPv6Address
    port: int


Resolver = Callable[[str, int], Awaitable[Sequence[Endpoint]]]

# IANA IPv4 Special-Purpose Address Registry (RFC 6890), of 2026-11-24: what is not globally reachable.
_NOT_PUBLIC = [
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared address space; Alibaba's metadata, 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, on a public address (learn.microsoft.com, "What is IP address 168.63.129.16")
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # Oracle's metadata, 192.0.0.192
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
# RFC 4291: what is public in IPv6 is in here. Outside lie ::1, ::ffff:a.b.c.d, NAT64 (64:ff9b::), fc00::, fe80::, ff00::.
_PUBLIC_6 = ip_network("2000::/3")
# IANA IPv6 registry: within it, what is not public, and what carries an IPv4 address that another host unwraps.
_NOT_PUBLIC_6 = [ip_network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is reachable from anywhere, so that reaching it gives a stranger nothing."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


async def system_addresses(host: str, port: int) -> Sequence[Endpoint]:
    """What the system's resolver says; anything, the loopback address too.

    Raises:
        LinkFailed: there is no such host, or no answer.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that IDNA cannot encode
        raise LinkFailed(f"{host} has no address: {error}") from error
    return [Endpoint(ip_address(str(sockaddr[0]).partition("%")[0]), port) for *_, sockaddr in found]


def public_only(resolve: Resolver = system_addresses) -> Resolver:
    """A resolver that answers with what `resolve` says, less what is not public; the one to use for users' links."""

    async def resolved(host: str, port: int) -> Sequence[Endpoint]:
        public = [endpoint for endpoint in await resolve(host, port) if is_public(endpoint.address)]
        if not public:
            raise LinkRefused(f"{host} is in a private network; links are fetched from public addresses only")
        return public

    return resolved


def with_own_hosts(own: Mapping[str, Endpoint], otherwise: Resolver) -> Resolver:
    """A resolver for operators whose images lie on hosts of their own network: these by name, all others by `otherwise`."""

    async def resolved(host: str, port: int) -> Sequence[Endpoint]:
        return [own[host]] if host in own else await otherwise(host, port)

    return resolved
