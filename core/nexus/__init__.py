"""Nexus: durable sessions across HTTP, the command line and MCP."""
