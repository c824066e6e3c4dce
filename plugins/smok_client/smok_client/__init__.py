"""For programs of the published ``smok`` client: our databases behind its classes, and its files.

`databases` gives an existing program our stores; `smok_client.legacy` brings along what the
published client has stored.
"""

from smok_client.bridge import (
    ClientMissing as ClientMissing,
    StateUnknown as StateUnknown,
    databases as databases,
    register_state as register_state,
)
