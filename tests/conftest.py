"""All tests run torch on one thread: at their sizes more threads only wait for each other."""

import torch

torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="accept the generated code as it is now"
    )
