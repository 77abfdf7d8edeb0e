"""Tree search for N games at once over the game table: PUCT or Gumbel, two phases for a network, or all of it in C.

`begin(states, seeds)`; then, until it comes back empty, `select()` one leaf of every game that has simulations left,
and `expand(logits, values)` them. Or `run_uniform()`, `run_rollouts()`. Then read `policy()`, `root_values`,
`actions()`. Trees share nothing: a game's result depends on its state, its seed and the evaluations alone, whatever
the other games are. Letters: n games in use, k leaves, A actions, P seats.

Hidden information and chance: see `native/search_descent.pxd`. Such a search plays as if the others' cards were dealt
uniformly, whatever they have done, and converges to no equilibrium: in Kuhn poker it grows more exploitable with more
simulations. Where a draw has many outcomes, most of them are met once and the tree stays shallow. Proofs and tree reuse
are for games of known, fixed course; proofs also need two seats whose rewards add up to 0.
"""
import numpy as np

from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from numpy cimport ndarray

from native.arrays cimport address, check_array, described
from native.evaluation_cache cimport Cache, EvaluationCache
from native.game cimport HIDDEN, SIMULTANEOUS_MOVES, STOCHASTIC, TERMINAL, ZERO_SUM, Game
from native.search_descent cimport ROLLOUT, UNIFORM, Evaluator, advance, run, start
from native.search_leaves cimport Leaves, answer, collect, first_not_finite, first_unusable
from native.search_memory cimport allocate, read_settings, release, slab
from native.search_root cimport best, draw, surprise, target
from native.search_tree cimport NONE, Edge, Forest, Tree

_FLOAT32, _INT32, _UINT8, _UINT64 = (np.dtype(kind) for kind in (np.float32, np.int32, np.uint8, np.uint64))


