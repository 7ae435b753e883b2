"""Teachers: the task, its teachers, and what each is good at."""

import html

import pandas as pd
import streamlit as st

from mtbkd_core import Task, UserError, task_infos
from mtbkd_core.catalog.settings import change_task, numbers_of_joining
from mtbkd_core.config.parse import settings
from mtbkd_core.evaluation import readings
from mtbkd_core.evaluation.score_rows import score_teacher
from mtbkd_core.evaluation.score_text import TEST_SET_LINE
from mtbkd_core.evaluation.scores import HEADLINE, SCORES, Scores
from mtbkd_core.evaluation.teacher_tables import agreement, expertise
from mtbkd_core.figures import teachers as figures
from mtbkd_core.prior import named_classes, probabilities
from pages.ui import (
    charts,
    chosen_run,
    decision_maps,
    examples,
    link,
    navigation,
    setting_widgets,
    setting_words,
    task_words,
)
from pages.ui.jobs import task_loading
from pages.ui.words import plain

config = link.draft()
infos = {info.name: info for info in task_infos()}
info = infos[config.data.task]
item = info.item
shades = task_words.colours(config)


@st.cache_resource(show_spinner=False, max_entries=32)
def teacher_scores(fingerprint: str, name: str, _task: Task) -> Scores:
    return score_teacher(probabilities(_task.teachers[name].logits_test[None])[0], _task.y_test).scores


def take_teachers() -> None:
    chosen = [name for name in task.teachers if st.session_state[f"set:teacher:{name}"]]
    if not chosen:
        st.session_state.notice = "Keep at least one teacher: a student needs one to be distilled from."
        return
    link.change([("data.teachers", chosen), *numbers_of_joining(config, chosen)])


def take_task() -> None:
    try:
        link.replace(change_task(config, st.session_state["set:task"]))
    except UserError as error:
        st.session_state.notice = str(error)


def draw_gallery() -> None:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        only = st.segmented_control(
            "Show",
            ["all", "disputed"],
            required=True,
            format_func={"all": f"All {item}s", "disputed": "Teachers disagree"}.get,
            **link.bound("shown", ["all", "disputed"], "all"),
            help=f"Teachers disagree: {item}s for which the chosen teachers do not all predict the same class.",
        )
        label = st.selectbox(
            "Class",
            task.class_names,
            index=None,
            placeholder="Any",
            **link.bound("class", task.class_names),
            width=140,
            help=f"Only {item}s of this class.",
        )
    wanted = [
        index
        for index in range(len(labels))
        if (only == "all" or len({each for each in named[:, index] if each >= 0}) > 1)
        and (label is None or task.class_names[labels[index]] == label)
    ]
    if not wanted:
        st.info(f"No test {item} fits. Show all {item}s, or choose another class.", icon=":material/image_search:")
    examples.gallery(
        task, wanted[:24], [plain(f"label {task.class_names[labels[index]]}") for index in wanted[:24]], key="browse"
    )
    if len(wanted) > 24:
        st.caption(f"The first 24 of {len(wanted)} {item}s.")


