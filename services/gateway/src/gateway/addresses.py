"""Who is at the other end: the caller's address as limits count it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN = "unknown"
_MOST_HOPS = 32
_REMEMBERED = 8192
_LONGEST_REMEMBERED = 256


class TrustedProxies:
    """Finds the caller's address behind the proxies we run ourselves.

    `X-Forwarded-For` is believed only as far as it was written by an address in `networks`: read
    from the right, the first address that is not one of ours is the caller. What stands left of it
    is the caller's own claim and counts for nothing.
    """

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        self._networks = tuple(networks)
        self._groups: dict[str, str] = {}
        self._trusted: dict[str, bool] = {}
        self._callers: dict[tuple[str, bytes], str] = {}

    def caller(self, peer: str | None, forwarded: list[bytes]) -> str:
        """The name under which the caller is counted.

        `peer` is the address that connected, `forwarded` the `X-Forwarded-For` lines in order.
        IPv6 callers are counted by /64, since one customer line owns at least that many addresses.
        """
        if peer is None:
            return UNKNOWN
        if not self._networks or not forwarded or not self.is_ours(peer):
            return self._group(peer)
        line = b",".join(forwarded)
        caller = self._callers.get((peer, line))
        if caller is None:
            caller = self._group(self._behind(peer, line.decode("latin-1")))
            if len(line) <= _LONGEST_REMEMBERED:
                if len(self._callers) >= _REMEMBERED:
                    self._callers.clear()
                self._callers[peer, line] = caller
        return caller

    def _behind(self, peer: str, forwarded: str) -> str:
        caller = peer
        hops = forwarded.rsplit(",", _MOST_HOPS)
        for hop in reversed(hops[-_MOST_HOPS:]):
            try:
                address = _plain(hop.strip())
            except ValueError:
                break  # our own proxies write addresses; anything else came from outside
            caller = str(address)
            if not any(address in network for network in self._networks):
                break
        return caller

    def is_ours(self, peer: str) -> bool:
        """Whether a proxy that we run ourselves is at the other end."""
        trusted = self._trusted.get(peer)
        if trusted is None:
            if len(self._trusted) >= _REMEMBERED:
                self._trusted.clear()
            trusted = self._trusted[peer] = self._is_within(peer)
        return trusted

    def _is_within(self, text: str) -> bool:
        try:
            address = _plain(text)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def _group(self, text: str) -> str:
        group = self._groups.get(text)
        if group is None:
            if len(self._groups) >= _REMEMBERED:
                self._groups.clear()
            group = self._groups[text] = _group(text)
        return group


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks from a comma-separated list of addresses and CIDR ranges.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def _plain(text: str) -> IPv4Address | IPv6Address:
    if text.startswith("["):  # "[2001:db8::1]:443"
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # "192.0.2.1:443"
        text = text.partition(":")[0]
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _group(text: str) -> str:
    try:
        address = _plain(text)
    except ValueError:
        return UNKNOWN
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))
