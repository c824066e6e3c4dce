"""Commands of `smok` for authors of backends."""
