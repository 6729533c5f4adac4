"""Downloads against a server that misbehaves."""

import hashlib
import random
from pathlib import Path

import pytest

from molbench.data.build.sources.download import download
from molbench.errors import UserError
from molbench.spec.dataset import SourceFile

CONTENT = random.Random(0).randbytes(1_000_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def source(*urls: str, **known: object) -> SourceFile:
    return SourceFile(filename="a.npz", urls=list(urls), **known)


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_arrives_whole_and_progress_is_told(site, tmp_path) -> None:
    told = []
    url = site.serve("a.npz", CONTENT)
    download(
        source(url, size=len(CONTENT), md5=MD5, sha256=SHA256), tmp_path / "a.npz", lambda *a: told.append(a)
    )
    assert (tmp_path / "a.npz").read_bytes() == CONTENT
    assert left(tmp_path) == {"a.npz"}
    assert told[-1] == ("download a.npz", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_an_error_page_is_recognised_by_what_it_is(site, tmp_path) -> None:
    url = site.serve("a.npz", b"<html>" + b"x" * 2042, kind="text/html; charset=utf-8")
    with pytest.raises(UserError, match=r"got text/html, 2.05 kB instead of 83 MB") as caught:
        download(source(url, size=83_000_000), tmp_path / "a.npz")
    assert url in str(caught.value)
    assert not left(tmp_path)


def test_a_file_of_the_wrong_length_is_refused_before_it_is_fetched(site, tmp_path) -> None:
    url = site.serve("a.npz", CONTENT)
    with pytest.raises(UserError, match="1 MB instead of 2 MB"):
        download(source(url, size=2_000_000), tmp_path / "a.npz")
    assert not left(tmp_path)


@pytest.mark.parametrize(("kind", "right"), [("md5", MD5), ("sha256", SHA256)])
def test_a_wrong_checksum_names_both(site, tmp_path, kind: str, right: str) -> None:
    wrong = "0" * len(right)
    with pytest.raises(UserError, match=f"{kind} is {right}, declared is {wrong}"):
        download(source(site.serve("a.npz", CONTENT), **{kind: wrong}), tmp_path / "a.npz")
    assert not left(tmp_path)


def test_an_empty_file_is_no_file(site, tmp_path) -> None:
    with pytest.raises(UserError, match="empty"):
        download(source(site.serve("a.npz", b"")), tmp_path / "a.npz")
    assert not left(tmp_path)


def test_mirrors_are_tried_in_turn(site, tmp_path) -> None:
    good = site.serve("mirror/a.npz", CONTENT)
    page = site.serve("page", b"<html>", kind="text/html")
    missing = good.replace("mirror/a.npz", "gone.npz")
    download(source(missing, page, "ftp://127.0.0.1/a.npz", good, md5=MD5), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == CONTENT
    assert [path for path, _ in site.asked] == ["/gone.npz", "/page", "/mirror/a.npz"]


def test_when_all_fail_each_is_reported(site, tmp_path) -> None:
    page = site.serve("page", b"<html>", kind="text/html")
    gone = page.replace("page", "gone")
    closed = "http://127.0.0.1:1/a.npz"
    with pytest.raises(UserError) as caught:
        download(source(gone, page, closed), tmp_path / "a.npz")
    message = str(caught.value)
    assert f"{gone}: HTTP 404" in message and f"{page}: got text/html" in message
    assert f"{closed}: no connection" in message


def test_a_broken_connection_is_resumed_by_range(site, tmp_path) -> None:
    url = site.serve("a.npz", CONTENT, cut=[300_000, 300_000])
    download(source(url), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == [None, "bytes=300000-", "bytes=600000-"]


def test_a_later_call_goes_on_where_an_earlier_one_stopped(site, tmp_path) -> None:
    url = site.serve("a.npz", CONTENT, cut=[400_000, 0])
    with pytest.raises(UserError, match="ended after 400 kB of 1 MB; run it again to go on from there"):
        download(source(url), tmp_path / "a.npz")
    assert (tmp_path / "a.npz.part").stat().st_size == 400_000
    assert not (tmp_path / "a.npz").exists()
    site.asked.clear()
    download(source(url), tmp_path / "a.npz")
    assert site.asked == [("/a.npz", "bytes=400000-")]
    assert (tmp_path / "a.npz").read_bytes() == CONTENT and left(tmp_path) == {"a.npz"}


def test_the_beginning_of_another_file_is_not_continued(site, tmp_path) -> None:
    url = site.serve("a.npz", b"old" * 300_000, cut=[400_000, 0], etag='"old"')
    with pytest.raises(UserError):
        download(source(url), tmp_path / "a.npz")
    site.serve("a.npz", CONTENT, etag='"new"')
    download(source(url), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == CONTENT


def test_without_any_mark_of_identity_a_download_starts_again(site, tmp_path) -> None:
    (tmp_path / "a.npz.part").write_bytes(b"who knows")
    download(source(site.serve("a.npz", CONTENT, etag=None)), tmp_path / "a.npz")
    assert site.asked == [("/a.npz", None)]
    assert (tmp_path / "a.npz").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_of_it_again(site, tmp_path) -> None:
    (tmp_path / "a.npz.part").write_bytes(CONTENT[:1000])
    download(source(site.serve("a.npz", CONTENT, ranges=False), md5=MD5), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == CONTENT


@pytest.mark.parametrize("extra", [0, 10])
def test_a_beginning_that_is_the_whole_or_too_long_ends_well(site, tmp_path, extra: int) -> None:
    (tmp_path / "a.npz.part").write_bytes(CONTENT + b"x" * extra)
    download(source(site.serve("a.npz", CONTENT), md5=MD5, size=len(CONTENT)), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == CONTENT


def test_a_spoilt_beginning_is_found_out_by_the_checksum_and_forgotten(site, tmp_path) -> None:
    (tmp_path / "a.npz.part").write_bytes(b"x" * 1000)
    url = site.serve("a.npz", CONTENT)
    with pytest.raises(UserError, match="md5"):
        download(source(url, md5=MD5), tmp_path / "a.npz")
    assert not left(tmp_path)
    download(source(url, md5=MD5), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == CONTENT


def test_redirects_are_followed_but_not_to_files(site, tmp_path) -> None:
    there = site.serve("there", CONTENT)
    here = site.serve("here", status=302, location=there)
    download(source(here, md5=MD5), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == CONTENT
    local = site.serve("local", status=302, location="file:///etc/hostname")
    with pytest.raises(UserError):
        download(source(local), tmp_path / "b.npz")
    assert not (tmp_path / "b.npz").exists()


def test_a_file_that_was_there_stays_when_a_download_fails(site, tmp_path) -> None:
    (tmp_path / "a.npz").write_bytes(b"mine")
    with pytest.raises(UserError):
        download(source(site.serve("a.npz", CONTENT), md5="0" * 32), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == b"mine"
