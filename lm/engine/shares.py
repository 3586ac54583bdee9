"""What each tenant has lately had of an engine: who floods it waits for those who do not.

Least attained service first, as for flows in a network (Rai, Urvoy-Keller & Biersack, "Analysis of
LAS scheduling for job size distributions with high variance", 2003), with what was had long ago
forgotten. It knows no requests and no tensors; times are arguments.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable

MEMORY_S = 10.0  # after which all but 1/e of what somebody had is forgotten
FREE = 256  # tokens: what everybody may have without being counted as much
TENANTS = 1_000  # known at once, but for those who had something lately
MUCH = 4  # times as much as the least that anybody had


class Shares:
    """Tokens computed for each tenant, those of long ago counted less."""

    def __init__(self) -> None:
        self._had: dict[Hashable, tuple[float, float]] = {}  # tokens, and as of when

    def charge(self, tenant: Hashable, tokens: int, now: float) -> None:
        """So many tokens are computed for a tenant."""
        if tenant not in self._had and len(self._had) >= TENANTS:
            self._had = {each: had for each, had in self._had.items() if self.of(each, now) >= 1}
        self._had[tenant] = (self.of(tenant, now) + tokens, now)

    def of(self, tenant: Hashable, now: float) -> float:
        """Tokens that a tenant has lately had."""
        tokens, then = self._had.get(tenant, (0.0, now))
        return tokens * math.exp(min(0.0, then - now) / MEMORY_S)

    def heavy(self, tenants: Collection[Hashable], now: float) -> set[Hashable]:
        """Those of `tenants` who have lately had MUCH more than whichever of them had least."""
        if len(tenants) < 2:
            return set()
        had = {tenant: self.of(tenant, now) for tenant in tenants}
        most = MUCH * (min(had.values()) + FREE)
        return {tenant for tenant, tokens in had.items() if tokens > most}
