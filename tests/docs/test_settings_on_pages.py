"""The settings that the pages show are settings that the program takes."""

import re
import tomllib

from ao_workflows.settings import Settings


def test_every_settings_file_on_the_pages_is_valid(docs):
    blocks = [
        (page.name, block)
        for page in docs.rglob("*.md")
        for block in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    ]
    assert len(blocks) >= 3
    for name, block in blocks:
        assert Settings.model_validate(tomllib.loads(block)), name
