"""All groups as the console lists them: read, filtered, put in order, and waited for."""
