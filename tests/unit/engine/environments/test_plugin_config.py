from __future__ import annotations

import pytest

from imjoy_engine.environments import (
    EnvironmentSpec,
    GpuRequest,
    Repository,
    spec_from_config,
)
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
        ("pip install numpy -U scipy", ("numpy", "scipy")),
        ("pip: install numpy", ("numpy",)),
        ("python -m pip install numpy", ("numpy",)),
        ("install", ("install",)),
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


CREATED = "conda create -n maskgenerator python=3.6.8"


@pytest.mark.parametrize(
    ("env", "spec"),
    [
        (CREATED, EnvironmentSpec(python="3.6.8")),
        ([CREATED], EnvironmentSpec(python="3.6.8")),
        ("conda create python=3.7", EnvironmentSpec(python="3.7")),
        ("conda create -y -n a python=3.7.*", EnvironmentSpec(python="3.7")),
        ("conda create --name=a --yes python==3.7.1", EnvironmentSpec(python="3.7.1")),
        ("conda create -n a python=2.7", EnvironmentSpec(python="2.7")),
        ("conda create -n a python=3.6 pip", EnvironmentSpec(python="3.6")),
        ("conda create -n a python", EnvironmentSpec()),
        ("conda create -n a", EnvironmentSpec()),
        ("conda create -n a 'python>=3.8,<3.10'", EnvironmentSpec(python="<3.10,>=3.8")),
        ("conda create -n a python >= 3.8", EnvironmentSpec(python=">=3.8")),
        ("conda create -yn a python=3.7", EnvironmentSpec(python="3.7")),
        ("conda create -qyna python=3.7", EnvironmentSpec(python="3.7")),
        ("conda create -n=a -y python=3.7", EnvironmentSpec(python="3.7")),
        (
            "conda create -cconda-forge -n a 'numpy 1.15'",
            EnvironmentSpec(conda=("numpy=1.15",), channels=("conda-forge",)),
        ),
        ("conda create -n 'my lab' 'a 1'", EnvironmentSpec(conda=("a=1",))),
        ("conda env create -fDPN/environment.yml", EnvironmentSpec(files=("DPN/environment.yml",))),
        ("conda create -n a openjdk=8", EnvironmentSpec(conda=("openjdk=8",))),
        (
            "conda create -n a python=3.6 cudatoolkit=9.0 cudnn -c conda-forge -c pytorch -y",
            EnvironmentSpec(
                python="3.6",
                conda=("cudatoolkit=9.0", "cudnn"),
                channels=("conda-forge", "pytorch"),
            ),
        ),
        (
            ["conda config --add channels conda-forge", "conda create -n a python=3.7 opencv"],
            EnvironmentSpec(python="3.7", conda=("opencv",), channels=("conda-forge",)),
        ),
        (
            ["conda create -n a python=3.7", "conda install -n a -c bioconda samtools=1.9"],
            EnvironmentSpec(python="3.7", conda=("samtools=1.9",), channels=("bioconda",)),
        ),
        ("mamba create -n a python=3.9", EnvironmentSpec(python="3.9")),
        (
            "conda env create -f DPN/environment.yml",
            EnvironmentSpec(files=("DPN/environment.yml",)),
        ),
        ("conda env create -n x --file=./a/b.yml", EnvironmentSpec(files=("a/b.yml",))),
        ("conda activate stardist", EnvironmentSpec(existing="stardist")),
        ("source activate stardist", EnvironmentSpec(existing="stardist")),
        ("export A=1", EnvironmentSpec()),
        ("envs/scientific", EnvironmentSpec(named="scientific")),
        (["envs/scientific/"], EnvironmentSpec(named="scientific")),
        ("pip install numpy", EnvironmentSpec(commands=("pip install numpy",))),
        (
            {"type": "variable", "options": {"B": "2", "A": 1}},
            EnvironmentSpec(variables=(("A", "1"), ("B", "2"))),
        ),
        ({"type": "gputil", "options": {}}, EnvironmentSpec(gpu=GpuRequest())),
        (
            {
                "type": "gputil",
                "options": {"limit": 2, "order": "memory", "maxMemory": 0.1, "excludeID": [0]},
            },
            EnvironmentSpec(gpu=GpuRequest(2, 0.5, 0.1, "memory", (0,))),
        ),
        (
            [
                "conda create -n a python=3.6.7",
                {"type": "gputil", "options": {"maxLoad": 0.9}},
                {"type": "binder", "spec": "x/y", "skip_requirements": True},
            ],
            EnvironmentSpec(python="3.6.7", gpu=GpuRequest(max_load=0.9)),
        ),
        (
            {
                "type": "python",
                "options": {
                    "version": "3.10",
                    "allow_build": True,
                    "exclude_newer": "2021-06-01",
                    "channels": ["conda-forge"],
                },
            },
            EnvironmentSpec(
                python="3.10",
                allow_build=True,
                exclude_newer="2021-06-01",
                channels=("conda-forge",),
            ),
        ),
        ({"type": "existing", "options": {"path": "/opt/a"}}, EnvironmentSpec(existing="/opt/a")),
        ({"type": "packed", "options": {"path": "a.tar"}}, EnvironmentSpec(packed="a.tar")),
        ({"type": "named", "options": {"name": "science"}}, EnvironmentSpec(named="science")),
    ],
)
def test_env_in_all_its_forms(env, spec):
    assert spec_from_config({"env": env}) == spec


