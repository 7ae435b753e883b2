"""A server with OpenID Connect: whoever has logged in owns runs under that name, in every browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import identity
from tests.browser.server import Server, free_port, serve
from tests.browser.visitor import Visitor, file_of_run

pytest.importorskip("authlib", reason="needs Authlib, as the server does")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app, with a provider that says who somebody is."""
    folder, port = tmp_path_factory.mktemp("login"), free_port()
    secrets = folder / "secrets.toml"
    with identity.provide() as provider:
        secrets.write_text(identity.settings(provider, f"http://127.0.0.1:{port}"))
        with serve(folder / "home", folder / "output.txt", port, secrets) as running:
            yield running


def logged_in(browser: Browser, server: Server, name: str, trouble: list[str]) -> Visitor:
    """A person in a browser of their own, who has logged in."""
    tab = Visitor(browser.new_context().new_page(), server.url, trouble)
    tab.page.set_viewport_size({"width": 1366, "height": 900})
    tab.in_haste = True
    tab.page.goto(f"{server.url}/method")
    tab.press(tab.button("Log in"))
    tab.press(tab.page.get_by_role("link", name=name))
    expect(tab.button("Log out")).to_be_visible()
    return tab


def test_a_run_belongs_to_whoever_has_logged_in_and_to_no_one_else(browser: Browser, guarded: Server) -> None:
    trouble: list[str] = []
    here = logged_in(browser, guarded, "ada", trouble)
    here.open("distill", seed="301", sampler__thinning="1000")
    run = here.launches()

    other = logged_in(browser, guarded, "ben", trouble)
    assert run not in other.page.content()  # it is not among his
    other.open("distill", run=run)  # a link shows it
    other.live_points()
    for label in ("Cancel", "Name", "Delete"):
        expect(other.button(label)).to_have_count(0)

    there = logged_in(browser, guarded, "ada", trouble)
    assert there.run() == run  # hers in this browser, too
    expect(there.button("Name")).to_be_visible()
    there.press(there.button("Log out"))
    expect(there.button("Log in")).to_be_visible()
    assert run not in there.page.content()

    here.press(here.button("Cancel"))
    here.says("This run was cancelled.")
    expect(here.button("Delete")).to_be_visible()
    other.says("This run was cancelled.")
    expect(other.button("Delete")).to_have_count(0)
    assert file_of_run(guarded.home, run, "status.json")["state"] == "cancelled"
    for tab in (here, other, there):
        tab.page.context.close()
    assert not trouble, "\n".join(trouble)
    assert "Traceback" not in guarded.output()
