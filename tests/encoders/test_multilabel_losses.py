"""Losses and sampling for films that may show several findings, against plain loops and against those of one class."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from embedlearn.encoders.losses import BinaryLoss, Comparison, SupConLoss, create_finding_loss, create_loss, jaccard
from embedlearn.encoders.samplers import FindingSampler, create_sampler
from embedlearn.encoders.settings import Objective, Sampling
from embedlearn.errors import ArgumentError

HEALTHY = "healthy"


def make(seed, films=12, findings=4, low=-1):
    """Embeddings float64 [B, 6] of length 1 with a gradient, and targets int64 [B, K]."""
    rng = np.random.default_rng(seed)
    X = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(films, 6))), dim=1).requires_grad_()
    return X, torch.from_numpy(rng.integers(low, 2, (films, findings)))


def looped_overlap(one, other):
    """Jaccard's index of two films' sets, of what is known of both; to be healthy is a name of its own."""
    known = {k for k in range(len(one)) if one[k] >= 0 and other[k] >= 0}
    if all(1 in film or -1 not in film for film in (one, other)):
        known.add(HEALTHY)
    sets = [{k for k in range(len(film)) if film[k] == 1} or {HEALTHY} for film in (one, other)]
    first, second = (names & known for names in sets)
    return len(first & second) / len(first | second) if first | second else 0.0


@pytest.mark.parametrize("seed", range(3))
def test_overlap_is_jaccards_index_of_what_is_known_of_both(seed):
    targets = make(seed)[1]
    wanted = [[looped_overlap(one, other) for other in targets.tolist()] for one in targets.tolist()]
    found = jaccard(targets, targets)
    assert found.numpy() == pytest.approx(np.array(wanted))
    assert torch.equal(found, found.T)
    turned = targets[:, [2, 0, 3, 1]]
    assert torch.equal(jaccard(turned, turned), found)


def test_with_one_label_a_film_it_is_the_loss_of_classes_to_the_bit():
    rng = np.random.default_rng(0)
    classes = torch.from_numpy(rng.integers(0, 4, 40))  # class 0 is healthy: no finding at all
    targets = torch.nn.functional.one_hot(classes, 4)[:, 1:]
    drawn = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(40, 8))).float(), dim=1)
    results = []
    for labels in (classes, targets):
        X = drawn.clone().requires_grad_()
        loss = SupConLoss()(X, labels)
        loss.backward()
        results.append((loss.detach(), X.grad))
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("temperature", [0.1, 0.7])
def test_each_positive_weighs_as_much_as_the_sets_overlap(temperature):
    X, targets = make(1)
    S = (X @ X.T).detach().numpy() / temperature
    terms = []
    for i in range(len(X)):
        others = [k for k in range(len(X)) if k != i]
        weights = np.array([looped_overlap(targets[i].tolist(), targets[k].tolist()) for k in others])
        if weights.sum():
            terms.append(np.log(np.exp(S[i, others]).sum()) - (weights * S[i, others]).sum() / weights.sum())
    assert SupConLoss(temperature)(X, targets).item() == pytest.approx(np.mean(terms), rel=1e-5)


def test_a_film_that_overlaps_with_none_is_left_out_but_stays_among_the_others():
    X, _ = make(2, films=3)
    targets = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 0, 1]])
    S = (X @ X.T).detach().numpy() / 0.1
    wanted = [np.log(np.exp(S[i, others]).sum()) - S[i, j] for i, j, others in ((0, 1, [1, 2]), (1, 0, [0, 2]))]
    assert SupConLoss()(X, targets).item() == pytest.approx(np.mean(wanted), rel=1e-5)


@pytest.mark.parametrize("balanced", [False, True])
def test_binary_cross_entropy_is_scikit_learns_over_what_is_known(balanced):
    X, targets = make(3)
    odds = torch.tensor([1.0, 2.0, 5.0, 0.5])
    loss = BinaryLoss(6, odds, scale=4.0, balanced=balanced).double()
    logits = 4 * X.detach().numpy() @ loss.head.weight.detach().numpy().T + loss.head.bias.detach().numpy()
    known = targets.numpy() >= 0
    weights = np.where(balanced & (targets.numpy() == 1), odds.numpy(), 1)
    wanted = log_loss(
        targets.numpy()[known], 1 / (1 + np.exp(-logits[known])), sample_weight=weights[known], normalize=False
    )
    found = loss(X, targets)
    assert found.item() == pytest.approx(wanted / known.sum(), rel=1e-5)
    found.backward()
    assert torch.equal(X.grad[~known.any(1)], torch.zeros_like(X.grad[~known.any(1)]))


def test_what_is_unknown_changes_nothing():
    X, targets = make(4)
    loss = BinaryLoss(6, torch.ones(4)).double()
    before = loss.terms(Comparison.within(X, targets))[0]
    more = torch.cat([targets, torch.full((2, 4), -1)])
    after = loss.terms(Comparison.within(torch.cat([X, X[:2]]), more))[0]
    assert before.total.item() == pytest.approx(after.total.item())
    assert before.count == after.count


def test_losses_are_built_by_name_and_refused_beside_the_other_kind():
    odds = torch.ones(3)
    assert isinstance(create_finding_loss(Objective("bce", ("balanced=true",)), odds=odds, dimension=8), BinaryLoss)
    assert isinstance(create_finding_loss(Objective(), odds=odds, dimension=8), SupConLoss)
    assert create_finding_loss(Objective("none"), odds=odds, dimension=8) is None
    for words in ("odds=2", "dimension=3", "margin=1"):
        with pytest.raises(ArgumentError, match="BinaryLoss has no such argument; it takes scale, balanced"):
            create_finding_loss(Objective("bce", (words,)), odds=odds, dimension=8)
    with pytest.raises(ArgumentError, match="--loss bce: judges each of a film's findings by itself; add --multi-lab"):
        create_loss(Objective("bce"), classes=3, dimension=8)
    with pytest.raises(ArgumentError, match="--loss bce takes whole batches"):
        BinaryLoss(4, odds)(torch.randn(4, 4), torch.ones(4, 3), (torch.tensor([0]),) * 3)


def drawn_targets(films=300):
    rng = np.random.default_rng(0)
    return (rng.random((films, 3)) < (0.4, 0.1, 0.03)).astype(np.int64)


def test_findings_stand_in_equal_parts_and_every_film_has_one_that_overlaps():
    targets = drawn_targets()
    sampler = FindingSampler(targets, 16, seed=1)
    batches = list(sampler.epoch(0))
    assert len(batches) == len(sampler)
    assert sum(batch.size for batch in batches) == -(-len(targets) // 8) * 8
    for batch in batches:
        units = targets[batch.films].reshape(-1, 4, 2, 3)  # of each part, healthy first, an anchor and its partner
        assert not units[:, 0].any()
        for finding in range(3):
            assert (units[:, finding + 1, :, finding] == 1).all()
        films = batch.films.reshape(-1, 2)
        assert (films[:, 0] != films[:, 1]).all()
    drawn = np.bincount(np.concatenate([batch.films for batch in batches]), minlength=len(targets))
    rare = targets[:, 2] == 1
    assert drawn[rare].min() > 0
    assert drawn[rare].mean() > 3 * drawn[~rare].mean()


def test_an_epoch_follows_from_the_seed_and_goes_on_behind_any_step():
    targets = drawn_targets()
    again = [create_sampler(Sampling(batch=16), targets, seed=seed) for seed in (3, 3, 4)]
    films = [[batch.films.tolist() for batch in sampler.epoch(2)] for sampler in again]
    assert films[0] == films[1] != films[2]
    assert [batch.films.tolist() for batch in again[0].epoch(2, first=5)] == films[0][5:]
    assert films[0] != [batch.films.tolist() for batch in again[0].epoch(3)]


def test_processes_share_every_batch_out():
    targets = drawn_targets()
    whole = list(FindingSampler(targets, 24).epoch(0))
    parts = [list(FindingSampler(targets, 24, rank=rank, world=2).epoch(0)) for rank in (0, 1)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert first.size == second.size == batch.size
        together = np.empty(batch.size, np.int64)
        together[first.places], together[second.places] = first.films, second.films
        assert (together == batch.films).all()


def test_the_findings_of_every_source_stand_in_equal_parts():
    targets, sources = drawn_targets(), np.arange(300) % 2
    sources[targets[:, 2] == 1] = 0  # one source has none of the rarest
    sampler = FindingSampler(targets, 32, sources=sources, balance="sources")
    films = next(sampler.epoch(0)).films
    assert sampler.width == 2 * 7
    assert np.bincount(sources[films]).tolist() == [8 * len(films) // 14, 6 * len(films) // 14]


def test_a_film_of_which_nothing_is_known_is_not_taken_for_healthy():
    healthy, unknown, ill = torch.zeros(1, 3), torch.full((1, 3), -1), torch.tensor([[0, 1, -1]])
    assert jaccard(healthy, torch.cat([healthy, unknown, ill])).tolist() == [[1, 0, 0]]
    assert jaccard(unknown, unknown).item() == 0
    targets = drawn_targets()
    targets[np.flatnonzero(~targets.any(1))[:30]] = -1, 0, 0
    sampler = FindingSampler(targets, 16, seed=1)
    for batch in sampler.epoch(0):
        units = targets[batch.films].reshape(-1, 5, 2, 3)  # healthy, each finding, those that may be either
        assert (units[:, 0] == 0).all() and (units[:, 4, :, 0] == -1).all()
    targets[np.flatnonzero(targets[:, 0] == -1)[1:]] = 0
    alone = FindingSampler(targets, 16)
    assert alone.shares()[targets[:, 0] == -1] == 0  # a single one makes no pair


@pytest.mark.parametrize("balance", ["classes", "sources"])
def test_shares_are_how_often_each_film_is_drawn(balance):
    targets, sources = drawn_targets(120), np.arange(120) % 2
    sampler = FindingSampler(targets, 16, sources=sources, balance=balance)
    drawn = np.zeros(120)
    for epoch in range(400):
        for batch in sampler.epoch(epoch):
            np.add.at(drawn, batch.films, 1)
    assert sampler.shares().sum() == pytest.approx(1)
    assert drawn / drawn.sum() == pytest.approx(sampler.shares(), abs=4e-3)
