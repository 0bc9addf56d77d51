"""Small apps that show each widget by itself: `python -m nexus_widgets.demo NAME`."""
