"""Configs: every fault is one sentence that names it; what is written reads back equal."""
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from league.config import ConfigError, dump_config, load_config, parse_config
from learners.objective_config import Objective, Ppo, Term, Upgo, Value
from learners.schedule import Schedule
from tests.league.conftest import tiny

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_of_the_tree_loads(path: Path) -> None:
    assert load_config(path).game


def test_razzle_has_the_settings_of_its_plan() -> None:
    """The tables of the training plan, value for value."""
    config = load_config(CONFIGS[0].parent / "razzle.yaml")
    network, terms, play = config.learning.network, config.learning.search_objective, config.self_play
    assert (network.kind, network.channels, network.blocks) == ("residual", 128, 10)
    assert network.difficulty
    assert network.small_heads
    assert (play.simulations, play.games) == (800, 32)
    assert (play.temperature, play.temperature_moves, play.temperature_late) == (1.0, 15, 0.3)
    assert (play.dirichlet_alpha, play.dirichlet_fraction) == (0.3, 0.25)
    assert (config.learning.minibatch_rows, config.learning.optimiser.learning_rate) == (512, 0.001)
    assert (config.replay.samples_per_insert, play.chunk_games) == (10, 50)
    weighted = (terms.distillation, terms.value, terms.value_quartic, terms.difficulty, terms.illegal)
    assert [term.weight for term in weighted if term is not None] == [1.0, 1.0, 0.0, 0.5, 1.0]
    assert 4 <= play.actors <= 8


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(dump_config(tiny()))
    return path


def test_written_and_read_back_it_is_equal(written: Path) -> None:
    assert load_config(written) == tiny()


def test_overrides_reach_into_sections(written: Path) -> None:
    config = load_config(written, ["rollout.games=16", "learning.optimiser.learning_rate=1e-3", "league.bots={}"])
    assert (config.rollout.games, config.learning.optimiser.learning_rate, config.league.bots) == (16, 1e-3, {})


def test_changes_reach_into_terms_in_short_form(written: Path) -> None:
    tree = yaml.safe_load(written.read_text())
    tree["learning"]["objective"] = {"upgo": 0.1, "value": {"linear": [1.0, 0.5]}, "value_quartic": None,
                                     "ppo": {"weight": 0.3, "clip": 0.1}}
    tree["learning"]["optimiser"] = {"learning_rate": {"linear": [1.0, 0.5]}}
    late = {"learning": {"objective": {"value": {"lam": 0.5}, "entropy": 0.3, "upgo": {"linear": [0.2, 0.1]}}}}
    written.write_text(yaml.safe_dump(tree | {"profiles": {"late": late, "none": 3}}))
    path = "learning.objective"
    learning = load_config(written, [
        f"{path}.upgo.per_head=true", f"{path}.upgo.cosine=[0.4, 0.3]", f"{path}.entropy=0.3",
        f"{path}.entropy.weight=0.2", f"{path}.value_quartic.weight=0.7", f"{path}.ppo=0.4",
        "learning.optimiser.learning_rate.cosine=[0.1, 0.0]"], profile="late").learning
    assert learning.objective == Objective(
        upgo=Upgo(weight=Schedule(cosine=(0.4, 0.3)), per_head=True), ppo=Ppo(weight=0.4, clip=0.1),
        value=Value(weight=Schedule(linear=(1.0, 0.5)), lam=0.5), entropy=Term(weight=0.2),
        value_quartic=Term(weight=0.7))
    assert learning.optimiser.learning_rate == Schedule(cosine=(0.1, 0.0))
    with pytest.raises(ConfigError, match="profile 'none' is 3, expected keys and values"):
        load_config(written, profile="none")


def test_a_preset_that_is_chosen_later_wins(written: Path) -> None:
    tree = yaml.safe_load(written.read_text())
    tree["learning"]["network"] = {"hidden": [7, 7]}
    tower = {"learning": {"network": {"kind": "residual", "preset": "small", "blocks": 2}}}
    written.write_text(yaml.safe_dump(tree | {"profiles": {"tower": tower}}))
    assert load_config(written, ["learning.network.preset=small"]).learning.network.hidden == (64, 64)
    network = load_config(written, profile="tower").learning.network
    assert (network.channels, network.blocks) == (64, 2)
    network = load_config(written, ["learning.network.preset=medium", "learning.network.channels=5"], "tower") \
        .learning.network
    assert (network.channels, network.blocks) == (5, 10)


