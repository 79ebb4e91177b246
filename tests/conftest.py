"""All tests compute on one thread: at their sizes more threads only wait for each other."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch and numpy are there; processes inherit it

import torch  # noqa: E402

torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="accept the generated code as it is now"
    )
