"""The app's icon, and the styles of the layout that Streamlit's theme has no setting for."""

from PIL import Image, ImageDraw

from mtbkd_core.figures.theme import PALETTE

#: Streamlit stacks columns on a telephone only; beside the sidebar they give way earlier: two stack, more go in pairs.
STYLE = """<style>
.stMainBlockContainer {max-width: 78rem; margin: 0 auto; padding-left: 3rem; padding-right: 3rem}
.stImage img {border: 1px solid rgba(128, 134, 145, 0.35); border-radius: 0.25rem}
.st-key-cards {display: grid; grid-template-columns: repeat(3, 1fr); gap: 1rem}
.st-key-cards > *, .st-key-cards > * > * {height: 100%}
@media (max-width: 1100px) {
  .st-key-cards {grid-template-columns: repeat(2, 1fr)}
  .stMainBlockContainer {padding-left: 2rem; padding-right: 2rem}
  .stHorizontalBlock:has(> .stColumn) {flex-wrap: wrap}
  .stHorizontalBlock > .stColumn {min-width: calc(100% - 1.5rem)}
  .stHorizontalBlock:has(> .stColumn:nth-child(3)) > .stColumn {min-width: calc(50% - 1.5rem)}
}
</style>"""


def icon(size: int = 64) -> Image.Image:
    """Three teachers and their student, on a transparent square. Drawn here: no icon is fetched from elsewhere."""
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
