from __future__ import annotations

from imjoy_engine.environments import EnvironmentSpec, Package
from imjoy_engine.environments.lock import Lock, environment_key, spec_key

TEXT = """\
imageio[ffmpeg]==2.38.1 \\
    --hash=sha256:36d23eb7423d2fb63f637098758edb3d2df3687f7125e0a5ce8596572022dcf9
numpy==2.4.6 ; python_version >= "3.11" \\
    --hash=sha256:001fbb8e08d942dd57599e781f2472269ee7f2755fae407b4f67b2f0b17da3f1
"""


def test_a_lock_lists_its_packages():
    assert Lock(TEXT).packages == (Package("imageio", "2.38.1"), Package("numpy", "2.4.6"))
    assert Lock("").packages == ()


def test_equal_wishes_have_equal_keys():
    assert spec_key(EnvironmentSpec(pip=("a",)), "m") == spec_key(EnvironmentSpec(pip=("a",)), "m")


def test_keys_tell_apart_what_differs():
    specs = [
        EnvironmentSpec(),
        EnvironmentSpec(python="3.11"),
        EnvironmentSpec(pip=("a",)),
        EnvironmentSpec(pip=("a", "b")),
        EnvironmentSpec(allow_build=True),
    ]
    keys = {spec_key(spec, machine) for spec in specs for machine in ("m", "n")}
    keys |= {
        environment_key(Lock(text), machine, allow_build=allowed)
        for text in ("", TEXT)
        for machine in ("m", "n")
        for allowed in (False, True)
    }

    assert len(keys) == 18
    assert {len(key) for key in keys} == {16}
