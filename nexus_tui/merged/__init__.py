"""Several contexts as one: a service laid over the services of each, with rows by (context, id)."""
