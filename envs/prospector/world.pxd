"""Drawing a world, the asteroids of a node on the first visit, and anew what the player cannot know."""
from libc.stdint cimport int32_t, uint64_t

from envs.prospector.state cimport Prospector

cdef void draw_world(Prospector *s, uint64_t seed) noexcept nogil
cdef void find_hops(Prospector *s) noexcept nogil
cdef void visit(Prospector *s, int32_t node) noexcept nogil
cdef void draw_hidden(Prospector *s, uint64_t seed) noexcept nogil
