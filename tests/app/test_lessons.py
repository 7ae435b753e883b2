"""The page Lessons: choosing, making and opening one."""

from tests.app.conftest import Opened


def test_a_link_names_the_lesson(opened: Opened) -> None:
    app = opened("lessons", lesson="add-a-liar")
    assert not app.exception
    assert any("wrong and certain" in text.value for text in app.markdown)


def test_an_unknown_lesson_is_reported_and_the_first_is_shown(opened: Opened) -> None:
    app = opened("lessons", lesson="nothing")
    assert not app.exception
    assert "none of the choices" in app.warning[0].value


def test_a_changed_lesson_is_played(opened: Opened) -> None:
    app = opened("lessons")
    app.text_input[0].set_value("Mine").run()
    app.text_input[1].set_value("What I found").run()
    next(button for button in app.button if button.label == "Play it").click().run()
    assert not app.exception
    assert "Mine" in [str(option) for option in app.segmented_control(key="view:lessons:lesson").options]
    assert "What I found" in [text.value for text in app.markdown]
