"""The audit as the console reads it: page by page, checked in the background, and its filter completed."""
