"""What ``nexus dev`` is made of: a server and traffic as child processes that never outlive it."""
