"""The app's icon, drawn here: none is fetched from elsewhere."""

from __future__ import annotations

from PIL import Image, ImageDraw

from mtbkd_core.figures.theme import PALETTE


def icon(size: int = 64) -> Image.Image:
    """Three teachers and their student, on a transparent square."""
    large = 4 * size
    image = Image.new("RGBA", (large, large))
    draw = ImageDraw.Draw(image)
    centre = (large // 2, int(large * 0.76))
    for place, colour in zip((0.17, 0.5, 0.83), PALETTE, strict=False):
        x, y, radius = int(large * place), int(large * 0.24), int(large * 0.145)
        draw.line((x, y, *centre), fill=colour, width=large // 18)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    radius = int(large * 0.19)
    draw.ellipse((centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius), fill="#7b8494")
    return image.resize((size, size), Image.Resampling.LANCZOS)
