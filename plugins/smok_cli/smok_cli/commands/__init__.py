"""The storage commands of `smok`; each is imported when it is called."""
