"""Write docs/coverage.md from docs/coverage.toml: `python docs/coverage.py`. A test compares the two."""

import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent

HEAD = """# Where the five source texts are covered

<!-- Written by docs/coverage.py from docs/coverage.toml: change that one. -->

Profunda is built from five texts in Portuguese:

{texts}

Every claim of theirs is to become something that runs from the public interface or the command line, is
tested against an independent oracle or a closed form, and names its source. A claim gets a measured verdict,
whichever it is: *holds*, *holds with conditions*, *wrong*; none is presumed right. The table has a row for
each section. The column *row* is the programme's own numbering: S for searching and designing, R for
regularising, U for understanding, P for applying and documenting. `unfinished` is what is not there yet, or
in part only; the command or function named beside it is then that part. Finished: {done} of {all} rows.

| text | section | row | command or function | status |
|---|---|---|---|---|
"""


def page(table: Path = HERE / "coverage.toml") -> str:
    """The whole page as text."""
    texts = tomllib.loads(table.read_text("utf-8"))["texts"]
    rows = [(text["letter"], *section) for text in texts for section in text["sections"]]
    listed = "\n".join(f"- **{t['letter']}** *{t['title']}* ({t['author']}): {t['about']}." for t in texts)
    head = HEAD.format(texts=listed, done=sum(row[-1] == "done" for row in rows), all=len(rows))
    return head + "".join(line(*row) for row in rows)


def line(letter: str, section: str, row: str, where: str, status: str) -> str:
    """One row; what can be typed is set as code, and a bar inside it must not end the cell."""
    code = where if where == "–" else "; ".join(f"`{part}`" for part in where.split("; "))
    cells = (letter, section, row, code, status)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    (HERE / "coverage.md").write_text(page(), encoding="utf-8")
