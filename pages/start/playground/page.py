"""Playground: the plane's posterior, sampled in the visitor's own browser."""

from pages.ui import playground

playground.show("playground")
