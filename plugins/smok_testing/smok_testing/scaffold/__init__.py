"""The scaffold of a backend: a whole, working distribution that `smok new-plugin` writes.

The templates are the distribution of a backend called ``acme``; writing one for another name
only changes the name. See `smok_testing.scaffold.generator`.
"""

from smok_testing.scaffold.generator import PluginNames as PluginNames, write_plugin as write_plugin
