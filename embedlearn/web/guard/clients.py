"""Who is at the other end of a connection, whatever a header says."""

from __future__ import annotations

import ipaddress

Client = tuple[str, int] | None


def network_of(client: Client) -> str:
    """The address of a client; the 2**64 addresses of an IPv6 network are one client."""
    address = _address(client)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address or "")


def is_loopback(client: Client) -> bool:
    """Whether a client is on this machine."""
    address = _address(client)
    return address is not None and address.is_loopback


def _address(client: Client) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """What a socket says, None where that is no address; one of IPv4 as such, were it written in IPv6."""
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0] if client else "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
