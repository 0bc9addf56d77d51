"""Parts of the screens: each draws one thing from what it is given, and tells its screen what was asked of it."""
