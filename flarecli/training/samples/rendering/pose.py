"""Other postures and proportions of a drawn patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flarecli.phantom.drawing.shapes import rotation_zyx

if TYPE_CHECKING:
    import torch


def draw_posture(rng: np.random.Generator, turn_deg: float, stretch: float) -> np.ndarray:
    """Draw a posture: 3x3 matrix from new to old positions, (z, y, x).

    Args:
        rng: Random numbers.
        turn_deg: Largest rotation about each axis.
        stretch: Standard deviation of the logarithm of the size along each axis, cut off at twice that.
    """
    sizes = np.exp(stretch * np.clip(rng.standard_normal(3), -2, 2))
    posture: np.ndarray = rotation_zyx(rng.uniform(-turn_deg, turn_deg, 3)) / sizes
    return posture


def in_posture(parts: torch.Tensor, postures: np.ndarray) -> torch.Tensor:
    """Maps of parts seen in other postures, about their middles; the outermost voxels are continued.

    Args:
        parts: Uint8, (samples, z, y, x), of cubic voxels.
        postures: (samples, 3, 3).
    """
    import torch

    half = np.array(parts.shape[1:]) / 2
    # PyTorch's coordinates go from -1 to 1 along x, y and z, from edge to edge.
    matrices = (postures * half[None, None, :] / half[None, :, None])[:, ::-1, ::-1]
    affine = np.concatenate([matrices, np.zeros((len(parts), 3, 1))], axis=2).astype(np.float32)
    positions = torch.nn.functional.affine_grid(
        torch.as_tensor(affine, device=parts.device), [len(parts), 1, *parts.shape[1:]], align_corners=False
    )
    seen = torch.nn.functional.grid_sample(
        parts[:, None].float(), positions, mode="nearest", padding_mode="border", align_corners=False
    )
    return seen[:, 0].to(torch.uint8)