@pytest.mark.parametrize(
    ("requirements", "spec"),
    [
        ("conda: a b", EnvironmentSpec(conda=("a", "b"))),
        (
            "conda:a=1.2 -c conda-forge",
            EnvironmentSpec(conda=("a=1.2",), channels=("conda-forge",)),
        ),
        (
            "conda: --channel=x/label/dev a",
            EnvironmentSpec(conda=("a",), channels=("x/label/dev",)),
        ),
        ("conda: install -y a", EnvironmentSpec(conda=("a",))),
        ("conda: numpy 1.26 scipy", EnvironmentSpec(conda=("numpy=1.26", "scipy"))),
        ("conda: pytorch::torchvision", EnvironmentSpec(conda=("pytorch::torchvision",))),
        ("conda: 'numpy >=1.2, <2' scipy", EnvironmentSpec(conda=("numpy>=1.2,<2", "scipy"))),
        ("conda: python=3.7 numpy=1.0=py37_0", EnvironmentSpec("3.7", conda=("numpy=1.0=py37_0",))),
        (
            "conda: -c file:///srv/channel a",
            EnvironmentSpec(conda=("a",), channels=("file:///srv/channel",)),
        ),
        (
            ["numpy", "pip: scipy", "conda: -c c pkg"],
            EnvironmentSpec(pip=("numpy", "scipy"), conda=("pkg",), channels=("c",)),
        ),
        (
            "repo: https://host/x/DPN.git",
            EnvironmentSpec(repositories=(Repository("https://host/x/DPN.git", "DPN"),)),
        ),
        (
            "repo:https://host/x/y z",
            EnvironmentSpec(repositories=(Repository("https://host/x/y", "z"),)),
        ),
        ("cmd: pip uninstall x && rm y", EnvironmentSpec(commands=("pip uninstall x && rm y",))),
        ("cmd:", EnvironmentSpec()),
        (
            "pip: git+https://github.com/x/y@master#egg=Z_a",
            EnvironmentSpec(pip=("z-a @ git+https://github.com/x/y@master",)),
        ),
        (
            "git+https://github.com/x/y.git",
            EnvironmentSpec(pip=("git+https://github.com/x/y.git",)),
        ),
        (
            "git+https://h/x#subdirectory=sub&egg=a[b]",
            EnvironmentSpec(pip=("a[b] @ git+https://h/x#subdirectory=sub",)),
        ),
        ("https://x.org/a.whl", EnvironmentSpec(pip=("https://x.org/a.whl",))),
        ("numpy @ https://x.org/a.whl", EnvironmentSpec(pip=("numpy @ https://x.org/a.whl",))),
        (
            "numpy scipy@https://x.org/a.whl",
            EnvironmentSpec(pip=("numpy", "scipy @ https://x.org/a.whl")),
        ),
        ("pip: -U numpy --no-cache-dir", EnvironmentSpec(pip=("numpy",))),
        ("cmd: python setup.py install", EnvironmentSpec(commands=("python setup.py install",))),
        (
            "cmd: conda install -y -c lab openslide=3",
            EnvironmentSpec(conda=("openslide=3",), channels=("lab",)),
        ),
        (
            "cmd: conda install x && python -m x",
            EnvironmentSpec(commands=("conda install x && python -m x",)),
        ),
        ("cmd: conda remove x", EnvironmentSpec(commands=("conda remove x",))),
        (
            ["numpy", "cmd: a b", "cmd: c"],
            EnvironmentSpec(pip=("numpy",), commands=("a b", "c")),
        ),
    ],
)
def test_requirements_of_other_kinds(requirements, spec):
    assert spec_from_config({"requirements": requirements}) == spec


@pytest.mark.parametrize(
    ("cmd", "spec"),
    [
        ("python3.9", EnvironmentSpec(python="3.9")),
        ("python2", EnvironmentSpec(python="2")),
        ("/opt/a/bin/python", EnvironmentSpec(existing="/opt/a/bin/python")),
    ],
)
def test_another_interpreter_command(cmd, spec):
    assert spec_from_config({"cmd": cmd}) == spec


