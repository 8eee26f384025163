"""GPTCache runs nobody's code and no pip, whatever lies where it is imported."""

import os
import pickle
import subprocess
import sys
import textwrap

WATCHED = """
    import sys
    started = []
    def watch(event, arguments):
        if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
            started.append(event)
    sys.addaudithook(watch)
"""


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def run(folder, code):
    """Run code in a process of its own that works in a folder; returns what it printed."""
    code = textwrap.dedent(WATCHED) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_pickle_in_the_working_directory_is_neither_read_nor_overwritten(tmp_path):
    data = tmp_path / "data_map.txt"
    data.write_bytes(pickle.dumps(Malicious()))
    before = data.read_bytes()
    run(
        tmp_path,
        """
        from llmops_integrations.gptcache import import_gptcache
        gptcache = import_gptcache()
        gptcache.cache.init()
        gptcache.cache.data_manager.save("q", "a", "q")
        gptcache.cache.flush()
        """,
    )
    assert not (tmp_path / "executed").exists()
    assert data.read_bytes() == before


def test_without_it_the_pickle_is_executed(tmp_path):
    """So that the test above is known to test something."""
    (tmp_path / "data_map.txt").write_bytes(pickle.dumps(Malicious()))
    run(tmp_path, "import gptcache")
    assert (tmp_path / "executed").exists()


def test_a_map_with_a_path_of_its_own_still_works(tmp_path):
    printed = run(
        tmp_path,
        """
        from llmops_integrations.gptcache import import_gptcache
        import_gptcache()
        from gptcache.manager import get_data_manager
        first = get_data_manager(data_path="mine.txt")
        first.save("q", "a", "q")
        first.close()
        print(get_data_manager(data_path="mine.txt").search("q")[0][1])
        """,
    )
    assert printed == "a"


MISSING = """
    {imported_before}
    from llmops_integrations.gptcache import import_gptcache
    from llmops_plugins.errors import MissingExtraError
    import_gptcache()
    from gptcache.manager import VectorBase
    from gptcache import utils
    try:
        VectorBase("hnswlib", dimension=2)
    except MissingExtraError as error:
        print(error)
    utils._check_library("no-such-module", package="numpy")
    print(started)
"""
REFUSED = "cache: GPTCache needs hnswlib for this and would run pip: install it with pip install hnswlib\n[]"


def test_a_missing_package_is_named_and_not_installed(tmp_path):
    assert run(tmp_path, MISSING.format(imported_before="")) == REFUSED


def test_pip_is_kept_off_a_gptcache_that_was_imported_before(tmp_path):
    assert run(tmp_path, MISSING.format(imported_before="import gptcache.manager")) == REFUSED


def test_the_root_logger_is_left_to_the_application(tmp_path):
    printed = run(
        tmp_path,
        """
        import logging
        from llmops_integrations.gptcache import import_gptcache
        import_gptcache()
        print(logging.getLogger().handlers, sys.meta_path[0])
        """,
    )
    assert printed.startswith("[] ")
    assert "DataManager" not in printed


def test_without_gptcache_the_error_names_the_extra(tmp_path):
    printed = run(
        tmp_path,
        """
        sys.modules["gptcache"] = None
        from llmops_integrations.gptcache import GPTCacheBackend
        try:
            GPTCacheBackend(object())
        except Exception as error:
            print(type(error).__name__, error)
        """,
    )
    assert printed.startswith("MissingExtraError")
    assert "llmops-plugins[gptcache]" in printed
