"""Commands of `smok` for who comes from the published client."""
