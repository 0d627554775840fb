"""Tables, splits, duplicates and batches: from files to what a model is given."""

from catenane.data.batches import LengthGroupedBatches, TokenBatch, collate
from catenane.data.corpus import CorpusCounts, TokenCorpus, open_corpus, write_corpus
from catenane.data.duplicates import (
    Aggregation,
    Duplicates,
    NoiseFloor,
    aggregate,
    find_duplicates,
    noise_floor,
)
from catenane.data.readers import stream_strings
from catenane.data.registry import DATASETS, Dataset, Task, dataset_file, find_dataset, match_dataset
from catenane.data.rejects import Rejection, write_rejected
from catenane.data.splits import Split, make_split, shared_with_train
from catenane.data.table import Table, read_table

__all__ = [
    "DATASETS",
    "Aggregation",
    "CorpusCounts",
    "Dataset",
    "Duplicates",
    "LengthGroupedBatches",
    "NoiseFloor",
    "Rejection",
    "Split",
    "Table",
    "Task",
    "TokenBatch",
    "TokenCorpus",
    "aggregate",
    "collate",
    "dataset_file",
    "find_dataset",
    "find_duplicates",
    "make_split",
    "match_dataset",
    "noise_floor",
    "open_corpus",
    "read_table",
    "shared_with_train",
    "stream_strings",
    "write_corpus",
    "write_rejected",
]
