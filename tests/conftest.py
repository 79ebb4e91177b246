"""All tests run torch on one thread: at their sizes more threads only wait for each other."""

import torch

torch.set_num_threads(1)
