/* N queens by recursion over bit masks: calls, counts of bits, branches. */
#include "bench.h"

static uint32_t queens_place(uint32_t free_columns, uint32_t left, uint32_t right)
{
    if (!free_columns)
        return 1;
    uint32_t solutions = 0;
    for (uint32_t squares = free_columns & ~(left | right); squares; squares &= squares - 1) {
        uint32_t square = squares & -squares;
        solutions +=
            queens_place(free_columns ^ square, (left | square) << 1, (right | square) >> 1);
    }
    return solutions;
}

static uint64_t nqueens_run(uint32_t n)
{
    return queens_place((1u << n) - 1, 0, 0);
}

int main(void)
{
    return bench_run(nqueens_run, 13);
}
