"""Your own data: a table with what teachers say of it, or a folder of images, checked and made a task."""

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.imports.checking import join_names
from mtbkd_core.imports.guessing import Look
from pages.setup.own_data import images, tables
from pages.setup.own_data.tables import Asked, Features

FILES = ["csv", "tsv", "txt", "parquet"]
NUMBERS = [*FILES, "npz", "safetensors"]

source = st.segmented_control(
    "What you have",
    ["A table", "Images"],
    default="A table",
    required=True,
    key="own:kind",
    help="A table of examples with what teachers say of them; or a folder of images in the IDX format, as MNIST comes, "
    "for which teachers are trained here.",
)
if source == "Images":
    images.draw()
    tables.draw_imported()
    st.stop()
table = st.file_uploader(
    "Table",
    FILES,
    key="own:table",
    help="CSV or Parquet, one row an example, the columns named in the first line: a label, and a sequence or numbers.",
)
if table is None:
    st.info("Choose a table first. Nothing leaves the machine that this app runs on.", icon=":material/upload_file:")
    tables.draw_imported()
    st.stop()
try:
    seen: Look = tables.look(table)
except UserError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()
tables.draw_head(seen)

left, right = st.columns(2, gap="large")
with left:
    st.subheader("Examples", anchor=False)
    label = tables.choose_column(
        "Label", seen, seen.label, "What the student learns to name: classes' names, or numbers that count them from 0."
    )
    classes = st.text_input(
        "Classes",
        join_names(seen.classes),
        key=f"own:classes:{table.file_id}",
        placeholder="As the labels say",
        help="Names in the order of the teachers' columns, with commas between them, a name that holds a comma in "
        "double quotes. Empty: taken from the labels.",
    )
    accession = tables.choose_column(
        "Accession",
        seen,
        seen.accession,
        "Names the rows. Where a teacher's file or the embeddings have it too, their order is held against it.",
        optional=seen.accession is None,
    )
    kind = st.segmented_control(
        "Features",
        list(Features),
        default=Features.DESCRIPTORS if seen.sequence else Features.COLUMNS,
        required=True,
        key=f"own:features:{table.file_id}",
        help="What the student sees of an example: numbers worked out from a protein's sequence, columns of the table, "
        "a file of embeddings with as many rows, or what a protein language model makes of the sequence.",
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
            "Amino acids as capital letters, without spaces. Only shown where one protein is looked at; no feature.",
            optional=True,
        )
    if kind is Features.MODEL:
        model = st.text_input(
            "Protein model",
            key=f"own:model:{table.file_id}",
            placeholder="facebook/esm2_t6_8M_UR50D",
            help="An ESM model of the Hugging Face library transformers: a folder on this machine, or a name on the "
            "hub, from which it is then loaded. Its last layer is averaged over the residues, once.",
        ).strip()
    if kind is Features.COLUMNS:
        columns = st.multiselect(
            "Columns of numbers",
            seen.names,
            [name for name in seen.numbers if name not in (label, accession, *seen.classes)],
            key=f"own:columns:{table.file_id}",
            help="Each becomes a feature, scaled by the student's own examples.",
        )
    if kind is Features.FILE:
        embeddings = st.file_uploader(
            "Embeddings", NUMBERS, key="own:embeddings", help="Numbers alone, one row for each row of the table."
        )
with right:
    st.subheader("Teachers", anchor=False)
    files = st.file_uploader(
        "What the teachers say",
        NUMBERS,
        accept_multiple_files=True,
        key="own:teachers",
        help="One file per teacher: a row for each row of the table, a column for each class, with or without a "
        "header. Logits or probabilities; which of the two is found out, and said.",
    )
    teachers = tables.name_teachers(files)

with st.expander("A test table of its own"):
    test = st.file_uploader(
        "Test table",
        FILES,
        key="own:test",
        help="What the student is measured on. Without one, a fifth of the table is kept for that.",
    )
    test_teachers, test_embeddings = {}, None
    if test is not None:
        for name in teachers:
            file = st.file_uploader(
                f"What {name} says of the test table",
                NUMBERS,
                key=f"own:test:{name}",
                help="As the teacher's other file; needed, since teachers are measured on the test table too.",
            )
            if file is not None:
                test_teachers[name] = file
        if kind is Features.FILE:
            test_embeddings = st.file_uploader(
                "Embeddings of the test table", NUMBERS, key="own:test-embeddings", help="As the table's own."
            )

st.subheader("Check", anchor=False)
asked = Asked(
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
)
if missing := asked.missing():
    st.info(missing, icon=":material/upload_file:")
    st.stop()
checked = tables.check(asked)
if checked is None:
    st.stop()
tables.draw_findings(checked)
tables.draw_adding(asked, checked)
