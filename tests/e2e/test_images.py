"""No secret stands in the images that were built (`make e2e-containers`)."""

import gzip
import hashlib
import io
import json
import re
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import keys
from .images import OVERLAP, PIECE, Found, Search, saved, search_archive

# In what we add ourselves also a key of a test would be too much, were it not in the open.
_SHAPES = (
    *keys.REAL_KEYS,
    rb"sk_test_[0-9A-Za-z]{16,}",
    rb"rk_test_[0-9A-Za-z]{16,}",
    rb"whsec_[0-9A-Za-z]{16,}",
)
_BASE = "python:3.13-slim"
_SECRET = "sk_live_" + "51Nb0Qw8ErTy2UiOp4AsDfGh"  # in two, or this file would hold one
_OTHER = "9f3kQz7LwX2vBn5TyUe8RtHs"


@pytest.fixture
def run_dir(request: pytest.FixtureRequest) -> Path:
    """Of the system in containers, whose images are built by then."""
    if not request.config.getoption("--containers"):
        pytest.skip("needs the images that `make e2e-containers` builds")
    from .containers import ContainerSystem

    system = request.getfixturevalue("system")
    assert isinstance(system, ContainerSystem)
    return system.run_dir


@pytest.fixture
def built(run_dir: Path) -> list[str]:
    from .containers import built_images

    assert run_dir.is_dir()
    return built_images()


def _searching(known: dict[str, str]) -> Search:
    """What it is for a known secret; for a shape the beginning of what has it."""
    texts = {what: text.removeprefix("Bearer ").encode() for what, text in known.items()}

    def search(content: bytes) -> set[str]:
        shaped = {f"like {key[:12].decode()}" for key in keys.real_keys(content, _SHAPES)}
        return shaped | {what for what, text in texts.items() if text in content}

    return search


def test_no_layer_and_no_configuration_of_an_image_holds_a_secret(
    built: list[str], run_dir: Path
) -> None:
    """Known ones in none at all; what only looks like one in none that is ours."""
    known = keys.of_the_run(run_dir)
    assert len(known) > 20
    assert all(len(text) >= 12 for text in known.values())
    theirs = _layers(_BASE)
    assert {"holdfast/booking", "holdfast/gateway", "holdfast/sandbox"} <= set(built)
    for image in built:
        assert _layers(image)[: len(theirs)] == theirs
    with saved(built) as archive:
        found = search_archive(archive, _searching(known))
    ours = {one for one in found if one.layer not in theirs or not one.what.startswith("like ")}
    assert ours == set()


@pytest.mark.usefixtures("run_dir")
def test_a_secret_planted_in_an_image_is_found_wherever_it_is() -> None:
    """In a file that a later layer deletes, the environment, a label, and a step of the build."""
    name = f"holdfast-planted-{uuid.uuid4().hex[:12]}"
    steps = f"""FROM {_BASE}
        RUN head -c 3000000 /dev/zero > /srv/deleted && printf '{_OTHER}' >> /srv/deleted
        RUN rm /srv/deleted && printf '{_SECRET[:9]}' > /srv/key && printf '{_SECRET[9:]}' >> /srv/key
        ENV API_KEY={_SECRET}
        LABEL webhook={_OTHER}"""
    build = ["docker", "build", "--quiet", "--tag", name, "-"]
    try:
        subprocess.run(build, input=steps.encode(), capture_output=True, check=True)
        with saved([name]) as archive:
            found = search_archive(archive, _searching({"planted": _OTHER}))
    finally:
        subprocess.run(["docker", "rmi", "--force", name], capture_output=True, check=False)
    assert {(one.what, one.place) for one in found if one.layer} >= {
        ("planted", "srv/deleted"),
        ("like sk_live_51Nb", "srv/key"),
    }
    assert {one.what for one in found if one.layer is None} == {"planted", "like sk_live_51Nb"}


def _layers(image: str) -> list[str]:
    asked = ["docker", "image", "inspect", image, "--format", "{{json .RootFS.Layers}}"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


# --- that it is found is shown also where there is no engine -----------------------------------


def _tar(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def _archives(layer: bytes, config: bytes) -> Iterator[tuple[str, bytes]]:
    """The forms in which engines save images: by layer, and as an OCI layout, plain and packed."""
    manifest = {"manifest.json": b"[]"}
    yield "layer.tar", _tar({"1f/layer.tar": layer, "c0.json": config} | manifest)
    for stored in (layer, gzip.compress(layer)):
        yield "blobs", _tar({"blobs/sha256/1f": stored, "blobs/sha256/c0": config} | manifest)


def test_secrets_are_found_in_every_form_of_archive() -> None:
    """In a layer's file, across two pieces of one, in a file's name, and in the configuration."""
    filler = bytes(PIECE - len(_SECRET) // 2)
    layer = _tar(
        {
            "etc/harmless": b"nothing",
            "app/.env": f"STRIPE={_SECRET}\n".encode(),
            "app/large": filler + _SECRET.encode() + bytes(OVERLAP),
            f"app/{_OTHER}": b"",
            "app/examples": b"sk_test_devholdfastplatform whsec_abcdef sk_live_1111111111111111",
        }
    )
    config = json.dumps({"config": {"Env": [f"TOKEN={_OTHER}"], "Labels": None}}).encode()
    for form, archive in _archives(layer, config):
        found = search_archive(io.BytesIO(archive), _searching({"planted": _OTHER}))
        digest = {one.layer for one in found if one.layer}
        assert len(digest) == 1, form
        assert {(one.what, one.place) for one in found if one.layer} == {
            ("like sk_live_51Nb", "app/.env"),
            ("like sk_live_51Nb", "app/large"),
            ("planted", f"app/{_OTHER}"),
        }, form
        outside = {one for one in found if one.layer is None}
        assert [one.what for one in outside] == ["planted"], form
        assert re.search(r"c0(\.json)?$", next(iter(outside)).place)


def test_a_layer_that_cannot_be_looked_into_is_no_clean_layer() -> None:
    """One packed in another way is refused, not passed over."""
    archive = _tar({"blobs/sha256/1f": b"\x28\xb5\x2f\xfd" + bytes(600)})
    with pytest.raises(ValueError, match="zstd"):
        search_archive(io.BytesIO(archive), _searching({}))


def test_a_layer_is_known_by_the_digest_of_what_it_holds() -> None:
    """As `docker image inspect` tells it, however it is packed."""
    layer = _tar({"app/key": _SECRET.encode()})
    want = Found("like sk_live_51Nb", "app/key", f"sha256:{hashlib.sha256(layer).hexdigest()}")
    for _, archive in _archives(layer, b"{}"):
        assert search_archive(io.BytesIO(archive), _searching({})) == {want}
