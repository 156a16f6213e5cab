"""Run by test_embed_shards.py, alone and under torchrun: `embedlearn.embed` that pauses within its second shard.

Half of that shard is written; what is there of it is the number of the process.
"""

import os
import time
from pathlib import Path

from embedlearn import embed, embeddings

write_table = embeddings.pq.write_table
written: list[Path] = []


def write_or_pause(table, path, **options):
    if path.name.startswith(".part-"):
        written.append(path)
    if len(written) == 2:
        path.write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(60)
    write_table(table, path, **options)


if __name__ == "__main__":
    embeddings.pq.write_table = write_or_pause
    embed.main()