def draw_cards() -> None:
    """Each teacher with its switch and its scores."""
    for name, teacher in task.teachers.items():
        score = teacher_scores(task.fingerprint_of([name]), name, task)
        key = f"set:teacher:{name}"
        if st.session_state.get(key) != (name in config.data.teachers):
            st.session_state[key] = name in config.data.teachers
        with st.container(border=True, gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                st.html(
                    '<span style="font-weight:600"><span style="display:inline-block;width:.75rem;height:.75rem;'
                    f'border-radius:50%;background:{shades[name]};margin-right:.5rem"></span>'
                    f"{html.escape(teacher.title)}</span>"
                )
                st.toggle(
                    f"Use {plain(teacher.title)}",
                    key=key,
                    label_visibility="collapsed",
                    help="Whether this teacher takes part in the mixture prior.",
                    on_change=take_teachers,
                )
            st.caption(plain(teacher.description))
            st.markdown(
                task_words.score_line(score),
                help="  \n".join([*(f"{SCORES[name].title}: {SCORES[name].help}" for name in HEADLINE), TEST_SET_LINE]),
            )


def draw_expertise() -> None:
    charts.show(
        figures.draw_table(known, x="Class", hover="%{y}: %{z:.1%} of class %{x} right"),
        "Expertise by class",
        "A high number: the teacher is accurate in that class. A class with low numbers in every row has no expert. "
        "Below each number: its 95 % interval from a test set of this size.",
        lambda: known,
        key="expertise",
    )


def draw_agreement() -> None:
    charts.show(
        figures.draw_table(agree, x="", hover="%{y} and %{x} agree on %{z:.1%}", square=True),
        "Agreement",
        "A low number: two teachers that often predict different classes. Below it: its 95 % interval.",
        lambda: agree,
        key="agreement",
    )


def draw_examples() -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        if seen:
            examples.chooser(task)
        else:
            draw_gallery()
    with right:
        draw_one(examples.chosen(task))


def draw_one(index: int) -> None:
    said = probabilities(test_logits[:, index]).numpy()
    classes = ["abstains" if at < 0 else task.class_names[at] for at in named[:, index]]
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        examples.show(task, index, size=96)
        answers = " · ".join(f"{plain(title)}: **{plain(of)}**" for title, of in zip(titles, classes, strict=True))
        st.markdown(f"**Test {item} {index}**  \n{answers}")
    charts.show(
        figures.draw_probabilities(said, task.class_names, chosen_titles, shades),
        "Predictions of each teacher",
        "A tall bar: that teacher is certain of the class. It may be wrong.",
        lambda: pd.DataFrame(
            said, columns=list(task.class_names), index=pd.Index(titles, name="teacher")
        ).reset_index(),
        key="predictions",
    )


if st.session_state.get("set:task") != config.data.task:
    st.session_state["set:task"] = config.data.task
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    st.selectbox(
        settings()["data.task"].title,
        list(infos),
        format_func=lambda name: infos[name].title,
        key="set:task",
        width=230,
        help=f"{settings()['data.task'].help} Another task brings its own teachers and settings.",
        on_change=take_task,
    )
    with st.container(width=150):
        setting_widgets.text("data.n_labelled", label=f"Labelled {item}s", placeholder=str(info.n_labelled))
    if info.spare or info.n_unlabelled:
        with st.container(width=150):
            most = info.n_unlabelled + (info.most_labelled if info.spare else 0)
            setting_widgets.number("data.n_unlabelled", label=f"Unlabelled {item}s", high=most, step=500)
    navigation.link("own_data")
st.caption(plain(info.description))
if config.data.changes:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"Changed by hand in the playground: {setting_words.changes(config)}.")
        st.button("Undo these changes", type="tertiary", on_click=link.change, args=([("data.changes", "")],))
# after the choice of a task, so that a task without its data can be left again
task = task_loading.load(config, every_teacher=True)

chosen_titles = {name: task.teachers[name].title for name in config.data.teachers}
titles = list(chosen_titles.values())
test_logits = task.teacher_logits(config.data.teachers, "test")
named, labels = named_classes(test_logits).numpy(), task.y_test.numpy()
judged = named_classes(test_logits, task.y_test)
seen = decision_maps.plane(task)
chosen_run.say(readings.of_teachers(judged, task.y_test, titles, task.class_names), config)
known = expertise(
    {title: teacher_scores(task.fingerprint_of([name]), name, task).by_class for name, title in chosen_titles.items()},
    task.class_names,
)
agree = agreement(named, titles)
left, right = st.columns([1, 2], gap="large")
with left:
    draw_cards()
with right:
    if seen:
        decision_maps.show_certainty(seen, config, key="certainty")
    else:
        draw_expertise()
        draw_agreement()

if seen:
    with charts.more("expertise by class, where they agree"):
        draw_expertise()
        draw_agreement()
    with charts.more("the truth, and the predictions of one teacher"):
        left, right = st.columns(2, gap="large")
        with left:
            decision_maps.show_truth(seen, key="truth")
        with right:
            decision_maps.show_teacher(seen, config, key="teacher-map")
with charts.more(f"one {item}, as each teacher sees it" if seen else f"{item}s, and what each teacher predicts"):
    draw_examples()
st.space("small")
navigation.link("prior", "Next: the prior")
