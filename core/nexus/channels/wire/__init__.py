"""JSON between a server and its clients: declared once, for routing, checking, documenting and decoding.

``asked`` is what clients send, ``answers`` what servers say (``administering`` what they say to admins), and ``shown``
makes answers of the models' records. All are plain msgspec records without behaviour of either side, so that the client
never imports a server.
"""
