"""What users' own tests need: builders, a clock to set, and the contract that a store must keep.

The contract needs pytest and is imported by its own name: ``from nexus.testing.contract import StoreContract``.
"""

from nexus.testing.clock import FakeClock

__all__ = ["FakeClock"]
