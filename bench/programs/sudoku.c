/*
 * Sudoku by search: bit masks of candidates, the cell with the fewest first, recursion with
 * undoing.
 */
#include <string.h>

#include "bench.h"

struct board {
    uint16_t rows[9], columns[9], boxes[9]; /* digits still free, as bits */
    uint8_t cells[81];
    uint64_t nodes;
};

static const char *const puzzles[] = {
    "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
    "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
    "..............3.85..1.2.......5.7.....4...1...9.......5......73..2.1........4...9",
    "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......",
};

static uint32_t cell_candidates(const struct board *b, uint32_t cell)
{
    uint32_t row = cell / 9, column = cell % 9;
    return b->rows[row] & b->columns[column] & b->boxes[row / 3 * 3 + column / 3];
}

static void cell_toggle(struct board *b, uint32_t cell, uint32_t bit)
{
    uint32_t row = cell / 9, column = cell % 9, box = row / 3 * 3 + column / 3;
    b->rows[row] = (uint16_t)(b->rows[row] ^ bit);
    b->columns[column] = (uint16_t)(b->columns[column] ^ bit);
    b->boxes[box] = (uint16_t)(b->boxes[box] ^ bit);
}

static int board_solve(struct board *b)
{
    uint32_t best = 81;
    int fewest = 10;
    b->nodes++;
    for (uint32_t cell = 0; cell < 81 && fewest > 1; cell++) {
        if (b->cells[cell])
            continue;
        int count = __builtin_popcount(cell_candidates(b, cell));
        if (count < fewest) {
            fewest = count;
            best = cell;
        }
    }
    if (best == 81)
        return 1;
    for (uint32_t left = cell_candidates(b, best); left; left &= left - 1) {
        uint32_t bit = left & -left;
        b->cells[best] = (uint8_t)(1 + __builtin_ctz(bit));
        cell_toggle(b, best, bit);
        if (board_solve(b))
            return 1;
        cell_toggle(b, best, bit);
    }
    b->cells[best] = 0;
    return 0;
}

static void board_init(struct board *b, const char *puzzle)
{
    memset(b, 0, sizeof *b);
    for (uint32_t i = 0; i < 9; i++)
        b->rows[i] = b->columns[i] = b->boxes[i] = 0x1ff;
    for (uint32_t cell = 0; cell < 81; cell++) {
        if (puzzle[cell] == '.')
            continue;
        b->cells[cell] = (uint8_t)(puzzle[cell] - '0');
        cell_toggle(b, cell, 1u << (b->cells[cell] - 1));
    }
}

static uint64_t sudoku_run(uint32_t count)
{
    uint64_t sum = 0;
    struct board b;
    for (uint32_t i = 0; i < count; i++) {
        board_init(&b, puzzles[i]);
        sum = bench_mix(sum, (uint64_t)board_solve(&b));
        for (uint32_t cell = 0; cell < 81; cell++)
            sum = bench_mix(sum, b.cells[cell]);
        sum = bench_mix(sum, b.nodes);
    }
    return sum;
}

int main(void)
{
    return bench_run(sudoku_run, sizeof puzzles / sizeof *puzzles);
}
