"""Where sessions live: the interface (``base``), the stores, and how one is opened (``opening``)."""