cdef class Search:
    """Trees for up to `num_games` games of one kind; memory is for `simulations` per game and used again.

    Args:
        game: one action at a time; if anything is drawn or hidden in it, it has an `information_key`.
        num_games: N, at least 1.
        settings: see `native/search_settings.py`.
        cache: of the network that will evaluate; may serve other searches too. Trees are the same with and without.

    Raises ValueError for a game that cannot be searched.
    """
    cdef Forest forest
    cdef readonly Game game
    cdef readonly int num_games, num_active
    cdef readonly object settings
    cdef readonly EvaluationCache cache
    cdef Cache *known           # of `cache`, or NULL
    cdef Leaves leaves
    cdef object observations, legal, leaf_rows

    def __cinit__(self, Game game not None, int num_games, settings, EvaluationCache cache=None):
        cdef Forest *f = &self.forest
        cdef Leaves *leaves = &self.leaves
        flags = game.table.flags
        if game.table.num_heads != 1 or flags & SIMULTANEOUS_MOVES:
            raise ValueError(f"a search needs a game of one action at a time, {game.name} has more")
        f.sampled = flags & (STOCHASTIC | HIDDEN) != 0
        if f.sampled and game.table.information_key == NULL:
            raise ValueError(f"{game.name} has chance or secrets: to be searched, it needs an information_key")
        if num_games < 1:
            raise ValueError(f"num_games must be at least 1, got {num_games}")
        if cache is not None and (cache.game.name, cache.game.options) != (game.name, game.options):
            raise ValueError(f"the cache is for {cache.game!r}, the search for {game!r}")
        self.game, self.num_games, self.settings, self.cache = game, num_games, settings, cache
        self.known = NULL if cache is None else &cache.cache
        f.table = game.table
        f.zero_sum = flags & ZERO_SUM != 0
        read_settings(f, settings)
        allocate(f, num_games, max(settings.simulations, settings.fast_simulations) + 1)
        shape, slots = (num_games, *game.observation_shape), 1 << (2 * num_games).bit_length()
        self.observations = np.zeros(shape, game.observation_dtype)
        self.legal = np.zeros((num_games, f.table.num_actions), np.uint8)
        self.leaf_rows = np.zeros(num_games, np.int32)
        leaves.observation_bytes, leaves.observations = game.observation_bytes, <uint8_t *>address(self.observations)
        leaves.legal, leaves.first = <uint8_t *>address(self.legal), <int32_t *>address(self.leaf_rows)
        leaves.slots, leaves.slot_mask = <int32_t *>slab(f, slots * sizeof(int32_t)), slots - 1

    def __dealloc__(self):
        release(&self.forest)

    def begin(self, states, seeds):
        """Starts one search per row; a tree that `advance` led to the very same state is kept.

        states: uint8 `[n, state_bytes]`, n up to `num_games`, such as `VectorGame.states`. seeds: uint64 `[n]`.
        Raises ValueError, with nothing changed, for a wrong array or a finished state.
        """
        cdef Forest *f = &self.forest
        cdef int64_t i, n = len(states) if isinstance(states, ndarray) and states.ndim else 0
        if not 1 <= n <= self.num_games:
            raise ValueError(f"states must have 1 to {self.num_games} rows, got {described(states)}")
        check_array("states", states, _UINT8, (n, f.table.state_bytes), False)
        check_array("seeds", seeds, _UINT64, (n,), False)
        cdef const uint8_t *state = <const uint8_t *>address(states)
        cdef const uint64_t *seed = <const uint64_t *>address(seeds)
        for i in range(n):
            if f.table.to_act(state + i * f.table.state_bytes) == TERMINAL:
                raise ValueError(f"{self.game.name}, row {i}: a finished state cannot be searched")
        for i in range(n, f.num_trees):
            f.trees[i].advanced = 0
        f.num_trees = self.num_active = <int32_t>n
        self.leaves.count = 0
        for i in range(n):
            start(f, f.trees + i, state + i * f.table.state_bytes, seed[i])

    def select(self):
        """`(observations [k, *shape], legal [k, A])` of one leaf per game with simulations left; k is 0 at the end.

        Views that the next call overwrites; each leaf is seen by the seat that decides in it. The first call after
        `begin` gives the roots. With a cache, games go on past leaves that it knows, and those that come to the same
        position share a row. Raises ValueError while leaves wait for `expand`.
        """
        cdef int failed
        self._check_no_leaf_waits()
        with nogil:
            failed = collect(&self.forest, self.known, &self.leaves)
        if failed:
            raise MemoryError
        return self.observations[:self.leaves.count], self.legal[:self.leaves.count]

    @property
    def rows(self):
        """Which game each leaf of the latest `select` belongs to, the first of those that share it. Ascending.

        Shape `[k]`, int32.
        """
        return self.leaf_rows[:self.leaves.count]

    def expand(self, logits, values):
        """Takes the evaluations of the leaves that `select` gave, in its order, and backs them up.

        logits: float32 `[k, A]`; illegal entries are read for `surprise` alone. values: float32 `[k]`, the return that
        the seat which decides can expect, or `[k, P]` for every seat; a game of several seats that is not zero-sum
        needs the latter.
        Raises ValueError, with nothing changed, for a wrong array, a NaN, or +infinity; also if no leaf waits.
        """
        cdef Forest *f = &self.forest
        cdef int32_t n = self.leaves.count, A = f.table.num_actions, P = f.table.num_players
        cdef bint single = not isinstance(values, ndarray) or values.ndim == 1
        if n == 0:
            raise ValueError("no leaf waits for expand: call select first")
        if single and P > 1 and not f.zero_sum:
            raise ValueError(f"{self.game.name} is not zero-sum: values must be float32 [{n}, {P}], one per seat")
        check_array("logits", logits, _FLOAT32, (n, A), False)
        shape = (n, P)
        if single:
            shape = (n,)
        check_array("values", values, _FLOAT32, shape, False)
        cdef const float *logit = <const float *>address(logits)
        cdef const float *value = <const float *>address(values)
        cdef int64_t wrong = first_not_finite(value, values.size)
        if wrong != NONE:
            raise ValueError(f"values must be finite, got {value[wrong]}")
        wrong = first_unusable(&self.leaves, logit, A)
        if wrong != NONE:
            raise ValueError(f"leaf {wrong}: legal logits must be below infinity and not NaN, one of them finite")
        with nogil:
            answer(f, self.known, &self.leaves, logit, value, single)

    def run_uniform(self):
        """Spends every budget with uniform priors and the value 0: the tree alone."""
        self._run(UNIFORM)

    def run_rollouts(self):
        """Spends every budget with uniform priors and the returns of one game of random play from each leaf."""
        self._run(ROLLOUT)

    cdef int _run(self, Evaluator evaluator) except -1:
        cdef int failed
        self._check_no_leaf_waits()
        with nogil:
            failed = run(&self.forest, evaluator)
        if failed:
            raise MemoryError
        return 0

    cdef int _check_no_leaf_waits(self) except -1:
        if self.leaves.count:
            raise ValueError(f"{self.leaves.count} leaves of the latest select wait for expand")
        return 0

    cdef int _check(self) except -1:
        """Every root has been evaluated."""
        cdef int32_t i
        for i in range(self.forest.num_trees):
            if self.forest.trees[i].num_nodes == 0:
                raise ValueError(f"row {i} has no tree: begin a search and run it first")
        return 0

    def _spread(self, str what):
        """`[n, A]`, something of every edge of the roots; 0 elsewhere."""
        cdef Forest *f = &self.forest
        cdef const Tree *t
        cdef const Edge *edge
        cdef int32_t i, k
        self._check()
        out = np.zeros((f.num_trees, f.table.num_actions), np.int32 if what == "visits" else np.float32)
        cdef int64_t at
        cdef int32_t *count = <int32_t *>address(out)
        cdef float *number = <float *>address(out)
        for i in range(f.num_trees):
            t = f.trees + i
            if what == "policy":
                target(f, t)
            for k in range(t.nodes.count):
                edge = t.edges + t.nodes.first + k
                at = <int64_t>i * f.table.num_actions + edge.action
                if what == "visits":
                    count[at] = edge.visits
                else:
                    number[at] = f.score[k] if what == "policy" else edge.q if what == "q" else edge.prior
        return out

    def policy(self):
        """What the search teaches: visits without forced ones; of a Gumbel root softmax(logits + sigma(completed q)).

        Shape `[n, A]`, float32, rows add up to 1; 0 for actions that are proven worse than another.
        """
        return self._spread("policy")

    def targets(self):
        """`policy`, sparse: actions int32 `[n, K]`, probabilities float32 `[n, K]`; K: the most that a root has legal.

        The legal actions of a row come in ascending order; unused places hold action 0 with probability 0.
        """
        cdef Forest *f = &self.forest
        cdef const Tree *t
        cdef int32_t i, k, most = 1
        self._check()
        for i in range(f.num_trees):
            most = max(most, f.trees[i].nodes.count)
        actions, probabilities = np.zeros((f.num_trees, most), np.int32), np.zeros((f.num_trees, most), np.float32)
        cdef int32_t *action = <int32_t *>address(actions)
        cdef float *probability = <float *>address(probabilities)
        for i in range(f.num_trees):
            t = f.trees + i
            target(f, t)
            for k in range(t.nodes.count):
                action[<int64_t>i * most + k] = t.edges[t.nodes.first + k].action
                probability[<int64_t>i * most + k] = f.score[k]
        return actions, probabilities

    def surprise(self):
        """How far the search moved the policy: KL(`policy` || evaluator), in nats. Shape `[n]`, float32, 0 or above.

        The evaluator's policy is the softmax of its logits for the root over all actions, legal or not, before
        temperature and noise; a logit of an illegal action that is NaN counts as -infinity. Both policies are kept
        within 1e-8 and 1. NaN, which is not known, in a game of more than 64 actions if `advance` kept the tree.
        """
        cdef int32_t i
        self._check()
        out = np.zeros(self.forest.num_trees, np.float32)
        cdef float *divergence = <float *>address(out)
        for i in range(self.forest.num_trees):
            divergence[i] = surprise(&self.forest, self.forest.trees + i)
        return out

    def actions(self, temperature=0.0):
        """int32 `[n]`: drawn from visits ** (1 / temperature), from each game's own seed; 0: the best.

        temperature: one for all rows, or float32 `[n]`, 0 or above.
        The best is the most visited; of equals that with the highest mean return, at a Gumbel root that with the
        highest gumbel + logit + sigma(q). A proven best action is always it.
        """
        cdef Forest *f = &self.forest
        cdef int32_t i
        self._check()
        if isinstance(temperature, ndarray):
            check_array("temperature", temperature, _FLOAT32, (f.num_trees,), False)
        else:
            temperature = np.full(f.num_trees, temperature, np.float32)
        cdef const float *warmth = <const float *>address(temperature)
        for i in range(f.num_trees):
            if not 0 <= warmth[i] < INFINITY:
                raise ValueError(f"row {i}: temperature must be 0 or above, got {warmth[i]}")
        out = np.zeros(f.num_trees, np.int32)
        cdef int32_t *action = <int32_t *>address(out)
        for i in range(f.num_trees):
            action[i] = f.trees[i].edges[
                draw(f, f.trees + i, warmth[i]) if warmth[i] else best(f, f.trees + i)
            ].action
        return out

    def advance(self, actions):
        """Plays int32 `[n]` `actions` at the roots; `begin` from the states they lead to then goes on with the trees.

        Trees are kept where that is sound: nothing drawn, nothing hidden, a PUCT root. Kept visits count towards
        `simulations` and were made without the new root's noise: for self-play with noise prefer fresh trees.
        Raises ValueError, with nothing changed, naming row and action if one is illegal.
        """
        cdef Forest *f = &self.forest
        cdef int32_t i
        check_array("actions", actions, _INT32, (f.num_trees,), False)
        self._check_no_leaf_waits()
        cdef const int32_t *action = <const int32_t *>address(actions)
        for i in range(f.num_trees):
            f.table.legal(f.trees[i].root, max(0, f.table.to_act(f.trees[i].root)), f.mask)
            if not 0 <= action[i] < f.table.num_actions or not f.mask[action[i]]:
                raise ValueError(f"{self.game.name}, row {i}: action {action[i]} is illegal at the root")
        for i in range(f.num_trees):
            advance(f, f.trees + i, action + i)

    @property
    def visits(self):
        """Simulations per action of the root. Shape `[n, A]`, int32."""
        return self._spread("visits")

    @property
    def q(self):
        """Mean return of each action of the root to its seat; 0 where unvisited. Shape `[n, A]`, float32."""
        return self._spread("q")

    @property
    def priors(self):
        """Of the root, temperature and noise included. Shape `[n, A]`, float32."""
        return self._spread("priors")

    @property
    def root_values(self):
        """Mean return to the seat that decides at the root, exact where proven. Shape `[n]`, float32."""
        self._check()
        return np.array([self.forest.trees[i].nodes.value for i in range(self.forest.num_trees)], np.float32)

    @property
    def raw_values(self):
        """What the evaluator said of the root, to the seat that decides there. Shape `[n]`, float32."""
        self._check()
        return np.array([self.forest.trees[i].nodes.raw_value for i in range(self.forest.num_trees)], np.float32)

    @property
    def proven(self):
        """Whether the root's value is proven; its search then ended early. Shape `[n]`, bool."""
        self._check()
        return np.array([self.forest.trees[i].nodes.proven for i in range(self.forest.num_trees)], np.bool_)

    @property
    def full(self):
        """Whether the search is a full one: see `fast_simulations`. Shape `[n]`, bool."""
        return np.array([self.forest.trees[i].full for i in range(self.forest.num_trees)], np.bool_)

    @property
    def kept(self):
        """Visits that the root had when its search began. Shape `[n]`, int32."""
        return np.array([self.forest.trees[i].kept for i in range(self.forest.num_trees)], np.int32)

    @property
    def num_nodes(self):
        """Size of each tree. Shape `[n]`, int32."""
        return np.array([self.forest.trees[i].num_nodes for i in range(self.forest.num_trees)], np.int32)
