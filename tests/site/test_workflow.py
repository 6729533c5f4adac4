"""The workflow that publishes the pages does what it says, step by step."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from tests.rooms import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8"))
_LINK = re.compile(r'(?:href|src)="([^"#][^"]*)"')


@pytest.mark.slow
def test_what_is_uploaded_is_the_whole_site(tmp_path: Path) -> None:
    steps = WORKFLOW["jobs"]["build"]["steps"]
    for part in ("submissions", "leaderboards"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("site"))
    program = tmp_path / ".venv" / "bin" / "molbench"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m molbench.cli "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MOLBENCH_HOME": str(tmp_path / "home")}
    (command,) = [step["run"] for step in steps if "molbench" in step.get("run", "")]
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0 and "set aside" not in done.stderr, done.stdout + done.stderr
    (uploaded,) = [step["with"]["path"] for step in steps if "upload-pages-artifact" in step.get("uses", "")]
    site = tmp_path / uploaded
    pages = list(site.rglob("*.html"))
    kinds = {page.relative_to(site).parts[0] for page in pages}
    assert kinds >= {"index.html", "boards", "models", "tasks", "datasets"} and (site / "feed.xml").is_file()
    for page in pages:
        for link in _LINK.findall(page.read_text(encoding="utf-8")):
            if not link.startswith(("https:", "http:", "data:")):
                assert (page.parent / unquote(link)).resolve().is_file(), f"{page.name}: {link}"
    # Not only tables: what a reader sees of a model is there.
    assert any("<svg" in page.read_text(encoding="utf-8") for page in (site / "models").iterdir())


def test_what_is_published_was_built_without_rights() -> None:
    jobs = WORKFLOW["jobs"]
    assert WORKFLOW["permissions"] == {"contents": "read"} and "permissions" not in jobs["build"]
    assert jobs["deploy"]["needs"] == "build" and all("run" not in step for step in jobs["deploy"]["steps"])
