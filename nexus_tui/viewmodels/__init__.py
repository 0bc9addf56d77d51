"""Records made into what is shown: every text from a session passes ``clean`` here, and only here."""
