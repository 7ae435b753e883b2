"""Method: the maths, live where it can be, a glossary, and the traps."""

import streamlit as st

from pages.shared import places

places.heading("method", "The maths, live where it can be.")
