"""A process that serves the test workflows over stdio: ``python mcp_stdio_process.py STORE``."""

from __future__ import annotations

import asyncio
import logging
import sys

from nexus.channels.mcp.stdio import serve_stdio, stdout_to_stderr

if __name__ == "__main__":
    with stdout_to_stderr():
        from tests.channels.mcp.mcp_workflows import new_app

        print("printed while the app is loaded")
    logging.basicConfig(level=logging.DEBUG)
    asyncio.run(serve_stdio(new_app(sys.argv[1])))
