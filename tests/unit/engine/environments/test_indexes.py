from __future__ import annotations

from pathlib import Path

import pytest

from imjoy_engine.environments.indexes import index_settings, pip_config_files, redacted

TRUST = {"SSL_CERT_FILE", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS"}


@pytest.fixture
def home(tmp_path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": "/bin"}


def found(machine, configs=()) -> dict[str, str]:
    """Return what was added to a bare machine, whatever this one trusts."""
    variables = index_settings(machine, configs).variables
    return {
        name: value for name, value in variables.items() if name not in {"HOME", "PATH", *TRUST}
    }


def test_uvs_own_settings_pass_and_its_habits_do_not(home):
    own = {"UV_INDEX_URL": "https://mirror", "UV_HTTP_TIMEOUT": "9", "UV_INDEX_LAB_PASSWORD": "x"}
    habits = {"UV_PYTHON": "3.8", "UV_SYSTEM_PYTHON": "1", "FORCE_COLOR": "1", "RUST_LOG": "trace"}

    assert found({**home, **own, **habits, "PYTHONPATH": "/x"}) == own


def test_pips_variables_are_translated(home, tmp_path):
    pip = {
        "PIP_INDEX_URL": "https://mirror/simple",
        "PIP_EXTRA_INDEX_URL": "https://lab/simple https://more/simple",
        "PIP_FIND_LINKS": f"{tmp_path} /no/such/folder https://links",
        "PIP_TRUSTED_HOST": "mirror",
    }

    assert {name: value for name, value in found({**home, **pip}).items() if name not in pip} == {
        "UV_DEFAULT_INDEX": "https://mirror/simple",
        "UV_INDEX": "https://lab/simple https://more/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": f"{tmp_path},https://links",
        "UV_INSECURE_HOST": "mirror",
    }


def test_what_uv_was_told_counts_alone(home):
    machine = {**home, "UV_DEFAULT_INDEX": "https://uv", "PIP_EXTRA_INDEX_URL": "https://pip"}

    assert "UV_INDEX" not in found(machine)


def test_uvs_own_file_counts_alone(home, tmp_path):
    (tmp_path / ".config/uv").mkdir(parents=True)
    (tmp_path / ".config/uv/uv.toml").touch()

    assert "UV_DEFAULT_INDEX" not in found({**home, "PIP_INDEX_URL": "https://pip"})
    assert "UV_DEFAULT_INDEX" in found(
        {**home, "PIP_INDEX_URL": "https://pip", "UV_NO_CONFIG": "1"}
    )


def test_pips_files_count_the_last_most_and_variables_more(home):
    configs = [
        "[global]\nindex-url = https://first\nextra-index-url =\n  https://a\n  https://b\n",
        "not an ini file",
        "[install]\nindex-url = https://second\n[list]\nformat = columns\n",
    ]

    variables = found(home, configs)
    assert variables["UV_DEFAULT_INDEX"] == "https://second"
    assert variables["UV_INDEX"] == "https://a https://b"
    stronger = found({**home, "PIP_INDEX_URL": "https://third"}, configs)
    assert stronger["UV_DEFAULT_INDEX"] == "https://third"


@pytest.mark.parametrize(("word", "options"), [("1", ("--no-index",)), ("false", ()), ("", ())])
def test_no_index_is_an_option(home, word, options):
    assert index_settings({**home, "PIP_NO_INDEX": word}).options == options


@pytest.mark.parametrize(
    "name", ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
)
def test_trusted_certificates_are_found_wherever_they_were_named(home, tmp_path, name):
    bundle = tmp_path / "lab.pem"
    bundle.touch()

    variables = index_settings({**home, name: str(bundle)}).variables

    assert variables["SSL_CERT_FILE"] == str(bundle)


def test_certificates_that_are_not_there_do_not_count(home):
    variables = index_settings({**home, "SSL_CERT_FILE": "/no/such.pem"}).variables

    assert "SSL_CERT_FILE" not in variables


@pytest.mark.parametrize("present", [True, False])
def test_the_systems_certificates_are_used_where_there_are_any(
    home, tmp_path, monkeypatch, present
):
    bundle = tmp_path / "system.crt"
    if present:
        bundle.touch()
    monkeypatch.setattr("imjoy_engine.environments.indexes._SYSTEM_CERTIFICATES", (bundle,))

    variables = index_settings(home).variables

    assert variables.get("UV_SYSTEM_CERTS") == ("1" if present else None)
    told = index_settings({**home, "UV_SYSTEM_CERTS": "0"}).variables
    assert told["UV_SYSTEM_CERTS"] == "0"


def test_pips_proxy_counts_where_there_is_no_other(home):
    config = ["[global]\nproxy = http://proxy:3128\n"]

    assert found(home, config)["ALL_PROXY"] == "http://proxy:3128"
    assert "ALL_PROXY" not in found({**home, "https_proxy": "http://other"}, config)


def test_where_pip_keeps_its_settings():
    machine = {"HOME": "/home/me", "XDG_CONFIG_DIRS": "/a:/b", "PIP_CONFIG_FILE": "/own.conf"}

    assert pip_config_files(machine) == [
        Path("/a/pip/pip.conf"),
        Path("/b/pip/pip.conf"),
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        Path("/home/me/.pip/pip.conf"),
        Path("/home/me/.config/pip/pip.conf"),
        Path("/own.conf"),
    ]
    assert pip_config_files({"PIP_CONFIG_FILE": "/dev/null"}) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@host/x", "https://***@host/x"),
        ("--index=http://token@host", "--index=http://***@host"),
        ("https://host/x@1 a@b", "https://host/x@1 a@b"),
        ("two https://a:b@c https://d:e@f", "two https://***@c https://***@f"),
    ],
)
def test_credentials_are_redacted(text, shown):
    assert redacted(text) == shown
