// SPDX-License-Identifier: Apache-2.0
// The arithmetic units and all operations of a lane against C: every pair of special operands, then
// N random ones.
//
//   float_sim N [SEED]
//
// Random operands are of four kinds: any bits; exponents close to each other; exponents that make
// products and quotients subnormal; fractions of few bits, which are halfway cases.  A NaN equals
// every NaN, all else is compared bit by bit.  Checks that the root comes 28
// clocks after its operand, the quotient 18 clocks after its own, the others' results 4 clocks.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "Vfloat_units.h"
#include "verilated.h"

#include "fault.h"

static const unsigned ADD_LATENCY = 4, DIV_LATENCY = 18, ROOT_LATENCY = 28;

static float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static bool same(uint32_t found, float expected)
{
    return std::isnan(expected) ? std::isnan(of_bits(found)) : found == bits_of(expected);
}

static uint64_t random_state;

static uint64_t next_random() // xorshift64*
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dULL;
}

static uint32_t with_exponent(uint32_t bits, unsigned exponent)
{
    return (bits & 0x807fffffu) | (exponent & 255) << 23;
}

struct operands {
    uint32_t a, b;
};

static operands draw(uint64_t i)
{
    uint64_t r = next_random(), s = next_random();
    operands o = {uint32_t(r), uint32_t(r >> 32)};

    switch (i % 4) {
    case 0:
        break;
    case 1:
        o.b = with_exponent(o.b, (o.a >> 23 & 255) + s % 55 - 27);
        break;
    case 2:
        o.a = with_exponent(o.a, s % 255);
        o.b = with_exponent(o.b, (i & 4 ? 127 - s % 255 : 100 + s % 255) + (s >> 8) % 32);
        break;
    default:
        o.a &= ~(0x7fffffu >> s % 24), o.b &= ~(0x7fffffu >> (s >> 8) % 24);
        o.b = with_exponent(o.b, (o.a >> 23) + (s >> 16) % 30 - 15);
    }
    return o;
}

static std::vector<uint32_t> special_values()
{
    static const uint32_t edges[] = {
        0, 1, 2, 3, 0x7ffffe, 0x7fffff, 0x800000, 0x800001,
        0xffffff, 0x1000000, 0x3effffff, 0x3f000000, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fffffff,
        0x40000000, 0x4b000000, 0x4b400000, 0x4b7fffff, 0x7effffff, 0x7f000000, 0x7f7ffffe,
        0x7f7fffff,
        0x7f800000, 0x7f800001, 0x7fc00000, 0x400000, 0x33800000, 0x34000000, 0x0d000000, 0x400001,
        0x200000, 0x3f800002, 0x1f800000, 0x5f800000,
    };
    std::vector<uint32_t> values;
    for (uint32_t x : edges) values.push_back(x), values.push_back(x | 0x80000000u);
    for (int bit = 3; bit < 22; bit++) // subnormal, NaN and 1 with one bit: none is overlooked
        for (uint32_t x : {0u, 0x7f800000u, 0x3f800000u}) values.push_back(x | 1u << bit);
    return values;
}

static Vfloat_units *top;
static uint64_t      n_wrong;

static void tick()
{
    top->clk = 0, top->eval();
    top->clk = 1, top->eval();
}

static void compare(const char *unit, operands o, uint32_t found, float expected)
{
    if (same(found, expected)) return;
    if (++n_wrong <= 20)
        printf("FAIL %s %08x %08x: %08x, expected %08x\n", unit, o.a, o.b, found,
               bits_of(expected));
}

// Of roots few are of numbers below zero: the others' have bits to compare.
static uint32_t square(uint32_t a, uint64_t i)
{
    return i % 8 ? a & 0x7fffffffu : a;
}

// The operations of a lane, as in nm_isa.vh.
static const struct {
    const char *name;
    uint8_t     code;
    float (*compute)(float a, float b);
} lane_ops[] = {
    {"lane add", 0, [](float a, float b) { return a + b; }},
    {"lane sub", 1, [](float a, float b) { return a - b; }},
    {"lane mul", 2, [](float a, float b) { return a * b; }},
    {"lane max", 4, [](float a, float b) { return b > a ? b : a; }},
    {"lane min", 5, [](float a, float b) { return b < a ? b : a; }},
    {"lane mov", 8, [](float a, float b) { return (void)b, a; }},
};
static const size_t N_LANE_OPS = sizeof lane_ops / sizeof *lane_ops;

