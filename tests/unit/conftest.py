import gzip
import json

import pytest


def recorded(text, score, cost_usd=0.001, **columns):
    return {
        "text": text,
        "score": score,
        "cost_usd": cost_usd,
        "input_tokens": 10,
        "output_tokens": 5,
        **columns,
    }


@pytest.fixture
def answer():
    return recorded


@pytest.fixture
def write_records(tmp_path):
    """Write rows, each a mapping of model to answer, as a file of records."""

    def write(rows, name="records.jsonl"):
        path = tmp_path / name
        lines = []
        for number, row in enumerate(rows):
            record = row if "prompt" in row else {"prompt": f"What is {number}?", "responses": row}
            lines.append(row if isinstance(row, str) else json.dumps(record))
        data = "".join(line + "\n" for line in lines).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write
