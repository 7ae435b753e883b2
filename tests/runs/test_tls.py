"""TLS for a scheduler that the environment names."""

import pytest

from mtbkd_core.common.progress import UserError
from mtbkd_core.runs.tls import VARIABLES, TlsFiles, given_files, make_files


@pytest.fixture
def files(tmp_path):
    return make_files(tmp_path)


@pytest.fixture
def environment(files):
    return {"MTBKD_TLS_CA": str(files.ca), "MTBKD_TLS_CERT": str(files.cert), "MTBKD_TLS_KEY": str(files.key)}


def test_the_environment_names_the_files(files, environment):
    found = given_files("tls://host:8786", environment)
    assert found == files
    for part in ("client", "scheduler", "worker"):
        assert found.security().get_connection_args(part)["require_encryption"]


def test_without_tls_nothing_is_asked_for():
    assert given_files("tcp://host:8786", {}) is None


@pytest.mark.parametrize("missing", VARIABLES)
def test_a_file_that_is_not_named_or_not_there_is_refused_by_its_variable(environment, missing):
    for wrong in ("", "/nowhere/at.all"):
        with pytest.raises(UserError, match=f"^{missing}: "):
            given_files("tls://host:8786", environment | {missing: wrong})


def test_files_beside_an_address_without_tls_are_not_ignored(environment):
    with pytest.raises(UserError, match=r"^MTBKD_SCHEDULER: got 'tcp://host:8786', but MTBKD_TLS_CA is set"):
        given_files("tcp://host:8786", environment)


def test_what_processes_are_given_are_paths(files):
    assert not [text for text in TlsFiles.options(files).values() if "\n" in str(text)]
