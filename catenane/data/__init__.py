"""Tables, splits, duplicates and batches: from files to what a model is given."""

from catenane.data.batches import LengthGroupedBatches, StringBatch, collate
from catenane.data.corpus import CorpusCounts, TokenCorpus, open_corpus
from catenane.data.duplicates import aggregate, find_duplicates, hold_out, noise_floor
from catenane.data.fetching import fetch
from catenane.data.leakage import shared_with_train
from catenane.data.preparation import write_corpus
from catenane.data.rejects import Rejection, write_rejected
from catenane.data.sources import DATASETS, Dataset, dataset_file, find_dataset
from catenane.data.splits import Split, make_folds, make_split
from catenane.data.streams import stream_strings
from catenane.data.table import Table, read_table

__all__ = [
    "DATASETS",
    "CorpusCounts",
    "Dataset",
    "LengthGroupedBatches",
    "Rejection",
    "Split",
    "StringBatch",
    "Table",
    "TokenCorpus",
    "aggregate",
    "collate",
    "dataset_file",
    "fetch",
    "find_dataset",
    "find_duplicates",
    "hold_out",
    "make_folds",
    "make_split",
    "noise_floor",
    "open_corpus",
    "read_table",
    "shared_with_train",
    "stream_strings",
    "write_corpus",
    "write_rejected",
]
