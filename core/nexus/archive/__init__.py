"""The archive beside Redis: every committed change in a SQL database, live sessions restored from it, history read."""
