import json
import stat
from base64 import urlsafe_b64decode

from devstack.keys import load


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path):
    first, second = load(tmp_path), load(tmp_path)
    assert first == second
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_two_stacks_share_no_secret(tmp_path):
    one, other = load(tmp_path / "one"), load(tmp_path / "other")
    assert one.postgres != other.postgres
    assert one.internal_seed != other.internal_seed


def test_a_secret_added_later_leaves_the_others_as_they_are(tmp_path):
    before = load(tmp_path)
    file = tmp_path / "secrets.json"
    stored = json.loads(file.read_text())
    del stored["hash"]
    file.write_text(json.dumps(stored))
    after = load(tmp_path)
    assert after.postgres == before.postgres
    assert len(after.hash) >= 32


def test_the_public_key_fits_the_seed(tmp_path):
    assert len(urlsafe_b64decode(load(tmp_path).internal_public + "=")) == 32
