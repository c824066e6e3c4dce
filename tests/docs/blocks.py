"""The code blocks of the docs, and how each kind is checked."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
#: Written by others and checked by them.
_ELSEWHERE = {"decisions", "clauses.md"}

#: What a block may be. ``text`` is what a program prints, or a picture: nothing can be executed.
KINDS = ("python", "sh", "toml", "diff", "mermaid", "text")
_FENCE = re.compile(r"^```(.*)$")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Give every page of the docs, and the READMEs that show how to use something."""
    docs = [p for p in sorted(DOCS.rglob("*.md")) if not _ELSEWHERE & set(p.parts)]
    return docs + sorted((ROOT / "examples").glob("*/README.md"))


def blocks(path: Path) -> list[Block]:
    """Give the fenced blocks of a page; an unclosed or indented fence is an error."""
    found: list[Block] = []
    page, start, kind, lines = _name(path), 0, "", []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        assert fence or "```" not in line, f"{page}:{number}: a fence that is not at the margin"
        if fence and not start:
            start, kind, lines = number, fence[1], []
        elif fence:
            found.append(Block(page, start, kind, "\n".join(lines) + "\n"))
            start = 0
        else:
            lines.append(line)
    assert not start, f"{page}:{start}: a block without an end"
    return found


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def all_blocks(kind: str) -> list[Block]:
    """Give all blocks of one kind."""
    return [block for path in pages() for block in blocks(path) if block.kind == kind]
