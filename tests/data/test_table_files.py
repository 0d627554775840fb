"""Rows of text: split, counted, checked; nothing is lost without a reason."""

from __future__ import annotations

import csv
import io
import random
from types import SimpleNamespace

import pytest

from catenane.data.rejects import Rejection
from catenane.data.table_files import LONGEST_FIELD, open_table
from catenane.errors import DataError


def table(text, layout="csv"):
    lines = io.StringIO(text, newline="")
    return open_table(SimpleNamespace(name="t", path=None, layout=layout, lines=lambda: iter(lines)))


def rows(text, use=(0, 1), layout="csv"):
    return list(table(text, layout).rows(use))


def test_rows_are_numbered_from_one_and_reduced_to_the_columns_asked_for():
    assert rows("a,b,c\n1,2,3\n4,5,6\n", use=(2, 0)) == [(1, ["3", "1"]), (2, ["6", "4"])]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read_and_blank_lines_are_no_rows(end):
    text = end.join(["a,b", "", "1,2", "", "3,4", "", ""])
    assert rows(text) == [(1, ["1", "2"]), (2, ["3", "4"])]


def test_quoted_fields_may_hold_commas_quotes_and_line_breaks():
    text = 'mofid,name\n"C&&UNKNOWN,ERROR.cat0","4,4\'\'""-x"\n"a\nb",c\nd,e\n'
    assert rows(text) == [(1, ["C&&UNKNOWN,ERROR.cat0", "4,4''\"-x"]), (2, ["a\nb", "c"]), (3, ["d", "e"])]


def test_what_the_csv_module_writes_is_read_back(tmp_path):
    draw = random.Random(3)
    records = [
        ["".join(draw.choices('ab,"\n\r;é \t', k=draw.randrange(9))) for _ in range(3)] for _ in range(500)
    ]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["x", "y", "z"], *records])
    assert [fields for _, fields in rows(text.getvalue(), use=(0, 1, 2))] == records


def test_a_row_with_too_few_or_too_many_fields_is_rejected_and_the_next_is_read():
    few, many, good = rows("a,b\n1\n1,2,3\n5,6\n")
    assert few == Rejection(1, "", "1", None, "the row has 1 fields, the header 2")
    assert many.reason == "the row has 3 fields, the header 2"
    assert good == (3, ["5", "6"])


@pytest.mark.parametrize("later", ["", '5,"x,y"\n'])
def test_an_open_quote_costs_one_row_and_not_those_after_it(later):
    read = rows('a,b\n1,2\n3,"open\n' + "4,4\n" * 50_000 + later)
    bad = [row for row in read if isinstance(row, Rejection)]
    assert [row.row for row in bad] == [2]
    assert "do not close" in bad[0].reason
    assert len(read) == 50_002 + bool(later)
    assert read[-1] == ((50_003, ["5", "x,y"]) if later else (50_002, ["4", "4"]))


def test_a_byte_that_is_not_utf8_rejects_the_row_only_where_it_is_used():
    text = b"smiles,name\nCC,Amigdal\xedn\nC\xe9C,x\n".decode("utf-8", "surrogateescape")
    assert rows(text, use=(0,)) == [
        (1, ["CC"]),
        Rejection(2, "smiles", "C\udce9C", 1, "byte \\xe9, which is not UTF-8, at position 1"),
    ]
    assert rows(text, use=(0, 1))[0].reason == "byte \\xed, which is not UTF-8, at position 7"


def test_a_nul_byte_rejects_the_row():
    assert rows("a,b\nC\0C,1\n\0\0\0\n") == [
        Rejection(1, "a", "C\0C", 1, "a NUL byte at position 1"),
        Rejection(2, "", "\0\0\0", None, "the row has 1 fields, the header 2"),
    ]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_of_a_megabyte_is_rejected_and_shown_short(quote):
    huge, good = rows(f"a,b\n{quote}{'C' * 1_000_000}{quote},1\nCC,2\n")
    assert len(huge.value) < 100
    assert f"{LONGEST_FIELD}" in huge.reason.replace(",", "")
    assert good == (2, ["CC", "2"])


def test_unicode_outside_ascii_is_kept():
    assert rows("a,b\nö,µ\n") == [(1, ["ö", "µ"])]


def test_the_sample_is_still_part_of_the_rows():
    opened = table("a,b\n1,2\n3,4\n")
    assert opened.sample() == [["1", "2"], ["3", "4"]]
    assert len(list(opened.rows([0]))) == 2


def test_a_table_of_one_column_keeps_its_commas():
    assert rows("mofid\nC&&bcu,fcu.cat0\n", use=(0,)) == [(1, ["C&&bcu,fcu.cat0"])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("a,b,a\n", "columns 1 and 3 are both called 'a'"),
        ('a,"b\n1,2\n', "the header cannot be read"),
        ("a\0b,c\n", "NUL byte at position 1"),
        ("sm\udce9les,c\n", "byte \\xe9, which is not UTF-8, at position 2"),
    ],
)
def test_a_header_that_is_none_is_refused(text, message):
    with pytest.raises(DataError) as error:
        table(text)
    assert message in str(error.value)


def test_tabs_delimit_too():
    assert rows("a\tb\nC,C\t1\n", layout="tsv") == [(1, ["C,C", "1"])]


def lines(text):
    return rows(text, layout="smi")


def test_lines_hold_a_string_and_perhaps_a_name():
    assert lines("CCO ethanol, pure\nCC\n\nC\tmethane\n") == [
        (1, ["CCO", "ethanol, pure"]),
        (2, ["CC", ""]),
        (3, ["C", "methane"]),
    ]


def test_a_header_over_lines_is_left_out():
    assert lines("SMILES zinc_id\nCC 1\n") == [(1, ["CC", "1"])]


def test_the_second_part_of_a_raw_mofid_is_no_name():
    assert lines("[Zn].CC MOFid-v1.pcu.cat0;x\n") == [(1, ["[Zn].CC MOFid-v1.pcu.cat0;x", ""])]


def test_no_lines_are_refused():
    with pytest.raises(DataError, match="empty"):
        lines("\n  \n")
