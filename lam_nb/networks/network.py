"""One uniform Network around any module or function: a picture in [0, 1] in, a picture in [0, 1] out."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Required, TypeAlias, TypedDict

import torch
from torch import nn
from torch.nn import functional

from .. import identity
from ..images import quality
from ..types import RGB, Axes, Batch
from ..validation import InputError, choose, mapping, shape, text, whole

Colours: TypeAlias = Literal["rgb", "bgr", "luma"]
COLOURS: tuple[Colours, ...] = ("rgb", "bgr", "luma")
_NO_MEMORY = ("DefaultCPUAllocator", "can't allocate memory", "not enough memory", "Cannot allocate memory")
"""What torch says on the CPU, in a plain RuntimeError."""
_LARGEST_SEED = 2**63 - 1
_WORDS = {"psnr": "PSNR", "ssim": "SSIM", "sha256": "SHA-256"}


class Settings(TypedDict, total=False):
    """Settings of a `Network`."""

    name: Required[str]
    scale: Required[int]
    value_range: float
    mean: float | Sequence[float]
    std: float | Sequence[float]
    pad_to: int
    channels: int | Sequence[str | int] | Axes
    colours: Colours
    arguments: Mapping[str, object] | None
    output: int | str | None
    seed: int | None
    task: str | None
    about: Mapping[str, object] | None


class Network(nn.Module):
    """A restoration network with what attribution needs to know about it; made by `wrap` or `load`.

    Parameters
    ----------
    module : callable
        Batch (n, c, y, x) -> batch (n, c, scale·y, scale·x), in its own range and colours.
    name : str
        For tables and plots.
    scale : int
        Output pixels per input pixel.
    value_range, mean, std : float or sequence of float
        The module's own values are (v - mean) / std · value_range for v in [0, 1].
    pad_to : int
        The module takes only sides that are multiples of this.
    channels : tuple of str, or int
        The channels of its pictures, by name or how many.
    colours : {"rgb", "bgr", "luma"}
        How the module takes RGB: as it is, turned, or its luma alone, beside which chroma is enlarged (bicubic).
    arguments : mapping, optional
        More arguments of the module, by name.
    output : int or str, optional
        Which part of a list or dictionary, or attribute of an object, is the picture.
    seed : int, optional
        Of a network that draws random numbers: the same for every picture, one at a time.
    task : str, optional
        Told from the scale when not given.
    about : mapping, optional
        More facts for the card.

    Examples
    --------
    >>> Network(nn.Identity(), name="nothing", scale=1).task
    'restoration'
    """

    def __init__(
        self,
        module: Callable[..., Any],
        *,
        name: str,
        scale: int,
        value_range: float = 1.0,
        mean: float | Sequence[float] = 0.0,
        std: float | Sequence[float] = 1.0,
        pad_to: int = 1,
        channels: int | Sequence[str | int] | Axes = RGB,
        colours: Colours = "rgb",
        arguments: Mapping[str, object] | None = None,
        output: int | str | None = None,
        seed: int | None = None,
        task: str | None = None,
        about: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__()
        self.module = module
        self.name = name
        self.scale = whole("scale", scale)
        self.value_range = value_range
        self.mean, self.std = mean, std
        self.pad_to = pad_to
        self.axes = Axes.of(channels)
        self.colours = choose("colours", colours, COLOURS)
        if self.colours != "rgb" and not self.axes.is_rgb:
            raise InputError(f"colours: got {colours!r} beside channels={channels!r}, expected one of them.")
        self.arguments = mapping("arguments", arguments)
        self.output = output
        self.seed = None if seed is None else whole("seed", seed, 0, _LARGEST_SEED)
        self._takes_one = seed is not None
        usual = "super-resolution" if self.scale > 1 else "restoration"
        self.task = usual if task is None else text("task", task, 'a task, such as "denoising"')
        self.about = mapping("about", about)

    @property
    def channels(self) -> str:
        """Names of the channels, or how many, as text."""
        return ", ".join(map(str, self.axes.channels))

    @property
    def taken(self) -> int:
        """How many channels the module itself takes."""
        return 1 if self.colours == "luma" else self.axes.count

    @property
    def parameter_count(self) -> int:
        """Number of trainable and fixed parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def weights_hash(self) -> str:
        """SHA-256 of all weights and buffers, hexadecimal; of nothing for a plain function."""
        return identity.of_weights(self.state_dict())

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of the weights; float32 where there are none."""
        return next((one.dtype for one in self.parameters() if one.is_floating_point()), torch.float32)

    @property
    def facts(self) -> dict[str, object]:
        """What is known about the network, in the order of its card."""
        own = {
            "name": self.name,
            "task": self.task,
            "scale": self.scale,
            "parameters": self.parameter_count,
            "value_range": self.value_range,
            "mean": self.mean,
            "std": self.std,
            "channels": self.channels,
            "colours": self.colours,
            "pad_to": self.pad_to,
            "seed": self.seed,
            "precision": str(self.dtype).removeprefix("torch."),
            "weights_sha256": self.weights_hash,
        }
        usual = {"mean": 0.0, "std": 1.0, "channels": ", ".join(RGB), "colours": "rgb", "pad_to": 1, "seed": None}
        shown = {key: value for key, value in own.items() if key not in usual or value != usual[key]}
        return shown | {key: value for key, value in self.about.items() if key not in own}

    @property
    def card(self) -> str:
        """The facts as lines of text.

        Examples
        --------
        >>> print(Network(nn.Identity(), name="nothing", scale=1).card.splitlines()[0])
        name            nothing
        """
        rows = [(_title(key), _text(value)) for key, value in self.facts.items()]
        width = max(len(title) for title, _ in rows) + 2
        return "\n".join(f"{title:<{width}}{text}" for title, text in rows)

    def _repr_html_(self) -> str:
        rows = [(_title(key), _text(value)) for key, value in self.facts.items() if key != "name"]
        cells = (
            f'<tr><th style="text-align:left;vertical-align:top;white-space:nowrap">{html.escape(title)}</th>'
            f'<td style="text-align:left;overflow-wrap:anywhere">{html.escape(text)}</td></tr>'
            for title, text in rows
        )
        caption = f'<caption style="text-align:left;font-weight:bold">{html.escape(self.name)}</caption>'
        return f'<table style="max-width:46em">{caption}{"".join(cells)}</table>'

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the output's rows and columns for an input of `height` × `width`."""
        return height * self.scale, width * self.scale

    def forward(self, batch: Batch) -> Batch:
        """Map (n, c, y, x) to (n, c, scale·y, scale·x); pads, converts and crops inside.

        Raises
        ------
        InputError
            If the module answers with another shape than its scale promises.
        """
        padded = self._padded(batch)
        mean, std = (self._row(values, batch.device) for values in (self.mean, self.std))
        output = self._called((self._coloured(padded) - mean) / std * self.value_range)
        self._check(output, padded)
        restored = self._uncoloured(output / self.value_range * std + mean, padded)
        rows, columns = self.output_size(*batch.shape[-2:])
        return restored[..., :rows, :columns]

    def _called(self, batch: Batch) -> Any:
        if len(batch) > 1 and self._takes_one:
            return self._called_one_by_one(batch)
        try:
            with _seeded(self.seed, batch.device):
                answer = self.module(batch, **self.arguments)
        except InputError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            if len(batch) > 1:  # it may take one picture at a time; if not, the first of them says why
                answers = self._called_one_by_one(batch)
                self._takes_one = True
                return answers
            raise InputError(
                f"network {self.name!r}: failed on a batch {tuple(batch.shape)} ({type(error).__name__}: {error}); "
                f"its pictures have {self.axes.words}; networks.wrap takes channels= or colours= where it wants "
                "others, pad_to= where sizes must be multiples, arguments= where it needs more than the picture."
            ) from error
        return _picture(answer, self.output, self.name)

    def _called_one_by_one(self, batch: Batch) -> Any:
        answers = [self._called(one) for one in batch.split(1)]
        return torch.cat(answers) if all(isinstance(one, torch.Tensor) for one in answers) else answers[0]

    def _check(self, output: object, padded: Batch) -> None:
        expected = (len(padded), self.taken, *self.output_size(*padded.shape[-2:]))
        if not isinstance(output, torch.Tensor) or output.shape != expected:
            raise InputError(
                f"network {self.name!r}: got output {shape(output)}, expected {expected} (scale {self.scale}); "
                "give networks.wrap the right scale=, channels=, colours= or output=, or a module of one picture."
            )

    def _coloured(self, batch: Batch) -> Batch:
        if self.colours == "luma":
            return quality.luma(batch)
        return batch.flip(1) if self.colours == "bgr" else batch

    def _uncoloured(self, output: Batch, padded: Batch) -> Batch:
        if self.colours == "luma":
            larger = functional.interpolate(padded, scale_factor=float(self.scale), mode="bicubic")
            return larger + (output - quality.luma(larger)) / sum(quality.LUMA)
        return output.flip(1) if self.colours == "bgr" else output

    def _row(self, values: float | Sequence[float], device: torch.device) -> Any:
        if isinstance(values, int | float):
            return values
        return torch.tensor(values, dtype=self.dtype, device=device).reshape(1, -1, 1, 1)

    def extra_repr(self) -> str:
        """Return name, scale and range for `repr`."""
        return f"name={self.name!r}, scale={self.scale}, value_range={self.value_range:g}, pad_to={self.pad_to}"

    def _padded(self, batch: Batch) -> Batch:
        height, width = batch.shape[-2:]
        below, right = -height % self.pad_to, -width % self.pad_to
        if not (below or right):
            return batch
        mirrored = below < height and right < width
        return functional.pad(batch, (0, right, 0, below), mode="reflect" if mirrored else "replicate")


