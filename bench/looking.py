"""How long looking takes, and how much memory: the finder, the lens and the page.

Two layers of 256 units of an LSTM with fresh weights read Python's standard library; what the
weights are changes nothing of the work.
"""

import argparse
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import describe

from unrolled import find_cell
from unrolled.data.sets import load_set
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
from unrolled.probe.gradients import gradient_maps
from unrolled.probe.languages import python_tracks
from unrolled.probe.looking import look_at
from unrolled.probe.recorder import Tape, record
from unrolled.probe.subject import Looking, Subject
from unrolled.probe.tracks import text_tracks
from unrolled.probe.units import find_units


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Do something and print how long it took, and the most memory meanwhile."""
    most, done = 0.0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, memory())

    watcher, start = threading.Thread(target=watch), time.perf_counter()
    watcher.start()
    made = work()
    done.set()
    watcher.join()
    print(f"| {what} | {time.perf_counter() - start:.1f} s | {most:.2f} GB |", flush=True)
    return made


def memory() -> float:
    """Of this process now in GB, without what is mapped from files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (found,) = [line for line in lines if line.startswith("RssAnon")]
    return int(found.split()[1]) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--characters", type=int, default=500_000)
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    corpus = load_set("python")
    symbols = np.asarray(corpus.ids[-given.characters :])
    text, vocabulary = corpus.alphabet.decode(symbols), "".join(corpus.alphabet.symbols or ())
    shape = Shape(len(vocabulary), given.hidden_size, given.layers)
    network = LanguageModel(find_cell("lstm"), shape)
    print(f"{describe()}\n")
    print(f"{given.layers} x {given.hidden_size} lstm, {given.characters:,} characters\n")
    print("| what | time | most memory |\n|---|---|---|")
    tracks = timed("tracks", lambda: [*text_tracks(text), *python_tracks(text)])
    tape: Tape = timed("recording", lambda: record(network, symbols))
    timed(f"finder, {len(tracks)} tracks, 1,000 shifts", lambda: find_units(tape, tracks))
    timed("lens, 256 steps", lambda: gradient_maps(network, symbols[:769], warmup=512))
    training = corpus.alphabet.decode(corpus.ids[:2_000_000])
    subject = Subject("lstm", network, text, vocabulary, training=training)
    how = Looking(characters=given.characters)
    report = timed("everything, as `unrolled look` does", lambda: look_at([subject], how))
    page = timed("the page", lambda: report.html)
    print(f"\nThe page has {len(page.encode()) / 1e6:.1f} MB.")


if __name__ == "__main__":
    main()
