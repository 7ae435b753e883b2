"""Your own data: a table with its teachers' outputs, or a folder of images, is checked and made a task."""

from pathlib import PurePath

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.imports.classes import join_names
from mtbkd_core.imports.preview import Preview
from pages.setup.own_data import checked, hub, images, kept, tables
from pages.setup.own_data.tables import Features, ImportForm
from pages.ui.words import plain


def draw_what_is_needed() -> None:
    """A small example of the files, and what becomes of them."""
    st.markdown("**A label for each row, and from each teacher a number for each class, are all that is needed.**")
    left, right = st.columns(2, gap="large")
    left.markdown(
        "Your table  \n:small[:gray[numbers, or a sequence]]\n\n| id | mass | charge | label |\n|---|---|---|---|\n"
        "| P1 | 32.1 | -1 | nucleus |\n| P2 | 11.8 | 4 | membrane |"
    )
    right.markdown(
        "The file of a teacher  \n:small[:gray[logits or probabilities, rows in any order]]\n\n"
        "| id | membrane | nucleus |\n|---|---|---|\n| P2 | 0.97 | 0.03 |\n| P1 | 0.20 | 0.80 |"
    )
    st.caption("Choose a table first. Nothing leaves the machine that this app runs on.")


source = st.segmented_control(
    "What you have",
    ["A table", "Images", "A data set and models"],
    default="A table",
    required=True,
    key="own:choice:kind",
    help="A table of examples with the teachers' outputs for them; a folder of images, with your teachers' outputs or "
    "with teachers that are trained on this machine; or a data set and models of the Hugging Face Hub, or in folders, "
    "whose outputs are worked out on this machine.",
)
if source == "A data set and models":
    hub.draw()
    checked.draw_imported()
    st.stop()
if source == "Images":
    images.draw()
    checked.draw_imported()
    st.stop()
table = kept.one_file(
    "Table",
    kept.FILES,
    "own:table",
    "CSV, Parquet, Excel or FASTA with a row for each example. The first line names the columns: a label, and a "
    "sequence or numbers.",
)
if table is None:
    draw_what_is_needed()
    checked.draw_imported()
    st.stop()
try:
    seen: Preview = tables.preview(table)
except UserError as error:
    st.error(plain(error), icon=":material/error:")
    st.stop()
tables.draw_head(seen)

left, right = st.columns(2, gap="large")
with left:
    st.header("Examples", anchor=False)
    label = tables.choose_column(
        "Label", seen, seen.label, "The class of each example: its name, or its number, counted from 0."
    )
    classes = st.text_input(
        "Classes",
        join_names(seen.classes),
        key=f"own:choice:classes:{table.file_id}",
        placeholder="From the labels",
        help="Names in the order of the teachers' columns, with commas between them. A name that holds a comma stands "
        "in double quotes. Empty: the labels' own.",
    )
    unlabelled = st.checkbox(
        "Use rows without a label",
        key="own:choice:unlabelled",
        help="Rows with an empty label, or NA, become examples for which the student has the teachers' outputs alone. "
        "Otherwise the check names them.",
    )
    accession = tables.choose_column(
        "Accession",
        seen,
        seen.accession,
        "Column that identifies each row. Rows of the other files are joined with the table's by it, in any "
        "order. Without it, another column serves that is in both files and has no value twice.",
        optional=seen.accession is None,
    )
    kind = st.segmented_control(
        "Features",
        list(Features),
        default=Features.DESCRIPTORS if seen.sequence else Features.COLUMNS,
        required=True,
        key=f"own:choice:features:{table.file_id}",
        help="The student's inputs: descriptors of a protein's sequence, columns of the table, a file of embeddings "
        "with a row for each example, or a protein language model's embedding of the sequence.",
    )
    sequence, columns, embeddings, model = None, [], None, ""
    if kind in (Features.DESCRIPTORS, Features.MODEL):
        sequence = tables.choose_column(
            "Sequence", seen, seen.sequence, "Amino acids as capital letters, without spaces."
        )
    if kind is Features.FILE:
        sequence = tables.choose_column(
            "Sequence to show",
            seen,
            seen.sequence,
            "Amino acids as capital letters, without spaces. It is shown beside a single protein, and is no feature.",
            optional=True,
        )
    if kind is Features.MODEL:
        model = st.text_input(
            "Protein model",
            key=f"own:choice:model:{table.file_id}",
            placeholder="facebook/esm2_t6_8M_UR50D",
            help="An ESM model of the Hugging Face library transformers: a folder on this machine, or a name on the "
            "hub, which is then loaded from there. The mean of its last layer over the residues is computed once.",
        ).strip()
    if kind is Features.COLUMNS:
        columns = st.multiselect(
            "Columns of numbers",
            seen.names,
            [name for name in seen.numbers if name not in (label, accession, *seen.classes)],
            key=f"own:choice:columns:{table.file_id}",
            help="Each becomes a feature, scaled by the student's own examples.",
        )
    if kind is Features.FILE:
        embeddings = kept.one_file(
            "Embeddings",
            kept.NUMBERS,
            "own:embeddings",
            "Numbers, a row for each row of the table, or for each of its ids.",
        )
with right:
    st.header("Teachers", anchor=False)
    files = kept.files(
        "Teachers' outputs",
        kept.NUMBERS,
        "own:teachers",
        "One file per teacher: a row for each row of the table, a column for each class, with or without a "
        "header. Logits or probabilities: the check detects and reports which.",
    )
    teachers = tables.name_teachers(files)
    normalise = st.checkbox(
        "Divide each row by its sum",
        key="own:choice:normalise",
        help="For numbers that are no probabilities of one class out of all, such as percentages, or a probability for "
        "each class by itself (sigmoids). Logits and probabilities stay as they are.",
    )

with st.expander("Test table"):
    test = kept.one_file(
        "Test table",
        kept.FILES,
        "own:test",
        "The examples on which the student is tested. Without them, a fifth of the table is kept for testing.",
    )
    test_teachers, test_embeddings = {}, None
    if test is not None:
        test_teachers = tables.test_files(
            teachers,
            "the test table",
            "own:test",
            "Like the teacher's other file. It is needed because teachers are tested, too.",
        )
        if kind is Features.FILE:
            test_embeddings = kept.one_file(
                "Embeddings of the test table", kept.NUMBERS, "own:test-embeddings", "Like those of the table."
            )

st.header("Check", anchor=False)
form = ImportForm(
    table=table,
    kind=kind,
    label=label,
    classes=classes,
    sequence=sequence,
    accession=accession if accession != seen.accession else None,  # a test table may call its own otherwise
    columns=tuple(columns),
    model=model,
    embeddings=embeddings,
    teachers=teachers,
    test=test,
    test_teachers=test_teachers,
    test_embeddings=test_embeddings,
    normalise=normalise,
    unlabelled=unlabelled,
)
if missing := form.missing():
    st.info(missing, icon=":material/upload_file:")
    st.stop()
found = tables.check(form)
if found is None:
    st.stop()
checked.draw_checked(found, table.file_id, PurePath(table.name).stem)
