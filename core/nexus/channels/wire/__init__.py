"""JSON between a server and its clients: declared once, for routing, checking, documenting and decoding.

``bodies`` is what clients send, ``answers`` what servers say. Both are plain msgspec records without behaviour
of either side, so that the client never imports a server.
"""
