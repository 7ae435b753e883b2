"""Fashion-MNIST: 70,000 pictures of clothing, and convolutional teachers that each know a part of the wardrobe.

Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
arXiv 1708.07747 (Zalando SE, MIT licence).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from mtbkd_core.images.files import ImageFiles
from mtbkd_core.tasks import digits
from mtbkd_core.tasks.images import Sizes
from mtbkd_core.tasks.shipped_images import ShippedImageTask
from mtbkd_core.tasks.source import ShiftInfo, TaskInfo
from mtbkd_core.teachers.base import TeacherInfo
from mtbkd_core.teachers.convolutional import Recipe
from mtbkd_core.teachers.shipped import Origin

CLASSES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
SHAPE = (28, 28)
#: Unlabelled images of a first run: with more of them it would take longer than a minute.
UNLABELLED = 3_000
SIZES = Sizes(student=6_000, validation=2_000, test=2_000)
#: Sandals and bags: they resemble none of the other classes closely.
LEFT_OUT = (5, 8)
#: Test images that are a shift of another task: as many as the digits'.
_CLOTHES = digits.N_TEST

FILES = ImageFiles(
    name="fashion-mnist",
    variable="MTBKD_FASHION_FOLDER",
    installed=Path("/usr/share/datasets/fashion-mnist"),
    package="dataset-fashion-mnist",
    url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    # as in TensorFlow Datasets' list of checksums; Debian's files hold the same images under another gzip header
    sha256={
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
)

_SOURCE = "Fashion-MNIST, Zalando SE, https://github.com/zalandoresearch/fashion-mnist (arXiv 1708.07747)"

_TEACHERS: dict[str, tuple[str, str, Recipe]] = {
    "tops": (
        "Tops",
        "Knows T-shirts, pullovers, dresses, coats and shirts well; of the others it saw 6 %.",
        Recipe((0, 2, 3, 4, 6)),
    ),
    "shoes-and-bags": (
        "Shoes and bags",
        "Knows sandals, sneakers, boots and bags well; of the others it saw 6 %.",
        Recipe((5, 7, 8, 9)),
    ),
    "winter-wear": (
        "Winter wear",
        "Knows trousers, pullovers, coats, bags and boots well; of the others it saw 6 %.",
        Recipe((1, 2, 4, 8, 9)),
    ),
    "generalist": ("Generalist", "Saw every class.", Recipe(tuple(range(10)))),
}


def digit_images(shape: tuple[int, int] = SHAPE) -> Tensor:
    """[600, F], the test images of the task `digits` (its split 0), enlarged to a shape (height, width) of F pixels."""
    return _resized(digits.measured_images(), digits.SHAPE, shape)


def clothing_images(shape: tuple[int, int]) -> Tensor:
    """[600, F], test images of the task `fashion`, every kind as often, brought to a shape (height, width) of F pixels.

    Raises:
        UserError: the images are not on this machine, or not what they should be.
    """
    return _resized(FASHION.image_pool().x[-SIZES.test :][:_CLOTHES], SHAPE, shape)


def _resized(images: Tensor, shape: tuple[int, int], wanted: tuple[int, int]) -> Tensor:
    pictures = images.reshape(-1, 1, *shape)
    smaller = any(new < old for new, old in zip(wanted, shape, strict=True))
    resized = torch.nn.functional.interpolate(
        pictures, size=wanted, mode="bilinear", align_corners=False, antialias=smaller
    )
    return resized.clamp(0, 1).flatten(1)


FASHION = ShippedImageTask(
    INFO=TaskInfo(
        name="fashion",
        title="Clothing (Fashion-MNIST)",
        short="Clothing",
        description="Pictures of clothing of 28 x 28 pixels: 2,000 for testing, 52,000 for the teachers. The student "
        f"starts with 1,000 labelled ones and {UNLABELLED:,} unlabelled ones.",
        n_classes=len(CLASSES),
        teachers=tuple(TeacherInfo(name, title, line) for name, (title, line, _) in _TEACHERS.items()),
        default_teachers=("tops", "shoes-and-bags", "winter-wear"),
        item="image",
        n_labelled=1_000,
        most_labelled=SIZES.student,
        image_shape=SHAPE,
        spare=True,
        # chosen on validation images, so that a run takes about a minute: benchmarks/log/clothing.md
        defaults={
            "n_unlabelled": str(UNLABELLED),
            "prior.strength": "8",
            "prior.concentration": "3",
            "prior.entropy_temperatures": "1.1,1.2,1.5",  # fitted on the labels of three splits and on validation
            "prior.calibrated_teachers": "True",
            "student.features": "patches",
            "student.n_features": "300",
            "student.hidden": "64",
            "student.weight_scale": "0.2",
            "sampler.algorithm": "mclmc",
            "sampler.preconditioner": "curvature",
            "sampler.friction": "0.1",
            "sampler.chains": "4",
            "sampler.draws": "80",
            "sampler.thinning": "20",
            "sampler.burn_in": "200",
        },
        # several minutes
        presets={"thorough": {"student.n_features": "400", "sampler.draws": "100", "sampler.thinning": "30"}},
        shifts=(ShiftInfo("digits", "Handwritten digits", "The digits' test images, enlarged to 28 x 28 pixels."),),
        source=_SOURCE,
        licence="mit",
    ),
    files=FILES,
    class_names=CLASSES,
    recipes={name: recipe for name, (_, _, recipe) in _TEACHERS.items()},
    sizes=SIZES,
    shipped_as="fashion",
    origin_of_data=Origin(
        _SOURCE,
        "MIT",
        "the image's place among the 60,000 training images and, after them, the 10,000 test images",
    ),
    digest="9edd5d13bc5a1f2c",
    shifts={"digits": digit_images},
)

_MOST_LEFT_OUT = SIZES.student * (len(CLASSES) - len(LEFT_OUT)) // len(CLASSES)
_NAMES_LEFT_OUT = " and ".join(CLASSES[label].lower() + "s" for label in LEFT_OUT)
FASHION_LEFT_OUT = replace(
    FASHION,
    INFO=replace(
        FASHION.INFO,
        name="fashion-left-out",
        title="Clothing, two kinds left out",
        short="Clothing, two left out",
        description=f"Pictures of clothing without {_NAMES_LEFT_OUT}, which the student never sees: 1,600 for "
        f"testing. The student starts with 1,000 labelled ones and {UNLABELLED:,} unlabelled ones.",
        n_classes=len(CLASSES) - len(LEFT_OUT),
        most_labelled=_MOST_LEFT_OUT,
        defaults={
            **FASHION.INFO.defaults,
            "prior.entropy_temperatures": "1.15,1.2,1.65",  # fitted on the labels of two splits
        },
        shifts=(
            ShiftInfo("left-out", _NAMES_LEFT_OUT.capitalize(), "Test images of the kinds that were left out."),
            *FASHION.INFO.shifts,
        ),
    ),
    left_out=LEFT_OUT,
)
