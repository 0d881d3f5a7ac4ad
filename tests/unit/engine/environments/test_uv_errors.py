from __future__ import annotations

import pytest

from imjoy_engine.environments.uv_errors import explained

NO_SOLUTION = "error: No solution found when resolving dependencies"
UNSATISFIABLE = "we can conclude that your requirements are unsatisfiable."


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        (
            [
                NO_SOLUTION,
                "  cause: Because nope was not found in the package registry and you require nope,",
                f"         {UNSATISFIABLE}",
            ],
            "no-such-package",
            "There is no package named nope.",
        ),
        (
            [NO_SOLUTION, f"  cause: Because there is no version of numpy==99 and {UNSATISFIABLE}"],
            "no-such-version",
            "There is no numpy==99.",
        ),
        (
            [
                NO_SOLUTION,
                "  cause: Because only numpy<=2.4.6 is available and you require numpy>99, "
                + UNSATISFIABLE,
            ],
            "no-such-version",
            "There is no numpy>99.",
        ),
        (
            [
                NO_SOLUTION,
                "  cause: Because scikit-image==0.18.1 has no usable wheels and you require "
                f"scikit-image==0.18.1, {UNSATISFIABLE}",
                "hint: Wheels are required for `scikit-image` because building from source is off",
            ],
            "no-wheel",
            "scikit-image==0.18.1 exists only as source code, not ready-made.",
        ),
        (
            [
                NO_SOLUTION,
                "  cause: Because all of:",
                "             numpy<=1.9.3",
                "             numpy>=1.10.4,<=1.19.5",
                "          have no usable wheels and only the following versions are available:",
                "             numpy<=1.9.3",
                "             numpy==1.10.3",
                "         And because numpy==1.10.3 has no wheels with a matching Python ABI tag",
                "         and you require numpy>=1.9,<1.20, we can conclude that your "
                "requirements are unsatisfiable.",
                "hint: Wheels are required for `numpy` because building from source is disabled",
            ],
            "no-wheel",
            "numpy>=1.9,<1.20 is not offered ready-made for this machine's Python.",
        ),
        (
            [NO_SOLUTION, "  cause: Because all versions of sklearn have no usable wheels and"],
            "no-wheel",
            "sklearn exists only as source code, not ready-made.",
        ),
        (
            [
                NO_SOLUTION,
                "  cause: Because tensorflow==1.15.0 has no wheels with a matching Python ABI tag "
                "(e.g., `cp311`) and you require tensorflow==1.15",
            ],
            "no-wheel",
            "tensorflow==1.15.0 is not offered ready-made for this machine's Python.",
        ),
        (
            [
                NO_SOLUTION,
                "  cause: Because a==1 depends on b>=2 and you require a==1, we can conclude that "
                "you require b>=2.",
                f"         And because you require b==1, {UNSATISFIABLE}",
            ],
            "resolve-conflict",
            "The requirements exclude each other: no set of versions fulfils all of them.",
        ),
        (
            [
                "error: Request failed after 3 retries in 8.1s",
                "  cause: Failed to fetch: http://127.0.0.1:9/simple/six/",
                "  cause: tcp connect error",
                "  cause: Connection refused (os error 111)",
            ],
            "index-unreachable",
            "The package index could not be reached.",
        ),
        (
            [
                "error: Git operation failed",
                "  cause: failed to clone into: /cache/git-v0/db/1a",
                "  cause: process didn't exit successfully: `git fetch --force` (exit status: 128)",
                "--- stderr",
                "fatal: unable to access 'https://github.com/x/y/': "
                "Could not resolve host: github.com",
            ],
            "index-unreachable",
            "The host github.com, from which a requirement comes, was not found.",
        ),
        (
            ["fatal: unable to access 'https://host.org:8/x/y/': Empty reply from server"],
            "index-unreachable",
            "The host host.org, from which a requirement comes, could not be reached.",
        ),
        (
            ["ssh: Could not resolve hostname host.org: Name or service not known"],
            "index-unreachable",
            "The host host.org, from which a requirement comes, was not found.",
        ),
        (
            ["fatal: could not read Username for 'https://host.org': terminal prompts disabled"],
            "index-unreachable",
            "A repository, from which a requirement comes, does not let this machine read it.",
        ),
        (
            [
                "error: Failed to fetch: https://x/",
                "cause: invalid peer certificate: UnknownIssuer",
            ],
            "index-unreachable",
            "The package index shows a certificate that this machine does not trust.",
        ),
        (
            [
                NO_SOLUTION,
                "  cause: Because six was not found in the package registry and you require six,",
                "hint: An index URL (http://host/) could not be queried due to a lack of valid "
                "authentication credentials (401 Unauthorized)",
            ],
            "index-unreachable",
            "The package index refuses to answer without a valid name and password.",
        ),
        (
            [
                "error: Failed to install: numpy-2.4.6.whl (numpy==2.4.6)",
                "  cause: failed to copy file: No space left on device (os error 28)",
            ],
            "disk-full",
            "The disk is full.",
        ),
        (
            ["error: No interpreter found at path `/no/python`"],
            "python-not-found",
            "The Python interpreter for the environment was not found.",
        ),
        (
            [
                "error: Failed to download `six==1.17.0`",
                "  cause: Hash mismatch for `six==1.17.0`",
            ],
            "build-failed",
            "The package index now has another file for six==1.17.0 than before.",
        ),
        (
            [
                "error: Failed to build `sklearn==0.0`",
                "  cause: The build backend returned an error",
            ],
            "build-failed",
            "Building sklearn==0.0 from its source failed.",
        ),
        (
            ["error: something entirely new"],
            "build-failed",
            "The environment could not be built: uv stopped with an error.",
        ),
        ([], "build-failed", "The environment could not be built: uv stopped with an error."),
    ],
)
def test_words_become_one_sentence_and_a_next_step(lines, code, message):
    error = explained(["uv", "pip", "compile"], lines)

    assert (error.code, error.message) == (code, message)
    assert error.hint
    assert error.log_tail.splitlines() == ["$ uv pip compile", *lines]


def test_credentials_are_not_repeated():
    error = explained(
        ["uv", "--index", "https://me:secret@host/simple"],
        ["error: Failed to fetch: https://me:secret@host/simple/six/"],
    )

    assert "secret" not in error.log_tail
    assert error.log_tail.splitlines() == [
        "$ uv --index https://***@host/simple",
        "error: Failed to fetch: https://***@host/simple/six/",
    ]


def test_the_tail_of_a_long_log_is_kept():
    error = explained(["uv"], [f"line {number}" for number in range(1000)])

    assert len(error.log_tail.splitlines()) == 61
    assert error.log_tail.endswith("line 999")
