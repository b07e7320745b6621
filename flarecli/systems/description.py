"""Description of a system and its networks, without building them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkFigures:
    """Size and cost of a network as it predicts. The tests hold them to the model.

    Attributes:
        parameters: Trainable parameters.
        input_shape: Size of the input without batch and channels: (z, y, x), or (rows, columns) of a slice.
        multiply_adds: Multiply-accumulate operations of convolutions and dense layers, for one such input.
        size_varies: Whether other sizes occur too; `input_shape` is the largest one then, or a usual one where there is
            no largest.
    """

    parameters: int
    input_shape: tuple[int, ...]
    multiply_adds: int
    size_varies: bool = False


@dataclass(frozen=True)
class Publication:
    """Where the authors of a system published their program.

    Attributes:
        repository: Its address.
        licence: SPDX identifier of program and weights; NOASSERTION where they state none.
        how_to_import: Sentence without a full stop that leads to the commands of the import.
    """

    repository: str
    licence: str
    how_to_import: str
