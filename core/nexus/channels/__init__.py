"""The doors: each speaks its own protocol outside and ``nexus.service.Service`` inside.

``http`` and ``mcp`` serve, ``client`` calls a server, ``wire`` is what they say to each other. Nothing is imported
here: a command that needs one door never pays for the others.
"""
