"""Who a token lets in, whoever made the token."""

from __future__ import annotations

import msgspec

from nexus.model.caller import Proof
from nexus.model.namespace import DEFAULT
from nexus.model.token import Scope


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """The actor of all that the token does, what it may do and where, and what it was shown by."""

    actor: str
    scope: Scope
    namespace: str = DEFAULT
    proof: Proof
