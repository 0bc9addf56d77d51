"""Example workflows, and a driver that uses them through all channels."""
