"""What a corpus and a model hold: n-grams, attention on structures, functional groups, attribution."""

from catenane.analysis.corpus import Corpus, read_corpus
from catenane.analysis.functional_groups import functional_groups, group_atoms
from catenane.analysis.ngram_page import write_ngram_page
from catenane.analysis.ngrams import Ngram, NgramCounts, count_ngrams

__all__ = [
    "Corpus",
    "Ngram",
    "NgramCounts",
    "count_ngrams",
    "functional_groups",
    "group_atoms",
    "read_corpus",
    "write_ngram_page",
]
