"""Namespaces: which there are, where their parts of a store lie, and how one comes and goes."""

from nexus.namespaces.choosing import choose
from nexus.namespaces.estate import Estate
from nexus.namespaces.names import FRESH, Names, not_found
from nexus.namespaces.places import settings_in

__all__ = ["FRESH", "Estate", "Names", "choose", "not_found", "settings_in"]