@contextmanager
def _seeded(seed: int | None, device: torch.device) -> Iterator[None]:
    """Have random numbers follow from a seed; nobody else's are changed."""
    if seed is None:
        yield
        return
    kind, devices = (device.type, [device]) if device.type != "cpu" else ("cuda", [])
    with torch.random.fork_rng(devices, device_type=kind):
        torch.manual_seed(seed)
        yield


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or elsewhere.

    Examples
    --------
    >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError())
    (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


def _picture(answer: Any, wanted: int | str | None, name: str) -> Any:
    """Return the picture among what a module answers."""
    if wanted is not None:
        return _part(answer, wanted, name)
    if isinstance(answer, torch.Tensor):
        return answer
    if isinstance(reconstruction := getattr(answer, "reconstruction", None), torch.Tensor):
        return reconstruction
    parts = answer if isinstance(answer, Mapping) else dict(enumerate(answer)) if _is_row(answer) else {}
    if len(parts) == 1:
        return next(iter(parts.values()))
    if parts:
        seen = ", ".join(f"{key!r}: {tuple(getattr(value, 'shape', ()))}" for key, value in parts.items())
        raise InputError(f"output: network {name!r} answers with {seen}; give networks.wrap output= one of them.")
    return answer


def _part(answer: Any, wanted: int | str, name: str) -> Any:
    try:
        return answer[wanted]
    except (KeyError, IndexError, TypeError):
        pass
    try:
        return getattr(answer, str(wanted))
    except AttributeError:
        known = list(answer) if isinstance(answer, Mapping) else f"a {type(answer).__name__}"
        raise InputError(f"output: got {wanted!r}, but network {name!r} answers with {known}; name its part.") from None


def _is_row(answer: object) -> bool:
    return isinstance(answer, list | tuple)


def _title(key: str) -> str:
    return " ".join(_WORDS.get(word, word) for word in key.split("_"))


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items())
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
