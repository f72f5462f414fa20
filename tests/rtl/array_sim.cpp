// SPDX-License-Identifier: Apache-2.0
// The ternary array against kernels/ternary_scalar.c: tiles of any codes, one right after another.
//
//   array_sim N [SEED [COLUMNS]]    N random tiles of each packing, after the directed ones
//
// Directed: every code in every row; all trits +1 times 127 and times -127 in COLUMNS, 2^15; tiles
// of one triple, which stand closest.  Codes come with random gaps, sums are taken with random
// stalls.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

#include "Vnm_array.h"
#include "verilated.h"

#include "fault.h"

extern "C" {
#include "kernels/kernels.h"
extern const nm_ternary_ops nm_scalar_ternary[];
}

#ifndef ROWS
#define ROWS 16
#endif
static const size_t BEATS = NM_TILE_ROWS / ROWS;

static Vnm_array *top;
static uint64_t   random_state, n_wrong, n_sums, n_clocks;
static size_t     max_columns = 1 << 15;

static uint64_t next_random() // xorshift64*
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dULL >> 16;
}

struct tile {
    size_t               n_triples;
    std::vector<uint8_t> codes; // [group][128]
    std::vector<int8_t>  q;
};

static std::vector<int32_t> expected_sums(nm_packing_id packing, const tile &t)
{
    const nm_ternary_ops *ops = &nm_scalar_ternary[packing];
    std::vector<uint64_t> tables(t.n_triples * ops->table_bytes / 8);
    std::vector<int32_t>  y(NM_TILE_ROWS);

    ops->make_tables((uint8_t *)tables.data(), t.q.data(), t.n_triples);
    ops->add_tile(y.data(), t.codes.data(), (const uint8_t *)tables.data(), t.n_triples, nullptr);
    return y;
}

// What 24 bits from bit 24 i of a vector of 32-bit words are, as a signed number.
static int32_t sum_at(size_t i)
{
    int32_t value = 0;
    for (size_t byte = 0; byte < 3; byte++) {
        size_t at = 3 * i + byte;
        value |= int32_t(top->out_sums[at / 4] >> at % 4 * 8 & 255) << 8 * byte;
    }
    return value << 8 >> 8;
}

static void check_beat(std::deque<int32_t> &expected)
{
    for (size_t r = 0; r < ROWS; r++, n_sums++) {
        int32_t want = expected.empty() ? -1 : expected.front(), found = sum_at(r);
        if (!expected.empty()) expected.pop_front();
        if (found != want && ++n_wrong <= 20)
            printf("FAIL sum %llu: %d, expected %d\n", (unsigned long long)n_sums, found, want);
    }
}

static void drive_beat(const tile &t, size_t group, size_t beat, size_t group_cols)
{
    const uint8_t *codes = t.codes.data() + group * NM_TILE_ROWS + beat * ROWS;
    uint64_t       q = 0;

    memcpy(&top->in_codes[0], codes, ROWS);
    for (size_t j = 0; j < group_cols; j++)
        q |= uint64_t(uint8_t(t.q[group * group_cols + j])) << 8 * j;
    if (group_cols == 4) q |= (next_random() & 255) << 32; /* must not matter */
    top->in_q = q;
    top->in_first = group == 0;
    top->in_last = group + 1 == 3 * t.n_triples;
}

// Streams the tiles; `gaps`: of 8 clocks, how many are held back at random on either side.
static void stream(nm_packing_id packing, const std::vector<tile> &tiles, unsigned gaps)
{
    std::deque<int32_t> expected;
    size_t group_cols = nm_packings[packing].group_cols, number = 0, group = 0, beat = 0;

    for (const tile &t : tiles)
        for (int32_t y : expected_sums(packing, t)) expected.push_back(y);
    top->t5 = packing == NM_T5;
    for (uint64_t idle = 0; idle < 1000 && (number < tiles.size() || !expected.empty());) {
        top->in_valid = number < tiles.size() && next_random() % 8 >= gaps;
        top->out_ready = next_random() % 8 >= gaps;
        if (number < tiles.size()) drive_beat(tiles[number], group, beat, group_cols);
        top->clk = 0, top->eval();
        bool taken = top->in_valid && top->in_ready, given = top->out_valid && top->out_ready;
        if (given) check_beat(expected);
        top->clk = 1, top->eval();
        n_clocks++, idle = taken || given ? 0 : idle + 1;
        if (taken && ++beat == BEATS) {
            beat = 0;
            if (++group == 3 * tiles[number].n_triples) group = 0, number++;
        }
    }
    if (!expected.empty()) n_wrong++, printf("FAIL %zu sums are missing\n", expected.size());
}

static tile make_tile(nm_packing_id packing, size_t n_triples, int code, int x)
{
    tile t = {n_triples, {}, {}};

    t.codes.resize(3 * n_triples * NM_TILE_ROWS);
    t.q.resize(3 * n_triples * nm_packings[packing].group_cols);
    for (uint8_t &c : t.codes) c = code < 0 ? uint8_t(next_random()) : uint8_t(code);
    for (int8_t &q : t.q) q = int8_t(x ? x : int(next_random() % 255) - 127);
    return t;
}

static void run_packing(nm_packing_id packing, uint64_t n)
{
    static const int all_plus[] = {0x55, 0x7f};
    size_t           cols = 3 * nm_packings[packing].group_cols; /* of a triple */
    size_t           most = (max_columns + cols - 1) / cols;
    std::vector<tile> tiles;

    tiles.push_back(make_tile(packing, 2, -1, 0)); /* 768 bytes: every code, then random ones */
    for (size_t i = 0; i < 256; i++) tiles[0].codes[i] = uint8_t(i);
    for (int x : {127, -127}) tiles.push_back(make_tile(packing, most, all_plus[packing], x));
    for (int i = 0; i < 20; i++) tiles.push_back(make_tile(packing, 1, -1, 0));
    stream(packing, tiles, 0);
    for (uint64_t i = 0; i < n; i++) {
        tiles.clear();
        for (int j = 0; j < 4; j++)
            tiles.push_back(make_tile(packing, 1 + next_random() % 40, -1, 0));
        stream(packing, tiles, i % 3 ? unsigned(i % 6) : 0);
    }
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], nullptr, 0) : 100;
    if (argc > 3) max_columns = strtoull(argv[3], nullptr, 0);
    random_state = (argc > 2 ? strtoull(argv[2], nullptr, 0) : 1) * 2 + 1;

    top = new Vnm_array;
    choose_fault(top);
    top->rst = 1, top->in_valid = 0, top->out_ready = 0;
    for (int i = 0; i < 4; i++) top->clk = 0, top->eval(), top->clk = 1, top->eval();
    top->rst = 0;
    run_packing(NM_T4, n);
    run_packing(NM_T5, n);
    printf("%d rows: %llu sums in %llu clocks: %llu wrong\n", ROWS, (unsigned long long)n_sums,
           (unsigned long long)n_clocks, (unsigned long long)n_wrong);
    delete top;
    return n_wrong != 0;
}
