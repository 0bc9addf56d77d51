"""Live time travel: the present, rewound by its own events; exact, or said not to be."""
