"""Where the folder of libraries lies; test_library_cache has what becomes of a bad one."""

import pytest

from unrolled.data.cache import cache_folder
from unrolled.runtime.library_folder import compiled_folder


@pytest.mark.parametrize(
    ("variable", "value"),
    [("UNROLLED_CACHE", "named"), ("XDG_CACHE_HOME", "shared"), ("HOME", "home")],
)
def test_the_folder_lies_in_the_users_cache_folder(tmp_path, monkeypatch, variable, value):
    for name in ("UNROLLED_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / value))
    assert compiled_folder() == cache_folder() / "compiled"
    assert [path.name for path in tmp_path.iterdir()] == [value]
