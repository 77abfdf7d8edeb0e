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
import math

import numpy as np

from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from numpy cimport ndarray

from native.arrays cimport address, check_array, described
from native.game cimport HIDDEN, SIMULTANEOUS_MOVES, STOCHASTIC, TERMINAL, ZERO_SUM, Game
from native.masks cimport MASK_PADDING
from native.search_descent cimport ROLLOUT, UNIFORM, Evaluator, advance, grow, run, seek, start
from native.search_root cimport best, draw, target
from native.search_tree cimport Edge, Forest, Node, Step, Tree
from native.search_values cimport turn

_FLOAT32, _INT32, _UINT8, _UINT64 = (np.dtype(kind) for kind in (np.float32, np.int32, np.uint8, np.uint64))

cdef enum:
    FIRST_EDGES = 32        # per node, before an arena grows: more than most games need


cdef inline bint usable(const uint8_t *mask, const float *logits, int32_t size) noexcept nogil:
    """Whether the logits of legal actions are below infinity, and one of them is finite."""
    cdef int32_t action
    cdef bint finite = False
    for action in range(size):
        if mask[action]:
            if not logits[action] < INFINITY:
                return False
            finite |= logits[action] > -INFINITY
    return finite


cdef class Search:
    """Trees for up to `num_games` games of one kind; memory is for `simulations` per game and used again.

    Args:
        game: one action at a time; if anything is drawn or hidden in it, it has an `information_key`.
        num_games: N, at least 1.
        settings: see `native/search_settings.py`.

    Raises ValueError for a game that cannot be searched.
    """
    cdef Forest forest
    cdef readonly Game game
    cdef readonly int num_games, num_active
    cdef readonly object settings
    cdef int num_leaves
    cdef object observations, legal, leaf_rows, places
    cdef list memory

    def __cinit__(self, Game game not None, int num_games, settings):
        cdef Forest *f = &self.forest
        cdef int32_t k
        flags = game.table.flags
        if game.table.num_heads != 1 or flags & SIMULTANEOUS_MOVES:
            raise ValueError(f"a search needs a game of one action at a time, {game.name} has more")
        f.sampled = flags & (STOCHASTIC | HIDDEN) != 0
        if f.sampled and game.table.information_key == NULL:
            raise ValueError(f"{game.name} has chance or secrets: to be searched, it needs an information_key")
        if num_games < 1:
            raise ValueError(f"num_games must be at least 1, got {num_games}")
        self.game, self.num_games, self.settings = game, num_games, settings
        f.table = game.table
        f.zero_sum = flags & ZERO_SUM != 0
        f.settings.gumbel_root = settings.root == "gumbel"
        f.settings.simulations, f.settings.fast_simulations = settings.simulations, settings.fast_simulations
        f.settings.full_fraction, f.settings.max_considered = settings.full_fraction, settings.max_considered
        f.settings.c_visit, f.settings.c_scale = settings.c_visit, settings.c_scale
        f.settings.gumbel_scale, f.settings.forced_playouts = settings.gumbel_scale, settings.forced_playouts
        f.settings.fpu_reduction, f.settings.root_fpu_reduction = settings.fpu_reduction, settings.root_fpu_reduction
        f.settings.root_temperature, f.settings.dirichlet_alpha = settings.root_temperature, settings.dirichlet_alpha
        f.settings.dirichlet_fraction = settings.dirichlet_fraction
        f.settings.win_value, f.settings.discount = settings.win_value, settings.discount
        f.settings.solver = settings.solver and f.zero_sum and f.table.num_players == 2 and not f.sampled
        self._allocate(max(settings.simulations, settings.fast_simulations) + 1)
        for k in range(f.last_explore + 1):
            c = settings.c_init + math.log((1 + k + settings.c_base) / settings.c_base)
            f.explore[k] = c * math.sqrt(k)

    cdef void *_slab(self, int64_t size) except NULL:
        """Zeros that live as long as the search."""
        slab = np.zeros(size, np.uint8)
        self.memory.append(slab)
        return address(slab)

    cdef int _allocate(self, int64_t nodes) except -1:
        """`nodes` per tree: the root and one for each simulation."""
        cdef Forest *f = &self.forest
        cdef int64_t N = self.num_games, A = f.table.num_actions, P = f.table.num_players, i
        cdef int64_t steps = f.table.max_length if f.sampled else min(f.table.max_length, nodes)
        cdef int64_t edges = (nodes + 1) * min(A, <int64_t>FIRST_EDGES)
        self.memory = []
        f.last_explore = <int32_t>nodes
        f.slot_mask = (1 << (2 * nodes).bit_length()) - 1
        f.explore = <float *>self._slab((nodes + 1) * sizeof(float))
        f.state = <uint8_t *>self._slab(f.table.state_bytes)
        f.mask = <uint8_t *>self._slab(A + MASK_PADDING)
        f.rollout_mask = <uint8_t *>self._slab(A + MASK_PADDING)
        f.returns = <float *>self._slab(P * sizeof(float))
        f.score = <float *>self._slab(max(A, P) * sizeof(float))
        # Not a slab: `__dealloc__` reads it, after the garbage collector may have cleared `memory`.
        f.trees = <Tree *>calloc(N, sizeof(Tree))
        if f.trees == NULL:
            raise MemoryError
        cdef int64_t room = (f.table.state_bytes + 7) // 8 * 8
        cdef uint8_t *roots = <uint8_t *>self._slab(N * room)
        cdef Node *first_node = <Node *>self._slab(N * nodes * sizeof(Node))
        cdef Step *path = <Step *>self._slab(N * steps * sizeof(Step))
        cdef float *numbers = <float *>self._slab(N * (steps * P + 2 * A) * sizeof(float))
        cdef int32_t *slots = NULL
        if f.sampled:
            slots = <int32_t *>self._slab(N * (<int64_t>f.slot_mask + 1) * sizeof(int32_t))
        for i in range(N):
            f.trees[i].root, f.trees[i].nodes = roots + i * room, first_node + i * nodes
            f.trees[i].path = path + i * steps
            f.trees[i].rewards = numbers + i * (steps * P + 2 * A)
            f.trees[i].logits = f.trees[i].rewards + steps * P
            f.trees[i].gumbel = f.trees[i].logits + A
            if f.sampled:
                f.trees[i].slots = slots + i * (<int64_t>f.slot_mask + 1)
            f.trees[i].edges = <Edge *>calloc(edges, sizeof(Edge))
            f.trees[i].edge_capacity = <int32_t>edges
            if f.trees[i].edges == NULL:
                raise MemoryError
        self.observations = np.zeros((N, *self.game.observation_shape), self.game.observation_dtype)
        self.legal = np.zeros((N, A), np.uint8)
        self.leaf_rows, self.places = np.zeros(N, np.int32), np.zeros(nodes, np.int32)
        return 0

    def __dealloc__(self):
        cdef int64_t i
        if self.forest.trees != NULL:
            for i in range(self.num_games):
                free(self.forest.trees[i].edges)
            free(self.forest.trees)

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
        self.num_leaves = 0
        for i in range(n):
            start(f, f.trees + i, state + i * f.table.state_bytes, seed[i])

    def select(self):
        """`(observations [k, *shape], legal [k, A])` of one leaf per game with simulations left; k is 0 at the end.

        Views that the next call overwrites; each leaf is seen by the seat that decides in it. The first call after
        `begin` gives the roots. Raises ValueError while leaves wait for `expand`.
        """
        cdef Forest *f = &self.forest
        cdef Tree *t
        cdef int64_t i
        cdef int32_t k = 0, A = f.table.num_actions
        cdef int found = 0
        cdef int64_t bytes_of_view = self.game.observation_bytes
        cdef uint8_t *view = <uint8_t *>address(self.observations)
        cdef uint8_t *mask = <uint8_t *>address(self.legal)
        cdef int32_t *row = <int32_t *>address(self.leaf_rows)
        if self.num_leaves:
            raise ValueError(f"{self.num_leaves} leaves of the latest select wait for expand")
        with nogil:
            for i in range(f.num_trees):
                t = f.trees + i
                found = seek(f, t)
                if found < 0:
                    break
                if found:
                    f.table.observe(f.state, t.leaf_seat, view + k * bytes_of_view)
                    f.table.legal(f.state, t.leaf_seat, mask + <int64_t>k * A)
                    row[k] = <int32_t>i
                    k += 1
        if found < 0:
            raise MemoryError
        self.num_leaves = k
        return self.observations[:k], self.legal[:k]

    @property
    def rows(self):
        """Which game each leaf of the latest `select` belongs to. Shape `[k]`, int32, ascending."""
        return self.leaf_rows[:self.num_leaves]

    def expand(self, logits, values):
        """Takes the evaluations of the leaves that `select` gave, in its order, and backs them up.

        logits: float32 `[k, A]`; only legal entries are read. values: float32 `[k]`, the return that the seat which
        decides can expect, or `[k, P]` for every seat; a game of several seats that is not zero-sum needs the latter.
        Raises ValueError, with nothing changed, for a wrong array, a NaN, or +infinity; also if no leaf waits.
        """
        cdef Forest *f = &self.forest
        cdef Tree *t
        cdef int32_t k, p, n = self.num_leaves, A = f.table.num_actions, P = f.table.num_players
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
        cdef const uint8_t *mask = <const uint8_t *>address(self.legal)
        cdef const int32_t *row = <const int32_t *>address(self.leaf_rows)
        if not np.isfinite(values).all():
            raise ValueError(f"values must be finite, got {values[~np.isfinite(values)][0]}")
        for k in range(n):
            if not usable(mask + <int64_t>k * A, logit + <int64_t>k * A, A):
                raise ValueError(f"leaf {k}: legal logits must be below infinity and not NaN, one of them finite")
        with nogil:
            for k in range(n):
                t = f.trees + row[k]
                if single:
                    turn(f, value[k], t.leaf_seat)
                else:
                    for p in range(P):
                        f.returns[p] = value[<int64_t>k * P + p]
                grow(f, t, mask + <int64_t>k * A, logit + <int64_t>k * A)
        self.num_leaves = 0

    def run_uniform(self):
        """Spends every budget with uniform priors and the value 0: the tree alone."""
        self._run(UNIFORM)

    def run_rollouts(self):
        """Spends every budget with uniform priors and the returns of one game of random play from each leaf."""
        self._run(ROLLOUT)

    cdef int _run(self, Evaluator evaluator) except -1:
        cdef int failed
        if self.num_leaves:
            raise ValueError(f"{self.num_leaves} leaves of the latest select wait for expand")
        with nogil:
            failed = run(&self.forest, evaluator)
        if failed:
            raise MemoryError
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

    def actions(self, float temperature=0.0):
        """int32 `[n]`: drawn from visits ** (1 / temperature), from each game's own seed; 0: the best.

        The best is the most visited; of equals that with the highest mean return, at a Gumbel root that with the
        highest gumbel + logit + sigma(q). A proven best action is always it.
        """
        cdef Forest *f = &self.forest
        cdef int32_t i
        self._check()
        if not 0 <= temperature < INFINITY:
            raise ValueError(f"temperature must be 0 or above, got {temperature}")
        out = np.zeros(f.num_trees, np.int32)
        cdef int32_t *action = <int32_t *>address(out)
        for i in range(f.num_trees):
            action[i] = f.trees[i].edges[
                draw(f, f.trees + i, temperature) if temperature else best(f, f.trees + i)
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
        if self.num_leaves:
            raise ValueError(f"{self.num_leaves} leaves of the latest select wait for expand")
        cdef const int32_t *action = <const int32_t *>address(actions)
        for i in range(f.num_trees):
            f.table.legal(f.trees[i].root, max(0, f.table.to_act(f.trees[i].root)), f.mask)
            if not 0 <= action[i] < f.table.num_actions or not f.mask[action[i]]:
                raise ValueError(f"{self.game.name}, row {i}: action {action[i]} is illegal at the root")
        for i in range(f.num_trees):
            advance(f, f.trees + i, action + i, <int32_t *>address(self.places))

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