def test_a_public_plugin_with_everything():
    config = {
        "tag": "GPU",
        "env": {
            "CPU": "conda create -n annapalm-cpu python=3.6.5",
            "GPU": ["conda create -n annapalm-gpu python=3.6.5", {"type": "gputil", "options": {}}],
        },
        "requirements": {
            "CPU": ["tensorflow==1.8"],
            "GPU": [
                "pip: tensorflow-gpu==1.8 scipy",
                "conda:cudatoolkit cudnn -c anaconda",
                "repo:https://github.com/imodpasteur/AnnaPALM",
            ],
        },
        "cmd": "python",
    }

    assert spec_from_config(config) == EnvironmentSpec(
        python="3.6.5",
        pip=("scipy", "tensorflow-gpu==1.8"),
        conda=("cudatoolkit", "cudnn"),
        channels=("anaconda",),
        repositories=(Repository("https://github.com/imodpasteur/AnnaPALM", "AnnaPALM"),),
        gpu=GpuRequest(),
    )


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"env": "conda remove x"}, "env 'conda remove x' (this command of conda)"),
        ({"env": "conda create --clone x"}, "(--clone: an option of conda)"),
        ({"env": "conda env create --dev -f a"}, "(--dev: an option of conda env create)"),
        ({"env": "conda config --remove channels x"}, "(this setting of conda)"),
        ({"env": {"type": "docker"}}, "env {'type': 'docker'} (environments of type 'docker')"),
        ({"cmd": "node"}, "not supported yet: cmd 'node' (another interpreter command)"),
        ({"env": "conda create -xn a"}, "(-xn: an option of conda)"),
        ({"requirements": "conda: --file x"}, "(--file: an option of conda)"),
        ({"requirements": "file:///etc/passwd"}, "(a package from a file)"),
        ({"requirements": "git+file:///srv/x"}, "(a package from a file)"),
        (
            {"requirements": "hg+https://x/y"},
            "(a package from an address that begins with hg+https)",
        ),
        ({"requirements": "./local"}, "(a package from a file)"),
        ({"requirements": "/etc/passwd"}, "(a package from a file)"),
        ({"requirements": "..\\up"}, "(a package from a file)"),
        ({"requirements": "a-1.0.whl"}, "(a package from a file)"),
        (
            {"requirements": "pip: --index-url http://x numpy"},
            "requirements '--index-url http://x numpy' (--index-url: options of pip)",
        ),
        ({"requirements": ["-r requirements.txt"]}, "(-r: options of pip)"),
        ({"requirements": "numpy --extra-index-url=http://x"}, "(--extra-index-url: options"),
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
        ({"requirements": "git+https://u:p@h/x"}, "carries a name or a password", "netrc"),
        ({"requirements": "https://tok@h/x.whl"}, "carries a name or a password", "netrc"),
        ({"requirements": "conda: -c https://u:p@h/c a"}, "carries a name or a pass", "settings"),
        ({"requirements": "conda: a;b"}, "'a;b' is no package of conda", "numpy=1.26"),
        ({"requirements": "conda: -c 'a b' x"}, "'a b' is no channel", "conda-forge"),
        ({"requirements": "conda: a -c"}, "-c says nothing", "Say it"),
        ({"requirements": "repo:"}, "names no repository", "address"),
        ({"requirements": "repo: /etc"}, "no address of a repository", "https://"),
        ({"requirements": "repo: https://u:p@h/x"}, "carries a password", "netrc"),
        ({"requirements": "repo: https://h/x ../y"}, "no folder inside", "plain name"),
        ({"env": "conda env create"}, "names no file", "-f"),
        ({"env": "conda env create -f /etc/x.yml"}, "not inside the plugin's", "cloned"),
        ({"env": "conda env create -f a/../../x.yml"}, "not inside the plugin's", "cloned"),
        ({"env": "conda create python=x"}, "no version of Python", "3.11"),
        ({"env": ["conda create python=3.6", "conda create python=3.7"]}, "Python 3.6 and", "one"),
        ({"env": ["conda activate a", "conda activate b"]}, "is said twice: a and b", "once"),
        ({"env": 5}, "env is 5", "conda create"),
        ({"env": {"type": "gputil", "options": {"limit": 0}}}, "limit is 0", "from 1"),
        ({"env": {"type": "gputil", "options": {"order": "x"}}}, "order is 'x'", "memory"),
        ({"env": {"type": "gputil", "options": {"maxLoad": 5}}}, "maxLoad is 5", "0 and 1"),
        ({"env": {"type": "gputil", "options": {"maxload": 1}}}, "setting 'maxload'", "maxLoad"),
        ({"env": {"type": "variable", "options": {"A B": "1"}}}, "'A B' = '1'", "letters"),
        ({"env": {"type": "python", "options": {"version": 3.1}}}, "version is 3.1", "quotes"),
        ({"env": {"type": "python", "options": {"x": 1}}}, "no setting 'x'", "exclude_newer"),
        (
            {"env": {"type": "python", "options": {"exclude_newer": "soon"}}},
            "'soon', which is no day",
            "2021-06-01",
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
        spec_from_config({"cmd": "x" * 1000})

    assert len(caught.value.message) < 300
    assert "…" in caught.value.message
