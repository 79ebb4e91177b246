"""Fetching with pip: what is so with pip alone."""

import subprocess
import sys
import tarfile

import pytest

from unrolled.data.fetch import fetch
from unrolled.errors import NoClientError


def test_the_mark_of_a_hostile_package_would_show(for_pip):
    with tarfile.open(for_pip.file) as tar:
        setup = tar.extractfile("some-texts-1.0/setup.py").read()
    subprocess.run([sys.executable, "-"], input=setup, capture_output=True, check=False)
    assert for_pip.mark.exists()


def test_a_python_without_pip_is_named(for_pip, kept, monkeypatch):
    monkeypatch.setitem(sys.modules, "pip", None)
    wanted = r"some-texts 1\.0 is fetched with pip, which .* does not have\. `.* -m ensurepip`"
    with pytest.raises(NoClientError, match=wanted):
        fetch(for_pip.package)
    assert kept() == []
