from __future__ import annotations

import pytest

from imjoy_engine.environments import EnvironmentSpec, spec_from_config
from imjoy_engine.errors import ManifestError, UnsupportedSpecError


@pytest.mark.parametrize(
    ("requirements", "pip"),
    [
        (None, ()),
        ("", ()),
        ("  ", ()),
        ([], ()),
        ([""], ()),
        ([None, "numpy"], ("numpy",)),
        ("numpy", ("numpy",)),
        (["numpy", "scipy"], ("numpy", "scipy")),
        (["scipy", "numpy", "NumPy"], ("numpy", "scipy")),
        ("pip: numpy", ("numpy",)),
        ("pip:numpy", ("numpy",)),
        ("  pip: numpy scipy==1.10", ("numpy", "scipy==1.10")),
        ("pip:", ()),
        ("numpy scipy", ("numpy", "scipy")),
        ("numpy >= 1.20 scipy", ("numpy>=1.20", "scipy")),
        ("numpy>= 1.20, <2 scipy", ("numpy<2,>=1.20", "scipy")),
        ("numpy >=1.20,<2", ("numpy<2,>=1.20",)),
        ("scikit_image Read.Roi", ("read-roi", "scikit-image")),
        ("imageio[ffmpeg,bsdf]==2.9", ("imageio[bsdf,ffmpeg]==2.9",)),
        ("pip: 'numpy>1' \"scipy\"", ("numpy>1", "scipy")),
        (
            "pip: \"numpy; python_version < '3.9'\" scipy",
            ('numpy ; python_version < "3.9"', "scipy"),
        ),
        ("numpy; python_version<'3.9'", ('numpy ; python_version < "3.9"',)),
        ("numpy==1.2.*", ("numpy==1.2.*",)),
        ("numpy~=1.4 scipy===1.0", ("numpy~=1.4", "scipy===1.0")),
        (
            ["pip: descartes palettable gputil scipy==1.0.0", "pip: lightgbm imgaug"],
            ("descartes", "gputil", "imgaug", "lightgbm", "palettable", "scipy==1.0.0"),
        ),
        (("numpy",), ("numpy",)),
    ],
)
def test_requirements_in_all_their_forms(requirements, pip):
    assert spec_from_config({"requirements": requirements}) == EnvironmentSpec(pip=pip)


def test_no_requirements_are_the_plain_environment():
    assert spec_from_config({}) == EnvironmentSpec()


@pytest.mark.parametrize("env", [None, "", " ", [], {}, [""], [None], [{}], {"type": "binder"}])
def test_an_empty_env_means_nothing(env):
    assert spec_from_config({"env": env}) == EnvironmentSpec()


@pytest.mark.parametrize("cmd", [None, "", "python", "python3"])
def test_the_plain_command_means_nothing(cmd):
    assert spec_from_config({"cmd": cmd}) == EnvironmentSpec()


@pytest.mark.parametrize("tag", ["GPU", "CPU"])
def test_fields_by_tag(tag):
    config = {
        "tag": tag,
        "requirements": {"GPU": ["torch"], "CPU": "numpy"},
        "env": {"GPU": "", "CPU": None},
    }

    assert spec_from_config(config).pip == (("torch",) if tag == "GPU" else ("numpy",))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"env": ["conda create -n maskgenerator python=3.6.8"]},
            "not supported yet: env[0] 'conda create -n maskgenerator python=3.6.8' "
            "(conda environments)",
        ),
        ({"env": "conda create -y python=3.7"}, "not supported yet: env 'conda create -y"),
        ({"env": "export A=1"}, "not supported yet: env 'export A=1' (environments of this kind)"),
        (
            {"env": {"type": "gputil", "options": {}}},
            "not supported yet: env {'type': 'gputil', 'options': {}} "
            "(environments of type 'gputil')",
        ),
        ({"env": ["", {"type": "variable"}]}, "not supported yet: env[1] {'type': 'variable'}"),
        ({"tag": "a", "env": {"a": "conda create"}}, "not supported yet: env 'conda create'"),
        ({"cmd": "python2"}, "not supported yet: cmd 'python2' (another interpreter command)"),
        (
            {"requirements": ["numpy", "conda: a b"]},
            "not supported yet: requirements[1] 'conda: a b' (conda packages)",
        ),
        (
            {"requirements": "repo: https://host/y"},
            "not supported yet: requirements 'repo: https://host/y' (a repository to clone)",
        ),
        (
            {"requirements": ["cmd: pip uninstall x && rm -rf y"]},
            "not supported yet: requirements[0] 'cmd: pip uninstall x && rm -rf y' "
            "(a command to run)",
        ),
        (
            {"requirements": ["pip: git+https://github.com/x/y@master#egg=z"]},
            "not supported yet: requirements[0] 'pip: git+https://github.com/x/y@master#egg=z' "
            "(a package from an address)",
        ),
        ({"requirements": "https://x.org/a.whl"}, "(a package from an address)"),
        ({"requirements": "numpy @ https://x.org/a.whl"}, "(a package from an address)"),
        ({"requirements": "numpy scipy@https://x.org/a.whl"}, "(a package from an address)"),
        ({"requirements": "./local"}, "(a package from a file)"),
        ({"requirements": "/etc/passwd"}, "(a package from a file)"),
        ({"requirements": "..\\up"}, "(a package from a file)"),
        ({"requirements": "a-1.0.whl"}, "(a package from a file)"),
        (
            {"requirements": "pip: --index-url http://x numpy"},
            "requirements 'pip: --index-url http://x numpy' (--index-url: options of pip)",
        ),
        ({"requirements": ["-r requirements.txt"]}, "(-r: options of pip)"),
        ({"requirements": "numpy --extra-index-url=http://u:p@x"}, "(--extra-index-url: options"),
        ({"requirements": "--index-url\nhttp://x"}, "options of pip"),
    ],
)
def test_what_is_not_supported_yet_is_named(config, words):
    with pytest.raises(UnsupportedSpecError) as caught:
        spec_from_config(config)

    assert words in caught.value.message
    assert caught.value.message.startswith("not supported yet: ")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("config", "message", "hint"),
    [
        ({"requirements": 5}, "requirements is 5", "list of texts"),
        ({"requirements": [["numpy"]]}, "requirements[0] is ['numpy']", "list of texts"),
        ({"requirements": [True]}, "requirements[0] is True", "list of texts"),
        ({"requirements": "numpy=1.2"}, "'numpy=1.2' is no package", "numpy==1.2"),
        ({"requirements": "numpy,scipy"}, "'numpy,scipy' is no package", "numpy>=2,<3"),
        ({"requirements": "numpy;rm"}, "'numpy;rm' is no package", "numpy>=2,<3"),
        ({"requirements": "pip: 'numpy"}, "a quote that is never closed", "Close the quote"),
        ({"requirements": "numpy; python_version < '${HOME}'"}, "a character that", "dollar"),
        ({"requirements": {"a": "x", "b": "y"}}, "tags a, b, but no tag was chosen", "Choose one"),
        (
            {"requirements": {"a": "x"}, "tag": "c"},
            "tags a, but not for 'c'",
            "Choose one",
        ),
    ],
)
def test_what_cannot_be_understood_says_so(config, message, hint):
    with pytest.raises(ManifestError) as caught:
        spec_from_config(config)

    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_very_long_value_is_shortened():
    with pytest.raises(UnsupportedSpecError) as caught:
        spec_from_config({"requirements": "cmd: " + "x" * 1000})

    assert len(caught.value.message) < 300
    assert "…" in caught.value.message
