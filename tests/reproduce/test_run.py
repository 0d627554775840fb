from pathlib import Path

from catenane.reproduce.run import Run, Scale

SCALE = Scale(rows=1000, epochs=4, settings={"encoder.d_model": 128, "encoder.positions": "none"})


def run_in(folder: Path, scale: Scale = SCALE, n_seeds: int = 3) -> Run:
    return Run("mof/table1", scale, folder, n_seeds=n_seeds)


def test_the_command_says_all_that_was_asked_for_and_no_more(tmp_path: Path):
    assert run_in(tmp_path).command == (
        "catenane reproduce mof/table1 --rows 1000 --epochs 4"
        " --set encoder.d_model=128 --set encoder.positions=none"
    )
    assert run_in(tmp_path, Scale()).command == "catenane reproduce mof/table1"


def test_without_a_scale_it_is_the_papers_protocol(tmp_path: Path):
    recipe = run_in(tmp_path, Scale()).recipe("cao-small")
    assert (recipe.pretraining.epochs, recipe.finetuning.epochs) == (50, 100)
    assert recipe.finetuning.learning_rate == 1e-4
    assert recipe.masking.policy == "cao"
    assert Scale().describe(seeds=3) == "all rows we have, the recipe's epochs, 3\N{NO-BREAK SPACE}seeds"


def test_a_scale_reaches_the_recipe_and_its_own_words(tmp_path: Path):
    recipe = run_in(tmp_path).recipe("cao-small")
    assert (recipe.pretraining.epochs, recipe.finetuning.epochs, recipe.encoder.d_model) == (4, 4, 128)
    told = SCALE.describe(seeds=3)
    assert told.startswith("1,000 rows drawn at random")
    assert "encoder.d_model = 128" in told


def test_seeds_are_counted_from_zero(tmp_path: Path):
    assert list(run_in(tmp_path).seeds) == [0, 1, 2]
    assert list(run_in(tmp_path, Scale(seeds=2)).seeds) == [0, 1]
    assert list(run_in(tmp_path, Scale(seeds=2), n_seeds=0).seeds) == []


def test_a_stage_is_computed_once_for_a_scale(tmp_path: Path):
    calls = []

    def compute() -> dict[str, int]:
        calls.append(1)
        return {"answer": 42}

    assert run_in(tmp_path).stage("one", compute) == {"answer": 42}
    again = run_in(tmp_path)
    assert again.stage("one", compute) == {"answer": 42}
    assert len(calls) == 1
    assert again.seconds >= 0
    run_in(tmp_path, Scale(rows=1000, epochs=4, seeds=7, settings=SCALE.settings)).stage("one", compute)
    assert len(calls) == 1  # more seeds are more stages, not other ones
    run_in(tmp_path, Scale(rows=999)).stage("one", compute)
    assert len(calls) == 2


def test_half_a_stage_is_none(tmp_path: Path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "one.json").write_text('{"fingerprint": ')
    assert run_in(tmp_path).stage("one", lambda: {"answer": 1}) == {"answer": 1}


def test_by_seed_hands_on_the_seed(tmp_path: Path):
    found = run_in(tmp_path).by_seed("a", lambda seed: {"seed": seed})
    assert [stage["seed"] for stage in found] == [0, 1, 2]