def test_profiles_come_from_the_file_or_beside_it(written: Path) -> None:
    written.write_text(written.read_text() + "\nprofiles:\n  big: {rollout: {games: 64}}\n")
    (written.parent / "profiles").mkdir()
    (written.parent / "profiles" / "small.yaml").write_text("rollout: {games: 2}\n")
    assert load_config(written, profile="big").rollout.games == 64
    assert load_config(written, profile="small").rollout.games == 2
    assert load_config(written, ["rollout.games=3"], profile="big").rollout.games == 3
    with pytest.raises(ConfigError, match="has no profile 'huge'; it has big, small"):
        load_config(written, profile="huge")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("leage.self_play=1", "unknown key 'leage'; did you mean 'league'?"),
        ("league.selfplay=1", "unknown key 'league.selfplay'; did you mean 'self_play'?"),
        ("rollout.games=0", "'rollout.games' is 0: input should be greater than or equal to 1"),
        ("rollout.games=many", "'rollout.games' is 'many': input should be a valid integer"),
        ("learning.network.kind=cnn", "'learning.network.kind' is 'cnn': input should be 'mlp', 'residual' or 'trans"),
        ("game=conect_four", "unknown game 'conect_four'"),
        ("game_options={size: 4}", "size"),
        ("league.bots={two_ply: 1}", "tic_tac_toe has no bot 'two_ply'; it has one_ply"),
        ("evaluation.opponents=[nobody]", "tic_tac_toe has no bot 'nobody'"),
        ("league={self_play: 0, bots: {}}", "there is nobody to play before the first snapshot"),
        ("budget={}", "give at least one of updates, env_steps and minutes"),
        ("replay.capacity=3", "replay.capacity is 3, expected at least twice batch_chunks"),
        ("backend=ray", "deterministic needs backend: local"),
        ("budget.minutes=1", "the clock is not deterministic"),
        ("publish_every=2", "deterministic needs publish_every: 1, got 2"),
        ("self_play.engine=onnxruntime", "deterministic needs self_play.engine: torch, got onnxruntime"),
        ("learning.ema_decay=0.9", "learning.ema_decay needs method alphazero, distill or imitate"),
        ("learning.network.value=wdl", "learning.network.value wdl needs a method whose targets are outcomes"),
        ("learning={reference: a, search_objective: {kl_reference: 1}}", "search_objective.kl_reference has no effect "
         "with method actor_critic, which learns from learning.objective"),
        ("evaluation.opponents=one_ply", "'evaluation.opponents' is 'one_ply': expected a list in brackets"),
        ("learning=3", "'learning' is 3: expected keys and values"),
        ("learning.objective.upgo=abc", "'learning.objective.upgo' is 'abc': expected keys and values, a number or a"),
        ("learning.network.hidden=[0]", "'learning.network.hidden.0' is 0: input should be greater than or equal to 1"),
        ("method=imitate", "method imitate needs imitation.dataset or imitation.bot"),
        ("imitation={dataset: nowhere, bot: one_ply}", "dataset nowhere and bot one_ply exclude each other"),
        ("imitation={opponents: [one_ply]}", "opponents one_ply need a bot that is recorded against them"),
        ("method=compare", "method compare needs comparison.variants"),
        ("evaluation.positions=nowhere.csv", "evaluation.positions is nowhere.csv, which is no file"),
        ("learning.device=cuda", "deterministic needs learning.device: cpu, got cuda"),
        ("game=prospector", "prospector has one seat and nobody to play against"),
        ("{deterministic: false}=1", "unknown key '{deterministic: false}'"),
        ("rollout.chunk_unrolls=500000", "replay.max_bytes is"),
        ("rollout", "is not of the form key.path=value"),
        ("seed.x=1", "'seed' is a value, not a section"),
    ],
)
def test_a_fault_is_one_sentence_that_names_it(written: Path, override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written, [override])
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_search_is_refused_where_there_is_nothing_to_search(written: Path) -> None:
    tree = yaml.safe_load(written.read_text()) | {
        "method": "alphazero", "league": {}, "evaluation": {"opponents": []}
    }
    with pytest.raises(ConfigError, match="arena moves all seats at once; method alphazero takes games in which one"):
        parse_config(tree | {"game": "arena"}, "run.yaml")
    with pytest.raises(ConfigError, match="no states that can be copied"):
        parse_config(tree | {"game": "gymnasium", "game_options": {"id": "CartPole-v1"}}, "run.yaml")


def test_a_network_that_does_not_suit_the_game_is_named(written: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs observations \[C, H, W\], kuhn_poker has"):
        load_config(written, [
            "game=kuhn_poker", "learning.network.kind=residual", "league.bots={}", "evaluation.opponents=[random]"
        ])


def test_a_limiter_that_would_block_is_named(written: Path) -> None:
    changes = ["deterministic=false", "replay={table: uniform, error_buffer: 0.5}"]
    with pytest.raises(ConfigError, match="would block both sides"):
        load_config(written, changes)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*missing\.yaml: No such file"):
        load_config(tmp_path / "missing.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("game: [")
    with pytest.raises(ConfigError, match=r"broken\.yaml is not YAML"):
        load_config(broken)
    broken.write_text("- a list")
    with pytest.raises(ConfigError, match=r"broken\.yaml holds list, expected keys and values"):
        load_config(broken)
