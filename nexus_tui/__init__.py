"""The terminal side of Nexus: the command line and the console."""
