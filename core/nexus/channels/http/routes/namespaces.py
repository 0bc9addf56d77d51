"""Operations on namespaces, for those who administer the store itself."""

from __future__ import annotations

from nexus.channels.http.operation import Call, Says, operation
from nexus.channels.http.reply import Reply, answer
from nexus.channels.wire import shown
from nexus.channels.wire.administering import NamespaceAnswer, NamespaceContentsAnswer, NamespaceList
from nexus.channels.wire.asked import CreateNamespace, NoBody, NoQuery, RemoveNamespace
from nexus.errors import NamespaceExists, NamespaceNotEmpty, NamespaceNotFound


@operation("GET", "/namespaces", tag="namespaces", says=(Says(200, NamespaceList, "all of them"),))
async def list_namespaces(call: Call[NoQuery, NoBody]) -> Reply:
    """All namespaces by name. The store itself, which is `default`, isn't among them."""
    return answer(NamespaceList(items=tuple(map(shown.namespace, await call.service.list_namespaces()))))


@operation(
    "POST", "/namespaces", tag="namespaces", body=CreateNamespace, says=(Says(201, NamespaceAnswer, "the namespace"),),
    errors=(NamespaceExists,),
)  # fmt: skip
async def create_namespace(call: Call[NoQuery, CreateNamespace]) -> Reply:
    """Make a namespace: a part of the store in which nothing of the others exists."""
    made = await call.service.create_namespace(call.body.name)
    return answer(shown.namespace(made), status=201, headers=[("Location", f"/namespaces/{made.name}")])


@operation(
    "GET", "/namespaces/{namespace_name}", tag="namespaces",
    says=(Says(200, NamespaceContentsAnswer, "the namespace"),), errors=(NamespaceNotFound,),
)  # fmt: skip
async def get_namespace(call: Call[NoQuery, NoBody]) -> Reply:
    """A namespace with how much is in it: what its removal would take away."""
    return answer(shown.namespace_contents(await call.service.get_namespace(call.path["namespace_name"])))


@operation(
    "DELETE", "/namespaces/{namespace_name}", tag="namespaces", query=RemoveNamespace,
    says=(Says(200, NamespaceContentsAnswer, "what it held"),), errors=(NamespaceNotFound, NamespaceNotEmpty),
)  # fmt: skip
async def remove_namespace(call: Call[RemoveNamespace, NoBody]) -> Reply:
    """Remove a namespace: at once it lets nobody in, and after some three seconds nothing is left of it. One that holds
    something is refused, unless `everything` may go. A removal that was cut short is asked for again.
    """
    name = call.path["namespace_name"]
    return answer(shown.namespace_contents(await call.service.remove_namespace(name, everything=call.query.everything)))


OPERATIONS = (list_namespaces, create_namespace, get_namespace, remove_namespace)
