import pytest

from broker.cli.sweeps import Sweep, parameters_of, value_of, values_of
from broker.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-2.5", -2.5),
        ("1e3", 1000.0),
        ("true", True),
        ("True", "True"),
        ("square", "square"),
        ('"1"', "1"),
        ("007", "007"),
        ("", ""),
        ("null", "null"),
        ("[1]", "[1]"),
        ('{"a":1}', '{"a":1}'),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1e999", "1e999"),
    ],
)
def test_values_are_json_scalars_or_text(text: str, value: object) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1:3:5", [1.0, 1.5, 2.0, 2.5, 3.0]),
        ("1:3:3", [1, 2, 3]),
        ("3:1:3", [3, 2, 1]),
        ("0:1:11", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ("1e-3:1e-1:2", [0.001, 0.1]),
        ("-1:1:3", [-1, 0, 1]),
        ("2.0:4.0:3", [2.0, 3.0, 4.0]),
        ("5:5:1", [5]),
        ("square,cubic", ["square", "cubic"]),
        ("1,2.5,x", [1, 2.5, "x"]),
        ("7", [7]),
        ("a:b:3", ["a:b:3"]),
    ],
)
def test_sweep_values(text: str, values: list[object]) -> None:
    assert values_of(text) == values
    assert [type(v) for v in values_of(text)] == [type(v) for v in values]


@pytest.mark.parametrize("text", ["", "1,,2", "1:2:0", "1:2:1", "1:2:2000000"])
def test_bad_sweep_values_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        values_of(text)


def test_several_sweeps_make_every_combination_and_the_last_varies_fastest() -> None:
    sweep = Sweep({"steps": 9}, ["t=1:2:2", "lattice=square,cubic"])
    assert len(sweep) == 4
    assert list(sweep) == [
        {"steps": 9, "t": 1, "lattice": "square"},
        {"steps": 9, "t": 1, "lattice": "cubic"},
        {"steps": 9, "t": 2, "lattice": "square"},
        {"steps": 9, "t": 2, "lattice": "cubic"},
    ]


def test_no_sweep_is_one_job() -> None:
    assert list(Sweep({"steps": 9}, [])) == [{"steps": 9}]


@pytest.mark.parametrize("sweeps", [["t"], ["=1"], ["t=1", "t=2"], ["steps=1"]])
def test_malformed_or_repeated_keys_are_refused(sweeps: list[str]) -> None:
    with pytest.raises(InvalidInput):
        Sweep({"steps": 9}, sweeps)


def test_a_product_beyond_a_million_jobs_is_refused_before_it_is_made() -> None:
    with pytest.raises(InvalidInput, match="1002000 jobs"):
        Sweep({}, ["a=1:1002:1002", "b=1:1000:1000"])


def test_parameters_keep_further_equals_signs() -> None:
    assert parameters_of(["formula=a=b", "n=3"]) == {"formula": "a=b", "n": 3}
    with pytest.raises(InvalidInput, match="twice"):
        parameters_of(["n=3", "n=4"])
