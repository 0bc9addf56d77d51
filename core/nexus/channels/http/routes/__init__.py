"""The handlers, by what they are about. Each is declared with its operation, and speaks to the service only."""
