"""What every report can do: show itself in a notebook, be saved as a page and as pictures."""

from abc import ABC, abstractmethod
from functools import cached_property
from html import escape
from importlib.resources import files
from pathlib import Path

import vl_convert

from unrolled.training.storage.disk_faults import reported
from unrolled.training.storage.durable import replace_file

ASSETS = files("unrolled.probe.report") / "assets"
SHARPNESS = 2  # pixels of a PNG for each of its SVG


class Shown(ABC):
    """What was seen, as sentences, as a page, and as pictures."""

    @property
    @abstractmethod
    def words(self) -> list[str]:
        """What was seen, in sentences."""

    @cached_property
    def html(self) -> str:
        """The page: it needs no other file and no network."""
        return self._page()

    @abstractmethod
    def _page(self) -> str:
        """The same, made anew."""

    @abstractmethod
    def pictures(self) -> dict[str, str]:
        """Every picture as SVG, by its name."""

    def _repr_html_(self) -> str:
        page = escape(self.html)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 90vh; border: 0"></iframe>'

    def save(self, path: Path | str) -> None:
        """Write the page, aside and renamed.

        Args:
            path: The HTML file.

        Raises:
            SaveFailedError: The disk refuses.
        """
        with reported(Path(path)):
            replace_file(Path(path), [self.html.encode()])

    def save_figures(self, folder: Path | str) -> list[Path]:
        """Write every picture as SVG and as PNG.

        Args:
            folder: Made if it is not there.

        Raises:
            SaveFailedError: The disk refuses.
        """
        place = Path(folder)
        with reported(place):
            place.mkdir(parents=True, exist_ok=True)
            return [
                path for name, svg in self.pictures().items() for path in _both(place, name, svg)
            ]


def asset(name: str) -> str:
    """A file that pages are made of.

    Args:
        name: Of the file in `assets/`.
    """
    return (ASSETS / name).read_text("utf-8")


def _both(folder: Path, name: str, svg: str) -> list[Path]:
    made = {"svg": svg.encode(), "png": vl_convert.svg_to_png(svg, scale=SHARPNESS)}
    for kind, image in made.items():
        replace_file(folder / f"{name}.{kind}", [image])
    return [folder / f"{name}.{kind}" for kind in made]
