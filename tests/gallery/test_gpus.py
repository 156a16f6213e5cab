"""Searching on GPUs, with a FAISS that pretends to see two of them and refuses what theirs refuse."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import faiss
import numpy as np
import pytest
from gallery_cases import clustered, recall_each, require_true

from embedlearn.errors import ArgumentError
from embedlearn.gallery import gpus
from embedlearn.gallery.exact import exact_neighbours
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.gpus import MOST_NEIGHBOURS, GpuSearcher, choose_gpu
from embedlearn.gallery.kinds import KINDS
from embedlearn.gallery.where import parse_condition

VECTORS = clustered(4000)
QUERIES = clustered(40, seed=1)


class FakeGpuIndex:
    """A CPU index behind a GPU index's limits; in half precision the vectors are rounded."""

    def __init__(self, index, half):
        if half and isinstance(index, faiss.IndexFlat):
            vectors = np.asarray(index.reconstruct_n(0, index.ntotal)).astype(np.float16).astype(np.float32)
            index = faiss.IndexFlatL2(index.d)
            index.add(vectors)
        self.index = faiss.clone_index(index)
        self.asked = []

    def search(self, queries, k, params=None):
        assert 1 <= k <= MOST_NEIGHBOURS
        assert params is None or (params.sel is None and 1 <= params.nprobe <= MOST_NEIGHBOURS)
        self.asked.append((len(queries), k))
        return gpus.search_index(self.index, queries, k, params)

    def train(self, vectors):
        self.asked.append("train")
        self.index.train(vectors)


@pytest.fixture
def fake(monkeypatch):
    """What was copied to the GPUs, and with which resources."""
    seen = SimpleNamespace(copies=[], resources=[])

    def resources():
        seen.resources.append(threading.get_ident())
        return object()

    def copied(resources_, index, options):
        assert len(resources_) == 2
        assert options.shard
        assert isinstance(index, faiss.IndexFlat | faiss.IndexIVFScalarQuantizer)
        seen.copies.append(FakeGpuIndex(index, options.useFloat16))
        return seen.copies[-1]

    monkeypatch.delattr(gpus._of_thread, "resources", raising=False)
    for name, value in {
        "get_num_gpus": lambda: 2,
        "StandardGpuResources": resources,
        "GpuMultipleClonerOptions": SimpleNamespace,
        "index_cpu_to_gpu_multiple_py": copied,
        "index_gpu_to_cpu": lambda index: index.index,
    }.items():
        monkeypatch.setattr(faiss, name, value, raising=False)
    return seen


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_without_a_gpu_cuda_is_refused_and_auto_is_the_processor():
    assert faiss.get_num_gpus() == 0
    assert not choose_gpu("auto")
    assert not choose_gpu("cpu")
    with pytest.raises(ArgumentError, match="--device cuda: FAISS sees no GPU here; take --device cpu"):
        choose_gpu("cuda")
    with pytest.raises(ArgumentError, match="--device: wanted auto, cpu or cuda, got tpu"):
        choose_gpu("tpu")
    with pytest.raises(ArgumentError, match="FAISS sees no GPU"):
        Gallery("flat", device="cuda").fit(VECTORS)


def test_which_devices_search_on_the_gpu(fake):
    assert choose_gpu("auto")
    assert choose_gpu("cuda")
    assert not choose_gpu("cpu")
    Gallery("flat", device="cpu").fit(VECTORS).kneighbors(QUERIES, 5)
    assert not fake.copies
    assert not fake.resources


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_flat_gives_the_answers_of_the_processor_bit_for_bit(fake, metric, device):
    vectors = np.concatenate([VECTORS, VECTORS[:40], VECTORS[:40]]) + np.float32(3)
    cpu = Gallery("flat", metric, device="cpu").fit(vectors)
    gpu = Gallery("flat", metric, device=device).fit(vectors)
    for k in (1, 10, 500):
        assert same(gpu.kneighbors(vectors[:60], k), cpu.kneighbors(vectors[:60], k))
        assert same(gpu.kneighbors(QUERIES[:1], k), cpu.kneighbors(QUERIES[:1], k))
    (copy,) = fake.copies
    assert copy.asked == [(60, 9), (1, 9), (60, 18), (1, 18), (60, 508), (1, 508)]


def test_half_precision_finds_nearly_all_and_states_true_distances(fake):
    gallery = Gallery("flat", device="cuda", half=True).fit(VECTORS)
    distances, rows = gallery.kneighbors(QUERIES, 10)
    require_true(distances, rows, QUERIES, VECTORS)
    assert recall_each(rows, exact_neighbours(QUERIES, VECTORS, 10)[1]).mean() > 0.999
    assert fake.copies[0].asked == [(40, 48)]


