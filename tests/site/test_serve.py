"""`molbench board serve`: pages follow the results, and a build that fails leaves those that were there."""

from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from molbench.errors import UserError
from molbench.evaluation.result import result_files
from molbench.site.serve import Live, server
from molbench.site.write import write_site
from molbench.spec.catalogue import Catalogue
from tests.leaderboard.conftest import write_result
from tests.site.conftest import records_of


def test_pages_follow_the_results(tmp_path: Path) -> None:
    results, site, said = tmp_path / "results", tmp_path / "site", []

    def build() -> None:
        if (results / "broken").exists():
            raise UserError("these cannot be compared")
        write_site(*records_of(results, title="Board"), Catalogue.load(), site)

    write_result(results, "first", "data/a")
    live = Live(lambda: result_files(results), build, said.append)
    live.refresh()
    with server(live, site, 0) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{running.server_port}"

            def page() -> str:
                with urlopen(f"{address}/boards/b.html", timeout=10) as answer:
                    return answer.read().decode()

            assert "first" in page() and "newcomer" not in page()
            write_result(results, "newcomer", "data/a")
            assert "newcomer" in page()
            write_result(results, "broken", "data/a")
            assert "newcomer" in page() and said[-1] == "these cannot be compared"
            with pytest.raises(HTTPError):
                urlopen(f"{address}/../../results/first/data/a/probe/0/result.json", timeout=10)
            with pytest.raises(UserError, match="--port"):
                server(live, site, running.server_port)
        finally:
            running.shutdown()
            thread.join(timeout=10)
    assert said[:2] == ["made from 1 files", "made from 2 files"]
