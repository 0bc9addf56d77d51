"""The console's own file: its keys, its columns, and how it starts."""
