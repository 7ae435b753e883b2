"""Styles of the layout that Streamlit's theme has no setting for, and text with a contrast of 4.5 where it has less."""

_FIGURE = '.stVerticalBlock > div:only-child > [class*="st-key-figure-"]'
#: Neighbouring columns that hold a chart each: these stand at the same height, however long the line above each is.
_PAIR = f".stHorizontalBlock:has(> .stColumn:nth-child(1) > {_FIGURE}):has(> .stColumn:nth-child(2) > {_FIGURE})"

#: Streamlit stacks columns on a telephone only; beside the sidebar they give way earlier: two stack, more
#: go in pairs. Of those that stack, one with a picture stands above its controls. On a telephone what is called last
#: comes last.
STYLE = """<style>
.stMainBlockContainer {max-width: 78rem; margin: 0 auto; padding-left: 3rem; padding-right: 3rem}
.stImage img {border: 1px solid rgba(128, 134, 145, 0.35); border-radius: 0.25rem}
.stApp [data-testid="stCaptionContainer"] {opacity: .78}
abbr[title] {position: relative; cursor: help}
abbr[title]:focus-visible::after {content: attr(title); position: absolute; left: 0; top: 1.6em; z-index: 9;
  width: 18rem; max-width: 70vw; padding: .5rem .7rem; border-radius: .5rem; font-size: 14px; line-height: 1.4;
  color: light-dark(#fff, #1d2430); background: light-dark(#1d2430, #e8eaee)}
.stApp :is([data-selected="true"], .stSlider) p {color: light-dark(#37486e, #b3c3e6)}
[data-variant="segmented_control"] ~ [data-variant="segmented_control"] {margin-left: -1px}
[data-variant="segmented_control"] ~ [data-variant="segmented_control"]:not([aria-checked="true"]) {
  border-left-color: light-dark(rgb(225, 228, 234), rgba(255, 255, 255, .2)) !important}
[data-variant="segmented_control"][aria-checked="true"] {position: relative; z-index: 1}
PAIR {align-items: stretch}
PAIR > .stColumn > .stVerticalBlock, PAIR > .stColumn > .stVerticalBlock > div:only-child,
PAIR > .stColumn > .stVerticalBlock > div:only-child > [class*="st-key-figure-"] {height: 100%}
PAIR > .stColumn [class*="st-key-figure-"] > .stElementContainer:has(.stPlotlyChart) {margin-top: auto}
body:has([data-testid="stExpandSidebarButton"]) {--mtbkd-header: 3.75rem}
.mtbkd-stage :is(.stSidebar, .stAppHeader, [data-testid="stExpandSidebarButton"]) {display: none}
.mtbkd-stage .stMainBlockContainer {max-width: none; padding: 1rem 1.5rem}
.mtbkd-stage .stMainBlockContainer .stElementContainer:not(.st-key-stage *), .mtbkd-stage .st-key-make {display: none}
.st-key-cards {display: grid; grid-template-columns: repeat(3, 1fr); gap: 1rem}
.st-key-cards > *, .st-key-cards > * > * {height: 100%}
@media (max-width: 1100px) {
  .st-key-cards {grid-template-columns: repeat(2, 1fr)}
  .stMainBlockContainer {padding-left: 2rem; padding-right: 2rem}
  .stHorizontalBlock:has(> .stColumn) {flex-wrap: wrap; gap: 1rem 1.5rem}
  .stHorizontalBlock > .stColumn:has([class*="st-key-figure-"]) {order: -1}
  .stHorizontalBlock > .stColumn {min-width: calc(100% - 1.5rem)}
}
@media (min-width: 641px) and (max-width: 1100px) {
  .stHorizontalBlock:has(> .stColumn:nth-child(3)) > .stColumn {min-width: calc(50% - 1.5rem)}
  .st-key-beside > .stHorizontalBlock > .stColumn, .st-key-beside > div > .stHorizontalBlock > .stColumn
    {min-width: 12rem; order: 0}
}
@media (max-width: 640px) {
  .stVerticalBlock > :is([class*="st-key-last-"], div:has(> [class*="st-key-last-"])) {order: 1}
  .stMainBlockContainer {padding: 3.5rem 1.5rem 2rem}
  .st-key-cards {grid-template-columns: 1fr}
}
</style>""".replace("PAIR", _PAIR)
