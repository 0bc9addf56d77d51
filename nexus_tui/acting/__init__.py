"""Acting on many sessions: whom it is about, what would come of it, doing it in parts, and taking it back."""