// Whether the i-th pair's a is added to the sum of four pairs before; else a sum begins.
static bool ahead(uint64_t i)
{
    return i / 4 % 4 != 0;
}

// What is added to a product: b, or what is about as large as the product, or its negative.
static uint32_t third(operands o, uint64_t i)
{
    uint32_t product = bits_of(of_bits(o.a) * of_bits(o.b));
    if (i % 4 == 0) return o.b;
    return i % 4 == 1 ? product ^ 0x80000000u
                      : with_exponent(o.b, (product >> 23 & 255) + unsigned(i >> 2) % 5 - 2);
}

// Feeds pairs, one a clock; `get` returns the i-th of them.
template <typename source> static void run_pairs(uint64_t n, source get)
{
    std::vector<operands> last(64);
    float                 sums[4] = {};
    for (uint64_t i = 0; i < n + ROOT_LATENCY; i++) {
        if (i >= ADD_LATENCY && i < n + ADD_LATENCY) {
            operands o = last[(i - ADD_LATENCY) % 64];
            compare("add", o, top->sum, of_bits(o.a) + of_bits(o.b));
            compare("multiply", o, top->product, of_bits(o.a) * of_bits(o.b));
            unsigned which = unsigned((i - ADD_LATENCY) / 4 % N_LANE_OPS);
            compare(lane_ops[which].name, o, top->result,
                    lane_ops[which].compute(of_bits(o.a), of_bits(o.b)));
            float *sum = &sums[i % 4];
            *sum = of_bits(o.a) + (ahead(i - ADD_LATENCY) ? *sum : of_bits(o.b));
            compare("sum in order", o, top->running, *sum);
            top->c = third(o, i - ADD_LATENCY);
        }
        if (i >= 2 * ADD_LATENCY && i < n + 2 * ADD_LATENCY) {
            operands o = last[(i - 2 * ADD_LATENCY) % 64];
            compare("muladd", o, top->chained,
                    of_bits(o.a) * of_bits(o.b) + of_bits(third(o, i - 2 * ADD_LATENCY)));
        }
        if (i >= DIV_LATENCY && i < n + DIV_LATENCY) {
            operands o = last[(i - DIV_LATENCY) % 64];
            compare("divide", o, top->quotient, of_bits(o.a) / of_bits(o.b));
        }
        if (i >= ROOT_LATENCY) {
            operands o = {square(last[(i - ROOT_LATENCY) % 64].a, i - ROOT_LATENCY), 0};
            if (!top->done) n_wrong++, printf("FAIL sqrt %08x: not done\n", o.a);
            compare("sqrt", o, top->root, std::sqrt(of_bits(o.a)));
        }
        operands o = i < n ? get(i) : operands{0, 0};
        last[i % 64] = o;
        top->op = lane_ops[i / 4 % N_LANE_OPS].code, top->ahead = ahead(i);
        top->a = o.a, top->b = o.b, top->square = square(o.a, i), top->start = i < n;
        tick();
    }
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], nullptr, 0) : 1000000;
    random_state = argc > 2 ? strtoull(argv[2], nullptr, 0) : 1;
    random_state = random_state * 2 + 1;

    top = new Vfloat_units;
    choose_fault(top);
    top->rst = 1, top->start = 0;
    tick(), tick();
    top->rst = 0;

    std::vector<uint32_t> special = special_values();
    size_t                count = special.size();
    // Each pair with each operation of the lane: four pairs at a time.
    run_pairs(count * count * N_LANE_OPS, [&](uint64_t i) {
        uint64_t pair = (i / 4 / N_LANE_OPS * 4 + i % 4) % (count * count);
        return operands{special[pair / count], special[pair % count]};
    });
    run_pairs(n, draw);
    top->final();
    printf("%llu random and %zu special operands of each unit: %llu wrong\n",
           (unsigned long long)n, count * count, (unsigned long long)n_wrong);
    delete top;
    return n_wrong != 0;
}
