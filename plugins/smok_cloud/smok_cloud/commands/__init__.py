"""Commands of `smok` about the cloud; `smok` imports one when it is called."""
