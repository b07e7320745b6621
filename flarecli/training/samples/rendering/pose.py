"""Random poses and proportions of a drawn patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flarecli.phantom.drawing.shapes import rotation_zyx

if TYPE_CHECKING:
    import torch


def draw_pose(rng: np.random.Generator, rotation_deg: float, scale_spread: float) -> np.ndarray:
    """Draw a pose: 3x3 matrix from positions in the scan to positions in the patient, (z, y, x).

    Args:
        rng: Random numbers.
        rotation_deg: Largest rotation about each axis.
        scale_spread: Standard deviation of the logarithm of the size along each axis, cut off at twice that.
    """
    sizes = np.exp(scale_spread * np.clip(rng.standard_normal(3), -2, 2))
    pose: np.ndarray = rotation_zyx(rng.uniform(-rotation_deg, rotation_deg, 3)) / sizes
    return pose


def posed(parts: torch.Tensor, poses: np.ndarray) -> torch.Tensor:
    """Maps of parts resampled in other poses about their centres, with edge padding.

    Args:
        parts: Uint8, (samples, z, y, x), of cubic voxels.
        poses: (samples, 3, 3).
    """
    import torch

    half = np.array(parts.shape[1:]) / 2
    # PyTorch's coordinates go from -1 to 1 along x, y and z, from edge to edge.
    matrices = (poses * half[None, None, :] / half[None, :, None])[:, ::-1, ::-1]
    affine = np.concatenate([matrices, np.zeros((len(parts), 3, 1))], axis=2).astype(np.float32)
    positions = torch.nn.functional.affine_grid(
        torch.as_tensor(affine, device=parts.device), [len(parts), 1, *parts.shape[1:]], align_corners=False
    )
    seen = torch.nn.functional.grid_sample(
        parts[:, None].float(), positions, mode="nearest", padding_mode="border", align_corners=False
    )
    return seen[:, 0].to(torch.uint8)
