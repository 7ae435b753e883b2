"""Inputs that are pictures, as images and as text that fits into a label."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from PIL import Image
from torch import Tensor


def picture(values: Tensor, image_shape: tuple[int, int], size: int) -> Image.Image:
    """An input [F] with values from 0 to 1 as dark ink on paper, about `size` pixels wide."""
    height, width = image_shape
    grey = (255 * (1 - values.reshape(height, width).clamp(0, 1))).numpy().astype(np.uint8)
    scale = max(1, size // max(image_shape))
    return Image.fromarray(grey).resize((width * scale, height * scale), Image.Resampling.NEAREST)


def data_uri(image: Image.Image) -> str:
    """A picture as a data URI."""
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
