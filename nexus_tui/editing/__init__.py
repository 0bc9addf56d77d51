"""Editing a session's state in the user's editor: its text, the editor, and the merge patch between two states."""
