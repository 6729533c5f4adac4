"""What runs on proposals of strangers has no rights, and what has rights runs nothing of theirs."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rooms import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
#: What a stranger chooses: names of branches, titles, texts, paths.
THEIRS = re.compile(
    r"\$\{\{[^}]*(head_ref|\.title|\.body|\.label|head\.ref|head_branch|commits|author)[^}]*\}\}"
)


def _read(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in _read(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_by_digest(path: Path) -> None:
    for step in _steps(path):
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), step["uses"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_of_a_stranger_is_put_into_a_command(path: Path) -> None:
    assert "pull_request_target" not in path.read_text(encoding="utf-8")
    for step in _steps(path):
        assert "${{" not in step.get("run", ""), step
        assert not THEIRS.search(str(step)), step


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_rights_are_declared_and_jobs_end(path: Path) -> None:
    workflow = _read(path)
    assert "permissions" in workflow
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_every_python_and_every_extra_is_tried() -> None:
    jobs = _read(ROOT / ".github" / "workflows" / "test.yml")["jobs"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = [name.rpartition(" ")[2] for name in project["classifiers"] if ":: Python :: 3." in name]
    assert jobs["test"]["strategy"]["matrix"]["python"] == versions
    extras = set(project["optional-dependencies"]) - {"dev"}
    assert set(jobs["extras"]["strategy"]["matrix"]["extra"]) == extras


def test_what_checks_a_proposal_may_only_read() -> None:
    for path in FILES:
        workflow = _read(path)
        if "pull_request" in workflow[True]:  # `on` is a truth of YAML
            assert workflow["permissions"] == {"contents": "read"}
            assert not any("permissions" in job for job in workflow["jobs"].values())
            assert "secrets." not in path.read_text(encoding="utf-8")


def test_the_check_runs_the_code_of_the_branch_and_keeps_no_credentials() -> None:
    checkout = _steps(ROOT / ".github" / "workflows" / "submission.yml")[0]["with"]
    assert checkout["ref"].endswith("base.sha }}") and checkout["persist-credentials"] is False


def test_what_may_write_checks_out_nothing_and_runs_no_program() -> None:
    for path in FILES:
        workflow = _read(path)
        if "workflow_run" not in workflow[True]:
            continue
        assert any(right == "write" for right in workflow["permissions"].values())
        for step in _steps(path):
            assert "run" not in step and "checkout" not in step["uses"], step
