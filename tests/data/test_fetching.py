"""Public files become the tables that the registry describes, or nothing."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from catenane.data import DATASETS, Dataset, fetch, read_table
from catenane.data.sources import Original
from catenane.errors import DataError

CONTENT = b'Compound ID,measured,smiles\nethane,-1.36,CC\n\n"a, b",-2,CCC\n'
COLUMNS = {"logS": "measured", "name": "Compound ID"}


class Server(ThreadingHTTPServer):
    """Serves `files` by path; of those in `broken` it sends a half."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.broken: set[str] = set()

    def original(self, path: str, **settings) -> Original:
        return Original(url=f"http://127.0.0.1:{self.server_port}{path}", columns=COLUMNS, **settings)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if self.path in self.server.broken else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        server.files["/esol.csv"] = CONTENT
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def esol(server: Server) -> Dataset:
    known = DATASETS["molnet/esol"]
    return replace(known, original=server.original("/esol.csv"), targets={"logS": "log10 mol/L"})


def text(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_public_file_becomes_the_table_of_its_name(esol, tmp_path):
    seen = []
    path, n_rows = fetch(esol, tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert path == tmp_path / "molnet" / "esol.csv.gz"
    assert text(path) == 'name,logS,smiles\nethane,-1.36,CC\n"a, b",-2,CCC\n'
    assert n_rows == 2
    assert seen == [(0, len(CONTENT)), (len(CONTENT), len(CONTENT))]
    table = read_table("molnet/esol", targets=["logS"], data_dir=tmp_path)
    assert table.strings == ["CC", "CCC"]
    assert table.units == {"logS": "log10 mol/L"}
    assert files(tmp_path) == ["esol.csv.gz", "esol.csv.gz.checksums.json"]


def test_a_copy_that_is_there_stays_unless_it_is_to_be_made_anew(esol, server, tmp_path):
    path, _ = fetch(esol, tmp_path)
    path.write_bytes(b"mine")
    assert fetch(esol, tmp_path) == (path, 0)
    assert path.read_bytes() == b"mine"
    assert fetch(esol, tmp_path, overwrite=True) == (path, 2)
    assert path.read_bytes() != b"mine"


def test_a_published_checksum_is_required(esol, server, tmp_path):
    right = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
    fetch(replace(esol, original=server.original("/esol.csv", checksum=right)), tmp_path / "right")
    with pytest.raises(DataError, match=f"not the file it was: its checksum is {right}, expected md5:00"):
        fetch(replace(esol, original=server.original("/esol.csv", checksum="md5:00")), tmp_path / "wrong")
    assert files(tmp_path / "wrong") == []


def test_without_one_the_first_fetch_is_trusted_and_later_ones_are_held_to_it(esol, server, tmp_path):
    path, _ = fetch(esol, tmp_path)
    before = path.read_bytes()
    server.files["/esol.csv"] = CONTENT.replace(b"-1.36", b"-9.99")
    kept = tmp_path / "molnet" / "esol.csv.gz.checksums.json"
    with pytest.raises(DataError, match=f"remove {kept} to accept the new file"):
        fetch(esol, tmp_path, overwrite=True)
    assert path.read_bytes() == before
    kept.unlink()
    fetch(esol, tmp_path, overwrite=True)
    assert "-9.99" in text(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"the server returned 404 Not Found"),
        (b"a,b\n1,2\n", r"lacks logS, smiles: its columns are a, b"),
        (b"", r"lacks logS, smiles: its columns are "),
        (b"\x1f\x8bnot gzip", r"is no text, plain or gzip"),
        (b"\xff\xfe\x00", r"is no text, plain or gzip"),
    ],
)
def test_what_cannot_be_used_leaves_nothing(esol, server, tmp_path, content, message):
    if content is None:
        del server.files["/esol.csv"]
    else:
        server.files["/esol.csv"] = content
    with pytest.raises(DataError, match=message):
        fetch(esol, tmp_path)
    assert files(tmp_path) == []


def test_a_download_that_breaks_off_leaves_nothing_and_can_be_made_again(esol, server, tmp_path):
    server.broken.add("/esol.csv")
    with pytest.raises(DataError, match=r"broke off after \d+ of \d+ bytes; fetch it again"):
        fetch(esol, tmp_path)
    assert files(tmp_path) == []
    server.broken.clear()
    assert fetch(esol, tmp_path)[1] == 2


def test_without_a_network_the_message_says_so(esol, tmp_path):
    offline = replace(esol, original=Original(url="http://127.0.0.1:9/esol.csv"))
    with pytest.raises(DataError, match=r"cannot be reached: .*refused; fetch needs the network"):
        fetch(offline, tmp_path)


def test_parts_follow_each_other_with_their_name(esol, server, tmp_path):
    server.files |= {
        "/train.csv": CONTENT,
        "/test.csv": gzip.compress(b"Compound ID,measured,smiles\nx,0,O\n"),
    }
    parts = replace(esol, original=server.original("/{part}.csv", parts=["train", "test"]))
    path, n_rows = fetch(parts, tmp_path)
    rows = text(path).splitlines()
    assert rows == ["split,name,logS,smiles", "train,ethane,-1.36,CC", 'train,"a, b",-2,CCC', "test,x,0,O"]
    assert n_rows == 3
    server.files["/test.csv"] = b"smiles,measured\nO,0\n"
    with pytest.raises(DataError, match=r"test.csv has other columns than the part before it: split, smiles"):
        fetch(parts, tmp_path / "other")


def test_a_file_without_a_header_is_given_one(esol, server, tmp_path):
    server.files["/plain.csv"] = b"CC,1\nCCC,2\n"
    bare = replace(esol, original=server.original("/plain.csv", header=["smiles", "logS"]))
    assert text(fetch(bare, tmp_path)[0]) == "smiles,logS\nCC,1\nCCC,2\n"


def test_a_set_that_was_put_together_by_hand_says_so(tmp_path):
    with pytest.raises(
        DataError, match=r"'mof/hmof' was put together by hand from https://github.com/.*MOFormer"
    ):
        fetch(DATASETS["mof/hmof"], tmp_path)


@pytest.mark.parametrize("dataset", [d for d in DATASETS.values() if d.original], ids=lambda d: d.name)
def test_the_registry_names_originals_that_fit(dataset):
    original = dataset.original
    assert original.url.startswith("https://")
    assert ("{part}" in original.url) == bool(original.parts)
    algorithm, _, digest = original.checksum.partition(":")
    assert not original.checksum or len(digest) == 2 * hashlib.new(algorithm).digest_size
    assert not original.header or {dataset.string_column, *dataset.targets} <= set(original.header)
