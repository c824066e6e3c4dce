"""Storage primitives: what a backend supplies, and the built-in ones."""
