from __future__ import annotations

import pytest

from imjoy_engine.environments import EnvironmentSpec, script_metadata, spec_from_file
from imjoy_engine.errors import ManifestError, UnsupportedSpecError

ENVIRONMENT_YML = """
name: stardist
channels: [conda-forge, nodefaults, bioconda]
dependencies:
  - python=3.9
  - numpy >=1.20,<2
  - conda-forge::opencv=4.5
  - pip
  - pip:
      - csbdeep
      - tifffile==2021.1.1
variables:
  OMP_NUM_THREADS: 1
"""

REQUIREMENTS = """
# What it needs
numpy>=1.20  # arrays
scipy==1.7.0 \\
    --hash=sha256:0123 \\
    --hash=sha256:4567
git+https://host/x/y@v1#egg=why
"""

SCRIPT = """#!/usr/bin/env python3
# /// script
# requires-python = ">=3.9"
# dependencies = [
#   "numpy>=1.20",
#
#   "tifffile",
# ]
# [tool.imjoy]
# name = "Script"
# [tool.imjoy.environment]
# allow_build = true
# [tool.uv]
# exclude-newer = "2022-01-01T00:00:00Z"
# ///
import numpy
"""

PYLOCK = """
lock-version = "1.0"
requires-python = ">=3.9"
created-by = "uv"
[[packages]]
name = "numpy"
version = "1.26.4"
marker = "python_version >= '3.9'"
sdist = { url = "https://host/x.tar.gz", hashes = { sha256 = "01" } }
wheels = [{ url = "https://host/x.whl", hashes = { sha256 = "23" } }]
[[packages]]
name = "why"
vcs = { type = "git", url = "https://host/x/y", commit-id = "abcdef" }
"""


@pytest.mark.parametrize(
    ("name", "text", "spec"),
    [
        (
            "a/environment.yml",
            ENVIRONMENT_YML,
            EnvironmentSpec(
                python="3.9",
                pip=("csbdeep", "tifffile==2021.1.1"),
                conda=("conda-forge::opencv=4.5", "numpy>=1.20,<2"),
                channels=("conda-forge", "bioconda"),
                variables=(("OMP_NUM_THREADS", "1"),),
            ),
        ),
        ("x.yaml", "dependencies:", EnvironmentSpec()),
        (
            "requirements.txt",
            REQUIREMENTS,
            EnvironmentSpec(
                pip=("numpy>=1.20", "scipy==1.7.0", "why @ git+https://host/x/y@v1"),
                hashes=("scipy sha256:0123", "scipy sha256:4567"),
            ),
        ),
        ("requirements.in", "", EnvironmentSpec()),
        (
            "saved-on-windows.txt",
            "\ufeffnumpy==1.0 \\\r\n  --hash=sha256:0123\r\nscipy\r\n",
            EnvironmentSpec(pip=("numpy==1.0", "scipy"), hashes=("numpy sha256:0123",)),
        ),
        (
            "saved-on-windows.py",
            "\ufeff# /// script\r\n# dependencies = ['numpy']\r\n# ///\r\n",
            EnvironmentSpec(pip=("numpy",)),
        ),
        ("a.yml", "dependencies: [{pip: numpy}]", EnvironmentSpec(pip=("numpy",))),
        (
            "a.yml",
            "dependencies: [numpy 1, c::torch 1.2.* *_cuda, python 3.9, 'b >=1, <2 py_0', d]",
            EnvironmentSpec("3.9", conda=("b>=1,<2=py_0", "c::torch=1.2.*=*_cuda", "d", "numpy=1")),
        ),
        (
            "pylock.toml",
            '[[packages]]\nname = "a"\nvcs = {type = "git", url = "https://h/x", commit-id = "b", '
            'subdirectory = "c"}',
            EnvironmentSpec(pip=("a @ git+https://h/x@b#subdirectory=c",)),
        ),
        (
            "script.py",
            SCRIPT,
            EnvironmentSpec(
                python=">=3.9",
                pip=("numpy>=1.20", "tifffile"),
                allow_build=True,
                exclude_newer="2022-01-01",
            ),
        ),
        ("plain.py", "import numpy", EnvironmentSpec()),
        (
            "pylock.gpu.toml",
            PYLOCK,
            EnvironmentSpec(
                python=">=3.9",
                pip=(
                    'numpy==1.26.4 ; python_version >= "3.9"',
                    "why @ git+https://host/x/y@abcdef",
                ),
                hashes=("numpy sha256:01", "numpy sha256:23"),
            ),
        ),
    ],
)
def test_every_kind_of_file(name, text, spec):
    assert spec_from_file(name, text) == spec


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{}", "a.json is no file that lists packages"),
        ("a.yml", "a: [", "a.yml is no YAML"),
        ("a.yml", "- a", "not an environment of conda"),
        ("a.yml", "dependencies: a", "a list belongs"),
        ("a.yml", "dependencies: [{npm: [x]}]", "no package of conda"),
        ("a.yml", "channels: [1]", "a list belongs"),
        ("a.yml", 'channels: ["a\' -c b"]', "is no channel"),
        ("pylock.toml", "x = ", "no TOML"),
        ("a.py", SCRIPT + SCRIPT, "two blocks of metadata"),
        ("a.py", "# /// script\n# x = \n# ///\n", "no TOML"),
        ("a.py", "# /// script\n# dependencies = 5\n# ///\n", "a list belongs"),
        ("a.py", "# /// script\n# requires-python = 3.10\n# ///\n", "where a text belongs"),
        ("pylock.toml", "packages = 'a'", "where tables belong"),
        ("pylock.toml", "packages = ['a']", "where tables belong"),
        ("a.txt", "x" * (2 << 20), "far too long"),
    ],
)
def test_what_cannot_be_understood_says_so(name, text, words):
    with pytest.raises(ManifestError) as caught:
        spec_from_file(name, text)

    assert words in caught.value.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "-r other.txt"),
        ("a.txt", "--index-url https://x"),
        ("a.txt", "./folder"),
        ("a.py", "# /// script\n# [[tool.uv.index]]\n# url = 'https://h'\n# ///\n"),
        ("pylock.toml", 'lock-version = "2.0"'),
        (
            "pylock.toml",
            '[[packages]]\nname = "a"\nvcs = {type = "hg", url = "https://h/x", commit-id = "b"}',
        ),
        ("pylock.toml", '[[packages]]\nname = "a"\ndirectory = {path = "."}'),
    ],
)
def test_what_is_not_supported_is_named(name, text):
    with pytest.raises(UnsupportedSpecError, match="not supported yet"):
        spec_from_file(name, text)


def test_the_metadata_of_a_script_are_those_of_the_plugin():
    assert script_metadata("s.py", SCRIPT)["tool"]["imjoy"]["name"] == "Script"
    assert script_metadata("s.py", "x = 1") == {}
