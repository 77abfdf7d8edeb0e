"""`native/search.pyx` once more, slowly: dictionaries, float64, every mean taken over the list of what was averaged.

Letters: A actions of the game, k counts the legal ones of a node.
"""
from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from native.game import Game, State
from native.search_settings import SearchSettings
from tests.native.splitmix import derive, uniform

Array = npt.NDArray[np.float64]
PRIVATE, ROOT_DEAL = 0x72616E64, 0x726F6F74


def evaluate(game: Game, observation: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float32], np.float32]:
    """Logits `[A]` and a value that depend on the observation alone, as a network's would."""
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(observation).tobytes()))
    return rng.normal(0, 1.5, game.num_actions).astype(np.float32), np.float32(rng.uniform(-0.9, 0.9))


def softmax(logits: Array) -> Array:
    weights = np.exp(logits - logits.max())
    found: Array = weights / weights.sum()
    return found


@dataclass
class Node:
    seat: int
    actions: list[int]
    prior: Array
    raw: float
    returns: list[list[float]] = field(default_factory=list)
    """To `seat`, per action, of the simulations that took it."""
    proof: dict[int, float] = field(default_factory=dict)
    settled: float | None = None

    def visits(self, k: int) -> int:
        return len(self.returns[k])

    def total(self) -> int:
        return 1 + sum(len(returns) for returns in self.returns)

    def q(self, k: int) -> float:
        return self.proof[k] if k in self.proof else float(np.mean(self.returns[k]))

    def value(self) -> float:
        if self.settled is not None:
            return self.settled
        return (self.raw + sum(sum(returns) for returns in self.returns)) / self.total()