def test_filters_removals_many_neighbours_and_small_galleries_go_to_the_processor(fake):
    rows = {"id": [str(n) for n in range(4000)], "label": ["ab"[n % 2] for n in range(4000)]}
    for kind in ("flat", "ivf"):
        cpu, gpu = (Gallery(kind, device=device).fit(VECTORS, rows) for device in ("cpu", "auto"))
        gpu.kneighbors(QUERIES, 3)
        searched = fake.copies[-1].asked
        before = len(searched)
        label = parse_condition("label == 'a'")
        for k, where in ((10, label), (MOST_NEIGHBOURS + 1, None), (4000, None)):
            found = gpu.kneighbors(QUERIES, k, where)
            if kind == "flat":
                assert same(found, cpu.kneighbors(QUERIES, k, where))
            require_true(*found, QUERIES, VECTORS)
        gpu.remove(["7"])
        assert 7 not in gpu.kneighbors(VECTORS[7:8], 5)[1]
        assert len(searched) == before
    copies = len(fake.copies)
    few = Gallery("flat", device="cuda").fit(VECTORS[:5])
    assert few.kneighbors(QUERIES, 5)[1].shape == (40, 5)
    assert len(fake.copies) == copies


def test_late_cases_are_found_beside_those_on_the_gpu(fake):
    cpu, gpu = (Gallery("flat", device=device).fit(VECTORS[:3000]) for device in ("cpu", "cuda"))
    for gallery in (cpu, gpu):
        gallery.add(VECTORS[3000:])
    assert same(gpu.kneighbors(QUERIES, 10), cpu.kneighbors(QUERIES, 10))
    gpu.compact()
    cpu.compact()
    assert same(gpu.kneighbors(QUERIES, 10), cpu.kneighbors(QUERIES, 10))
    assert len(fake.copies) == 2


def test_lists_are_learnt_on_the_gpu_and_kept_for_the_processor(fake, tmp_path):
    gallery = Gallery("ivf", device="cuda").fit(VECTORS)
    (taught,) = fake.copies
    assert taught.asked == ["train"]
    distances, rows = gallery.kneighbors(QUERIES, 10)
    assert len(fake.copies) == 2
    assert fake.copies[1].index.ntotal == 4000
    require_true(distances, rows, QUERIES, VECTORS)
    gallery.save(tmp_path / "g")
    with Gallery.open(tmp_path / "g", device="cpu") as opened:
        assert same(opened.kneighbors(QUERIES, 10), (distances, rows))
    assert len(fake.copies) == 2
    with Gallery.open(tmp_path / "g", device="cuda") as opened:
        assert same(opened.kneighbors(QUERIES, 10), (distances, rows))
    assert len(fake.copies) == 3


def test_more_lists_than_a_gpu_visits_are_visited_by_the_processor(fake):
    gallery = Gallery("ivf", device="cuda").fit(VECTORS)
    index = gallery._state.searcher.index
    index.effort = type(index.effort)(MOST_NEIGHBOURS + 1, 1)
    gallery.kneighbors(QUERIES, 10)
    assert not any(copy.asked != ["train"] for copy in fake.copies)


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.gpu])
def test_kinds_that_no_gpu_has_stay_on_the_processor(fake, kind):
    with pytest.raises(
        ArgumentError, match=f"--kind {kind}: runs on the processor only; take flat or ivf, or --device"
    ):
        Gallery(kind, device="cuda").fit(VECTORS)
    gallery = Gallery(kind, device="auto").fit(VECTORS)
    require_true(*gallery.kneighbors(QUERIES, 5), QUERIES, VECTORS)
    assert not fake.copies


def test_every_thread_has_its_own_copy_and_its_own_resources(fake):
    """A resources object must not serve two threads at once; one thread's serve all of its searchers."""
    flat = faiss.IndexFlatL2(16)
    flat.add(VECTORS)
    searchers = [GpuSearcher(flat), GpuSearcher(flat)]
    together = threading.Barrier(4)

    def work(_):
        together.wait(20)
        return [searcher.search(QUERIES, 5)[1] for _ in range(3) for searcher in searchers]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(work, range(4)))
    assert len(fake.copies) == 8
    assert sorted(fake.resources) == sorted(thread for thread in set(fake.resources) for _ in range(2))
    assert len(set(fake.resources)) == 4
    assert all(np.array_equal(rows, answers[0][0]) for answer in answers for rows in answer)
