"""What stands in container images: every file of every layer, also of those that a later layer
hides, and the configuration with its environment, labels and history.

Images are read as `docker save` writes them, in one pass and never more than a piece of a file at a
time. Layers are known by what they hold, not by their place, so both forms of the archive will do:
the older, a directory per layer, and the OCI layout with its blobs, compressed or not.
"""

import gzip
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

PIECE = 1 << 20
OVERLAP = 1 << 13  # the longest text that is still found where two pieces meet
_BLOCK = 512
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

Search = Callable[[bytes], Collection[str]]
"""Names of what is found in a text."""


@dataclass(frozen=True, order=True)
class Found:
    """`layer`: digest of the uncompressed layer, as `docker image inspect` tells it, if in one."""

    what: str
    place: str
    layer: str | None = None


@contextmanager
def saved(images: Sequence[str]) -> Iterator[IO[bytes]]:
    """The archive of these images together; what they share is in it once."""
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        yield saving.stdout
    assert saving.returncode == 0


def search_archive(archive: IO[bytes], search: Search) -> set[Found]:
    """Everything that `search` finds in an archive of images.

    Raises:
        ValueError: a layer is packed in a way that can't be looked into.
    """
    found: set[Found] = set()
    for name, stored in _files(archive):
        content = _unpacked(name, stored)
        if content.peek(_BLOCK)[257:262] == b"ustar":
            found |= _search_layer(content, search)
        else:
            found |= {Found(what, name) for what in _search(content, search)}
    return found


def _unpacked(name: str, stored: "_Reader") -> "_Reader":
    start = stored.peek(_BLOCK)
    if start.startswith(_ZSTD):
        raise ValueError(f"{name} is packed by zstd")
    if start.startswith(_GZIP):
        return _Reader(gzip.GzipFile(fileobj=stored, mode="rb"))
    return stored


def _search_layer(layer: "_Reader", search: Search) -> set[Found]:
    found = {
        (what, name)
        for name, content in _files(layer)
        for what in {*search(name.encode(errors="replace")), *_search(content, search)}
    }
    layer.drain()  # the digest is of all of it
    return {Found(what, place, layer.digest) for what, place in found}


def _files(archive: IO[bytes]) -> "Iterator[tuple[str, _Reader]]":
    with tarfile.open(fileobj=archive, mode="r|") as members:
        for member in members:
            content = members.extractfile(member) if member.isreg() else None
            if content is not None:
                yield member.name, _Reader(content)


def _search(content: "_Reader", search: Search) -> set[str]:
    found: set[str] = set()
    piece = b""
    while more := content.read(PIECE):
        piece = piece[-OVERLAP:] + more
        found |= set(search(piece))
    return found


class _Reader(io.BufferedIOBase):
    """A stream whose beginning may be looked at, and which knows the digest of what was read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._ahead = b""
        self._seen = hashlib.sha256()

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer only at the end; they are still to be read."""
        while len(self._ahead) < size and (more := self._stream.read(size - len(self._ahead))):
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int | None = PIECE, /) -> bytes:
        size = PIECE if size is None or size < 0 else size
        read, self._ahead = self._ahead[:size], self._ahead[size:]
        if len(read) < size:
            read += self._stream.read(size - len(read))
        self._seen.update(read)
        return read

    def drain(self) -> None:
        while self.read(PIECE):
            pass

    @property
    def digest(self) -> str:
        return f"sha256:{self._seen.hexdigest()}"
