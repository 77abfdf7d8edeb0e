/* Target sets on the 8x7 board, worked out by the compiler: bit 7 * row + column, `[56]` by square. */
#pragma once
#include <stdint.h>

/* The square `(r, c)` as a set; the empty set if it is off the board. */
#define LUDUS_ON(r, c) ((r) >= 0 && (r) < 8 && (c) >= 0 && (c) < 7)
#define LUDUS_BIT(r, c) (LUDUS_ON(r, c) ? UINT64_C(1) << (LUDUS_ON(r, c) ? 7 * (r) + (c) : 0) : 0)

#define LUDUS_KNIGHT(r, c) \
    (LUDUS_BIT(r + 1, c + 2) | LUDUS_BIT(r + 1, c - 2) | LUDUS_BIT(r - 1, c + 2) | LUDUS_BIT(r - 1, c - 2) | \
     LUDUS_BIT(r + 2, c + 1) | LUDUS_BIT(r + 2, c - 1) | LUDUS_BIT(r - 2, c + 1) | LUDUS_BIT(r - 2, c - 1))
#define LUDUS_KING(r, c) \
    (LUDUS_BIT(r + 1, c - 1) | LUDUS_BIT(r + 1, c) | LUDUS_BIT(r + 1, c + 1) | LUDUS_BIT(r, c - 1) | \
     LUDUS_BIT(r, c + 1) | LUDUS_BIT(r - 1, c - 1) | LUDUS_BIT(r - 1, c) | LUDUS_BIT(r - 1, c + 1))

/* A ray never comes back to the board once it has left it, so its squares may be tested one by one. */
#define LUDUS_RAY(r, c, dr, dc) \
    (LUDUS_BIT(r + 1 * (dr), c + 1 * (dc)) | LUDUS_BIT(r + 2 * (dr), c + 2 * (dc)) | \
     LUDUS_BIT(r + 3 * (dr), c + 3 * (dc)) | LUDUS_BIT(r + 4 * (dr), c + 4 * (dc)) | \
     LUDUS_BIT(r + 5 * (dr), c + 5 * (dc)) | LUDUS_BIT(r + 6 * (dr), c + 6 * (dc)) | \
     LUDUS_BIT(r + 7 * (dr), c + 7 * (dc)))
#define LUDUS_RAYS(r, c) \
    {LUDUS_RAY(r, c, 0, 1), LUDUS_RAY(r, c, 1, -1), LUDUS_RAY(r, c, 1, 0), LUDUS_RAY(r, c, 1, 1), \
     LUDUS_RAY(r, c, 0, -1), LUDUS_RAY(r, c, -1, 1), LUDUS_RAY(r, c, -1, 0), LUDUS_RAY(r, c, -1, -1)}

/* The knight's targets one by one; the square itself, which is never free, stands for those off the board. */
#define LUDUS_SQUARE(r, c, dr, dc) (LUDUS_ON(r + (dr), c + (dc)) ? 7 * (r + (dr)) + c + (dc) : 7 * r + c)
#define LUDUS_JUMPS(r, c) \
    {LUDUS_SQUARE(r, c, 1, 2), LUDUS_SQUARE(r, c, 1, -2), LUDUS_SQUARE(r, c, -1, 2), LUDUS_SQUARE(r, c, -1, -2), \
     LUDUS_SQUARE(r, c, 2, 1), LUDUS_SQUARE(r, c, 2, -1), LUDUS_SQUARE(r, c, -2, 1), LUDUS_SQUARE(r, c, -2, -1)}

#define LUDUS_ROW(F, r) F(r, 0), F(r, 1), F(r, 2), F(r, 3), F(r, 4), F(r, 5), F(r, 6)
#define LUDUS_BOARD(F) \
    {LUDUS_ROW(F, 0), LUDUS_ROW(F, 1), LUDUS_ROW(F, 2), LUDUS_ROW(F, 3), \
     LUDUS_ROW(F, 4), LUDUS_ROW(F, 5), LUDUS_ROW(F, 6), LUDUS_ROW(F, 7)}

static const uint64_t razzle_knight[56] = LUDUS_BOARD(LUDUS_KNIGHT);
static const uint8_t razzle_jumps[56][8] = LUDUS_BOARD(LUDUS_JUMPS);
static const uint64_t razzle_king[56] = LUDUS_BOARD(LUDUS_KING);
/* Queen lines: the first four run to higher squares, the last four to lower ones. */
static const uint64_t razzle_rays[56][8] = LUDUS_BOARD(LUDUS_RAYS);

/* Number of zero bits below the lowest, above the highest one of `x`, which is not 0. */
static inline int32_t razzle_lowest(uint64_t x) { return (int32_t)__builtin_ctzll(x); }
static inline int32_t razzle_above_highest(uint64_t x) { return (int32_t)__builtin_clzll(x); }
