"""docs/diagnosis.md lists every code as the table of codes has it."""

import re
from pathlib import Path

from profunda.diagnosis.codes import AREAS, CODES
from profunda.diagnosis.rules.all import RULES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "diagnosis.md"


def test_the_page_lists_all_codes() -> None:
    rows = re.findall(
        r"^\| ([\w ]+) \| `([\w-]+)` \| (.+?) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert rows == [(one.area, one.name, one.title, one.means) for one in CODES.values()]


def test_codes_stand_in_the_order_of_areas() -> None:
    places = [AREAS.index(one.area) for one in CODES.values()]
    assert places == sorted(places)


def test_every_code_has_one_rule() -> None:
    assert sorted(rule.code for rule in RULES) == sorted(CODES)
