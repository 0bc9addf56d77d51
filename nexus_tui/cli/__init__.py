"""The command line: one module a command, and beside them what all commands share."""
