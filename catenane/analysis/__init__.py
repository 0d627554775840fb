"""What a corpus and a model hold: n-grams, attention on structures, functional groups, attribution."""

from catenane.analysis.attention_page import chosen_weights, write_attention
from catenane.analysis.attribution import METHODS, Attribution, TokenScorer, attribute, explain
from catenane.analysis.corpus import Corpus, read_corpus
from catenane.analysis.cross import cross_scores
from catenane.analysis.enrichment import GroupAttention, group_attention
from catenane.analysis.explanation import atom_grid, headline, write_explanation
from catenane.analysis.functional_groups import functional_groups, group_atoms
from catenane.analysis.group_page import COLUMNS as GROUP_COLUMNS
from catenane.analysis.group_page import group_rows, write_group_page
from catenane.analysis.ngram_page import write_ngram_page
from catenane.analysis.ngrams import Ngram, NgramCounts, count_ngrams

__all__ = [
    "GROUP_COLUMNS",
    "METHODS",
    "Attribution",
    "Corpus",
    "GroupAttention",
    "Ngram",
    "NgramCounts",
    "TokenScorer",
    "atom_grid",
    "attribute",
    "chosen_weights",
    "count_ngrams",
    "cross_scores",
    "explain",
    "functional_groups",
    "group_atoms",
    "group_attention",
    "group_rows",
    "headline",
    "read_corpus",
    "write_attention",
    "write_explanation",
    "write_group_page",
    "write_ngram_page",
]
