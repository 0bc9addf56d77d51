"""The contract of every store, as tests. For a store of your own::

    class TestMyStore(StoreContract):
        def open_store(self):
            return MyStore(...)

``open_store`` is called once a test and gives a store that holds nothing and isn't opened yet. Where it
needs a fixture, such as ``tmp_path``, take it in an ``autouse`` fixture of the class.
"""

from nexus.testing.contract.audit import AuditContract
from nexus.testing.contract.belongings import BelongingsContract
from nexus.testing.contract.commits import CommitContract
from nexus.testing.contract.documents import DocumentContract
from nexus.testing.contract.events import EventContract
from nexus.testing.contract.groups import GroupContract
from nexus.testing.contract.harness import with_store
from nexus.testing.contract.lists import ListContract

__all__ = ["StoreContract", "with_store"]


class StoreContract(
    CommitContract, BelongingsContract, ListContract, EventContract, GroupContract, DocumentContract, AuditContract
):
    """All promises of ``nexus.stores.base.Store``, a test each."""
