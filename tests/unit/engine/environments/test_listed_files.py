from __future__ import annotations

import pytest

from imjoy_engine.environments.listed_files import only_listed_files
from imjoy_engine.errors import EnvironmentBuildError

LOCK = """a-b==1.0 ; python_version < '4' \\
    --hash=sha256:01 \\
    --hash=sha256:02
c==2.0 \\
    --hash=sha256:03
d @ git+https://host/d@0123
"""


@pytest.mark.parametrize(
    ("hashes", "left"),
    [
        ((), LOCK),
        (("other sha256:01",), LOCK),
        (("a-b sha256:01", "a-b sha256:02", "a-b sha256:09"), LOCK),
        (("a-b sha256:02",), LOCK.replace("    --hash=sha256:01 \\\n", "")),
        (("a-b sha256:01", "d sha256:05"), LOCK.replace(" \\\n    --hash=sha256:02", "")),
    ],
)
def test_of_what_an_index_offers_only_the_listed_files_stay(hashes, left):
    assert only_listed_files(LOCK, hashes) == left


def test_other_files_than_the_listed_ones_are_refused():
    with pytest.raises(EnvironmentBuildError, match="other files of c"):
        only_listed_files(LOCK, ("c sha256:01", "c sha512:03"))
