"""The MCP door: workflows as tools, sessions as resources, over Streamable HTTP and stdio.

``http.mount(app)`` makes the endpoint that ``nexus serve`` routes at ``/mcp``; ``stdio.serve_stdio(app)`` is
``nexus mcp``. Importing either costs the ``mcp`` SDK's half a second, so import them where they are served.
"""