class Definition:
    """One search of one state."""

    def __init__(self, state: State, seed: int, settings: SearchSettings) -> None:
        self.game, self.state, self.seed, self.settings = state.game, state.clone(), seed, settings
        self.sampled = self.game.stochastic or self.game.hidden
        self.solver = settings.solver and self.game.zero_sum and self.game.num_players == 2 and not self.sampled
        self.nodes: dict[object, Node] = {}
        root = state.clone()
        if self.sampled:
            root.redeterminize(root.to_act(), derive(seed, ROOT_DEAL))
        self.root = self.expand(root, self.key(root, []))
        self.logits = np.log(self.root.prior)
        if settings.root == "gumbel":
            self.gumbel = np.zeros(len(self.root.actions))
            rng = derive(seed, PRIVATE)
            for k in range(len(self.gumbel)):
                number, rng = uniform(rng)
                self.gumbel[k] = -math.log(-math.log(1 - number)) * settings.gumbel_scale
            self.schedule = self.halving()
        for i in range(settings.simulations):
            if self.root.settled is None:
                self.simulate(i)

    def advance(self, action: int) -> None:
        """Makes the state after `action` the root and spends what is left of the budget. PUCT, known games."""
        below = {key: node for key, node in self.nodes.items() if isinstance(key, tuple) and key[:1] == (action,)}
        self.nodes = {key[1:]: node for key, node in below.items() if isinstance(key, tuple)}
        self.state.apply(action)
        self.root = self.nodes[()] if () in self.nodes else self.expand(self.state, ())
        while self.root.total() - 1 < self.settings.simulations and self.root.settled is None:
            self.simulate(0)

    def interest(self, action: int) -> tuple[bool, int]:
        """What makes an action worth a look at what is kept below it: a proof, else visits."""
        child = self.nodes.get((action,))
        return (child.settled is not None, child.total()) if child else (False, 0)

    def key(self, state: State, played: list[int]) -> object:
        seat = state.to_act()
        return (seat, state.information_key(seat), state.legal().tobytes()) if self.sampled else tuple(played)

    def expand(self, state: State, key: object) -> Node:
        logits, value = evaluate(self.game, state.observe())
        actions = state.legal_actions()
        node = Node(state.to_act(), actions, softmax(logits[actions].astype(np.float64)), float(value))
        node.returns = [[] for _ in actions]
        self.nodes[key] = node
        return node

    def for_all(self, value: float, seat: int) -> Array:
        """Every seat's view of a value that `seat` sees."""
        others = max(1, self.game.num_players - 1)
        return np.array([value if p == seat else -value / others for p in range(self.game.num_players)])

    def simulate(self, i: int) -> None:
        node, state, played = self.root, self.state.clone(), list[int]()
        path: list[tuple[Node, int, Array]] = []
        k = self.schedule_pick(i) if self.settings.root == "gumbel" else self.puct(node, True)
        if self.sampled:
            state.redeterminize(node.seat, derive(self.seed, node.visits(k)))
        while True:
            if k in node.proof:
                path.append((node, k, np.zeros(self.game.num_players)))
                self.back_up(path, self.for_all(node.proof[k], node.seat), True)
                return
            state.apply(node.actions[k])
            played.append(node.actions[k])
            path.append((node, k, state.rewards().astype(np.float64)))
            if state.is_terminal:
                self.back_up(path, np.zeros(self.game.num_players), True)
                return
            key = self.key(state, played)
            if key not in self.nodes:
                node = self.expand(state, key)
                self.back_up(path, self.for_all(node.raw, node.seat), False)
                return
            node = self.nodes[key]
            k = self.puct(node, False)

    def back_up(self, path: list[tuple[Node, int, Array]], returns: Array, exact: bool) -> None:
        exact = exact and self.solver
        for node, k, reward in reversed(path):
            # The step that ends at a proof has its reward in the proof.
            returns = returns if k in node.proof else reward + self.settings.discount * returns
            node.returns[k].append(float(returns[node.seat]))
            if not exact:
                continue
            node.proof[k] = float(returns[node.seat])
            exact = node.proof[k] >= self.settings.win_value or len(node.proof) == len(node.actions)
            if exact:
                node.settled = max(node.proof.values())
                returns = self.for_all(node.settled, node.seat)

    def explore(self, node: Node) -> float:
        s = self.settings
        return (s.c_init + math.log((1 + node.total() + s.c_base) / s.c_base)) * math.sqrt(node.total())

    def forced(self, k: int) -> float:
        return math.sqrt(self.settings.forced_playouts * self.root.prior[k] * (self.root.total() - 1))

    def puct(self, node: Node, at_root: bool) -> int:
        if at_root and self.settings.forced_playouts:
            for k in range(len(node.actions)):
                if k not in node.proof and 0 < node.visits(k) < self.forced(k):
                    return k
        reduction = self.settings.root_fpu_reduction if at_root else self.settings.fpu_reduction
        mass = sum(node.prior[k] for k in range(len(node.actions)) if node.visits(k))
        scores = []
        for k in range(len(node.actions)):
            q = node.q(k) if node.visits(k) else node.value() - reduction * math.sqrt(mass)
            bonus = 0 if k in node.proof else self.explore(node) * node.prior[k] / (1 + node.visits(k))
            scores.append(q + bonus)
        return int(np.argmax(scores))

    def halving(self) -> list[int]:
        """For each simulation, the visits that the action to be taken must have had (Karnin et al. 2013)."""
        s, found, level = self.settings, list[int](), 0
        most = considered = min(s.max_considered, len(self.root.actions), s.simulations)
        phases = max(1, math.ceil(math.log2(most)))
        while len(found) < s.simulations:
            for _ in range(max(1, s.simulations // (phases * considered))):
                found += [level] * considered
                level += 1
            considered = max(min(2, most), considered // 2)
        return found[: s.simulations]

    def improved(self) -> Array:
        """logits + sigma(completed q)."""
        root, s = self.root, self.settings
        visited = [k for k in range(len(root.actions)) if root.visits(k)]
        mixed = root.raw
        if visited:
            mean = sum(root.prior[k] * root.q(k) for k in visited) / sum(root.prior[k] for k in visited)
            mixed = (root.raw + (root.total() - 1) * mean) / root.total()
        q = np.array([root.q(k) if root.visits(k) else mixed for k in range(len(root.actions))])
        most = max(root.visits(k) for k in range(len(root.actions)))
        scaled: Array = (q - q.min()) / max(q.max() - q.min(), 1e-8)
        return self.logits + (s.c_visit + most) * s.c_scale * scaled

    def schedule_pick(self, i: int) -> int:
        scores = self.gumbel + self.improved()
        return max((k for k in range(len(scores)) if self.root.visits(k) == self.schedule[i]), key=lambda k: scores[k])

    def weights(self) -> Array:
        """Visits, less forced ones, none for what is proven worse than another action."""
        root, n = self.root, np.array([len(returns) for returns in self.root.returns], np.float64)
        if root.settled is not None:
            return np.array([n[k] if root.proof.get(k) == root.settled else 0 for k in range(len(n))])
        n[[k for k, value in root.proof.items() if value <= -self.settings.win_value]] = 0
        most = int(n.argmax())
        for k in range(len(n)):
            if self.settings.forced_playouts and k != most and n[k]:
                target = root.q(most) + (
                    0 if most in root.proof else self.explore(root) * root.prior[most] / (1 + n[most])
                )
                kept = n[k]
                # One visit after another is given back while PUCT would still not ask for it.
                for fewer in range(int(n[k]) - 1, int(n[k]) - 1 - math.floor(self.forced(k)), -1):
                    if fewer < 0 or root.q(k) + self.explore(root) * root.prior[k] / (1 + fewer) > target:
                        break
                    kept = fewer
                n[k] = kept if kept > 1 else 0
        return n

    def policy(self) -> Array:
        root = self.root
        if self.settings.root == "gumbel" and root.settled is None:
            scores = self.improved()
            scores[[k for k, value in root.proof.items() if value <= -self.settings.win_value]] = -np.inf
            return softmax(scores)
        weights = self.weights()
        found: Array = weights / weights.sum()
        return found
