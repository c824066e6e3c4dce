"""``smok completion``: what the shell completes: commands, options, roles, stores, pathpoints."""

from typing import Final

import click

_HELP: Final = {
    "bash": 'add to ~/.bashrc: eval "$(smok completion bash)"',
    "zsh": 'add to ~/.zshrc: eval "$(smok completion zsh)"',
    "fish": "smok completion fish > ~/.config/fish/completions/smok.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_HELP)))
def command(shell: str) -> None:
    """Print the script that makes SHELL complete `smok`.

    bash: eval "$(smok completion bash)" in ~/.bashrc. zsh: likewise in ~/.zshrc. fish: into
    ~/.config/fish/completions/smok.fish.
    """
    from click.shell_completion import get_completion_class

    from smok_cli.app import group

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(group, {}, "smok", "_SMOK_COMPLETE").source())
