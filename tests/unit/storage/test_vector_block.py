"""A block holds what was added and not removed, whatever moved meanwhile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.storage import vector_block
from llmops_plugins.storage.vector_block import VectorBlock
from llmops_plugins.storage.vector_index import unit

DIMS = 70


def row_of(item):
    return unit(np.random.default_rng(item).standard_normal((1, DIMS), dtype=np.float32))[0]


@pytest.mark.parametrize("sketched_from", [10**9, 20])
def test_rows_stay_with_their_items(sketched_from, monkeypatch):
    monkeypatch.setattr(vector_block, "SKETCHED_FROM", sketched_from)
    monkeypatch.setattr(vector_block, "_SHORTLIST", 5)

    @given(steps=st.lists(st.tuples(st.integers(0, 40), st.sets(st.integers(0, 200), max_size=30))))
    def check(steps):
        block, expected = VectorBlock(DIMS), {}
        for added, removed in steps:
            items = np.arange(len(expected) * 1_000, len(expected) * 1_000 + added)
            items = items[~np.isin(items, list(expected))]
            if len(items):
                block.extend(np.stack([row_of(item) for item in items]), items, items % 3)
                expected.update(dict.fromkeys(items.tolist()))
            positions = np.array(sorted(one for one in removed if one < block.length), dtype=np.intp)
            for gone in block.item_ids[positions].tolist():
                del expected[gone]
            block.remove(positions)
            assert sorted(block.item_ids.tolist()) == sorted(expected)
        rows, items, spaces = block.take(np.arange(block.length))
        assert all(np.array_equal(row, row_of(item)) for row, item in zip(rows, items, strict=True))
        assert np.array_equal(spaces, items % 3)
        for position, item in enumerate(items[:5]):
            assert block.scores(row_of(item))[position] == pytest.approx(1, abs=1e-6)
            positions, scores = block.nearest(row_of(item), 1)
            assert (position if positions is None else list(positions).index(position)) == np.argmax(scores)

    check()


@pytest.mark.skipif(not hasattr(np, "bitwise_count"), reason="NumPy 1 counts no bits: all is scored")
def test_a_large_block_scores_only_what_is_near_and_everything_where_nothing_is(monkeypatch):
    monkeypatch.setattr(vector_block, "SKETCHED_FROM", 1_000)
    monkeypatch.setattr(vector_block, "_SHORTLIST", 200)
    generator = np.random.default_rng(0)
    rows = unit(generator.standard_normal((5_000, 384), dtype=np.float32))
    block = VectorBlock(384)
    block.extend(rows, np.arange(5_000), np.zeros(5_000, dtype=np.int64))
    near = unit(rows[7:8] + 0.02 * generator.standard_normal((1, 384), dtype=np.float32))[0]
    positions, scores = block.nearest(near, 1)
    assert 200 <= len(positions) < 400
    assert positions[np.argmax(scores)] == 7
    for far in unit(generator.standard_normal((20, 384), dtype=np.float32)):
        positions, scores = block.nearest(far, 1)
        assert positions is None
        assert np.allclose(scores, rows @ far, atol=1e-6)


@pytest.mark.skipif(not hasattr(np, "bitwise_count"), reason="NumPy 1 counts no bits: all is scored")
def test_where_the_search_widens_each_row_is_read_once(monkeypatch):
    monkeypatch.setattr(vector_block, "SKETCHED_FROM", 1_000)
    monkeypatch.setattr(vector_block, "_SHORTLIST", 20)
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((50, 384), dtype=np.float32)
    spread = generator.standard_normal((5_000, 384), dtype=np.float32)
    block = VectorBlock(384)
    block.extend(unit(centres[np.arange(5_000) % 50] + spread), np.arange(5_000), np.zeros(5_000, np.int64))
    read = []

    def counting(query, positions=None):
        read.append(len(positions))
        return VectorBlock.scores(block, query, positions)

    monkeypatch.setattr(block, "scores", counting)
    query = unit(centres[7:8] + 0.5 * generator.standard_normal((1, 384), dtype=np.float32))[0]
    positions, scores = block.nearest(query, 1)
    assert len(read) > 1
    assert sum(read) == len(positions) == len(set(positions.tolist()))
    assert np.array_equal(scores, VectorBlock.scores(block, query, positions))
    everywhere = VectorBlock.scores(block, query)
    assert positions[np.argmax(scores)] == np.argmax(everywhere)
