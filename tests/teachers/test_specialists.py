"""Specialists: the examples and labels that each is trained on."""

import torch

from mtbkd_core.teachers.specialists import Recipe, training_subset

EVERY = tuple(range(10))
#: Of ten classes, 300 each.
LABELS = torch.arange(10).repeat(300)


def test_a_specialist_sees_all_of_its_classes_and_a_small_share_of_the_others(generator: torch.Generator) -> None:
    index, given = training_subset(Recipe((1, 2)), LABELS, 10, generator)
    assert torch.equal(given, LABELS[index])
    counts = LABELS[index].bincount(minlength=10)
    assert counts[[1, 2]].tolist() == [300, 300]
    others = int(counts.sum()) - 600
    assert abs(others - 0.06 * 2400) < 4.5 * (2400 * 0.06 * 0.94) ** 0.5
    assert (counts > 0).all()


def test_noisy_labels_are_drawn_at_random_in_their_share(generator: torch.Generator) -> None:
    index, given = training_subset(Recipe(EVERY, label_noise=0.4), LABELS, 10, generator)
    assert len(index) == 3000
    wrong = float((given != LABELS[index]).float().mean())
    assert abs(wrong - 0.4 * 0.9) < 4.5 * (0.36 * 0.64 / 3000) ** 0.5


def test_shifted_labels_are_the_next_class(generator: torch.Generator) -> None:
    index, given = training_subset(Recipe(EVERY, label_shift=1), LABELS, 10, generator)
    assert torch.equal(given, (LABELS[index] + 1) % 10)


def test_the_digest_of_a_recipe_stays_so_that_teachers_are_not_trained_anew() -> None:
    assert list(Recipe((1,)).digest_content())[:3] == ["classes", "trickle", "label_noise"]
