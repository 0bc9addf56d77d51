"""Recorded events, and a console over them: written by ``nexus events record``, played by ``--replay``."""
