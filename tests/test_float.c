/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The float operations: of every row of kernels.def, bit for bit those of scalar, on arrays without
 * a byte of slack; and scalar itself where its order of operations shows.
 */
#include "test.h"

#include "base/bytes.h"
#include "base/rng.h"
#include "guard.h"
#include "kernels/float_cases.h"

#include <math.h>

#define MOST 5000 /* elements */
#define N_ARRAYS NM_FLOAT_ARRAYS

/* Every array ends where a page does that faults: `at` is the last n elements of `block`. */
typedef struct operands {
    nm_float_operands block, at;
} operands;

static void take_operands(operands *o)
{
    for (size_t i = 0; i < N_ARRAYS; i++) o->block.x[i] = guard_take(MOST * sizeof(float));
    o->block.q = guard_take(MOST);
    o->block.sums = guard_take(MOST * sizeof(int32_t));
}

static void drop_operands(operands *o)
{
    for (size_t i = 0; i < N_ARRAYS; i++) guard_drop(o->block.x[i]);
    guard_drop(o->block.q);
    guard_drop(o->block.sums);
}

static void set_length(operands *o, size_t n)
{
    for (size_t i = 0; i < N_ARRAYS; i++) o->at.x[i] = o->block.x[i] + (MOST - n);
    o->at.q = o->block.q + (MOST - n);
    o->at.sums = o->block.sums + (MOST - n);
    o->at.value = 0;
}

/* ---- What is in the arrays ---- */

static float any_in(nm_rng *rng, float limit)
{
    return (float)(2 * nm_rng_double(rng) - 1) * limit;
}

/* Any finite float, as likely tiny as huge. */
static float any_finite(nm_rng *rng)
{
    float x = nm_float_of_bits((uint32_t)nm_rng_next(rng));
    return isfinite(x) ? x : 1.0f;
}

static float any_special(nm_rng *rng)
{
    /* clang-format off */
    static const float specials[] = {
        0.0f, -0.0f, 0.5f, 1.0f, -1.0f, 1e-5f, 126.5f, -127.0f,
        0x1p-149f, -0x1p-149f, 0x1.fffffcp-127f, 0x1p-126f, -0x1p-126f, /* around the subnormals */
        88.73f, -87.34f, -88.73f, -103.98f, 104.0f, 150.0f, -150.1f,    /* where exp ends */
        0x1.fffffep127f, -0x1.fffffep127f,
    };
    /* clang-format on */
    return specials[nm_rng_below(rng, sizeof specials / sizeof specials[0])];
}

static float any_special_or_infinite(nm_rng *rng)
{
    uint64_t dice = nm_rng_below(rng, 8);
    return dice > 1 ? any_special(rng) : dice ? INFINITY : -INFINITY;
}

static float any_usual(nm_rng *rng)
{
    return any_in(rng, 8.0f);
}

static float any_tiny(nm_rng *rng)
{
    return any_in(rng, 1e-41f);
}

static float any_tie(nm_rng *rng)
{
    return (float)nm_rng_below(rng, 509) / 2 - 127.0f;
}

static const struct {
    const char *name;
    float (*next)(nm_rng *rng);
} fillings[] = {
    {"usual", any_usual}, {"finite", any_finite},   {"tiny", any_tiny},
    {"ties", any_tie},    {"special", any_special}, {"infinite", any_special_or_infinite},
};

#define N_FILLINGS (sizeof fillings / sizeof fillings[0])

static void fill(operands *o, size_t n, float (*next)(nm_rng *rng), nm_rng *rng)
{
    set_length(o, n);
    for (size_t i = 0; i < N_ARRAYS; i++)
        for (size_t k = 0; k < n; k++) o->at.x[i][k] = next(rng);
    for (size_t k = 0; k < n; k++) {
        o->at.sums[k] = (int32_t)nm_rng_next(rng) >> nm_rng_below(rng, 31);
        o->at.q[k] = (int8_t)nm_rng_next(rng);
    }
}

static void copy(operands *to, const operands *from, size_t n)
{
    set_length(to, n);
    for (size_t i = 0; i < N_ARRAYS; i++) memcpy(to->at.x[i], from->at.x[i], n * sizeof(float));
    memcpy(to->at.q, from->at.q, n);
    memcpy(to->at.sums, from->at.sums, n * sizeof(int32_t));
}

/* ---- Are they equal, those before the first included?  All NaNs are. ---- */

static bool same(float a, float b)
{
    return nm_bits_of_float(a) == nm_bits_of_float(b) || (isnan(a) && isnan(b));
}

static bool same_operands(const operands *a, const operands *b, size_t n, size_t *where)
{
    size_t from = MOST - n < 64 ? 0 : MOST - n - 64;

    *where = 0;
    if (memcmp(&a->at.value, &b->at.value, sizeof a->at.value) != 0) return false;
    for (size_t i = 0; i < N_ARRAYS; i++)
        for (*where = from; *where < MOST; ++*where)
            if (!same(a->block.x[i][*where], b->block.x[i][*where])) return false;
    for (*where = from; *where < MOST; ++*where)
        if (a->block.q[*where] != b->block.q[*where]) return false;
    return true;
}

/* ---- Every row of float_ops.def ---- */

static const nm_float_ops *scalar(void)
{
    return nm_kernels_row(0)->floats;
}

/* Rows of kernels.def that this CPU runs; those that share their float operations count once. */
static const nm_kernels *tested[8];
static size_t            n_tested;

static bool is_tested(const nm_kernels *row)
{
    for (size_t i = 0; i < n_tested; i++)
        if (tested[i]->floats == row->floats) return true;
    return false;
}

static void choose_tested(void)
{
    char              missing[128];
    const nm_kernels *row;

    for (size_t i = 1; (row = nm_kernels_row(i)); i++) {
        test_case("%s equals scalar", row->name);
        if (!nm_kernels_runs(row, missing, sizeof missing))
            test_skip("no %s", missing);
        else if (!is_tested(row) && n_tested < sizeof tested / sizeof *tested)
            tested[n_tested++] = row;
        else
            CHECK(is_tested(row));
    }
}

/* One case, all fillings, at this length. */
static void check_length(const nm_float_case *c, size_t n, operands o[3])
{
    nm_rng rng;
    nm_rng_init(&rng, n);
    for (size_t filling = 0; filling < N_FILLINGS; filling++) {
        size_t where;
        fill(&o[0], n, fillings[filling].next, &rng);
        copy(&o[1], &o[0], n);
        c->run(scalar(), &o[1].at, n);
        for (size_t i = 0; i < n_tested; i++) {
            copy(&o[2], &o[0], n);
            c->run(tested[i]->floats, &o[2].at, n);
            CHECK_THAT(same_operands(&o[1], &o[2], n, &where), "%s, n %zu, %s: differs at %zd",
                       tested[i]->name, n, fillings[filling].name,
                       (ptrdiff_t)where - (MOST - (ptrdiff_t)n));
        }
    }
}

static void test_every_case(void)
{
    static const size_t  lengths[] = {255, 256, 1000, 1024, 4999, 2560, MOST};
    const size_t         n_lengths = (size_t)test_trials(5, sizeof lengths / sizeof *lengths);
    operands             o[3];
    const nm_float_case *c;

    for (size_t i = 0; i < 3; i++) take_operands(&o[i]);
    for (size_t index = 0; (c = nm_float_cases_row(index)); index++) {
        test_case("%s: every row equals scalar", c->name);
        for (size_t n = 0; n <= 140; n++) check_length(c, n, o);
        for (size_t i = 0; i < n_lengths; i++) check_length(c, lengths[i], o);
    }
    for (size_t i = 0; i < 3; i++) drop_operands(&o[i]);
}

/* ---- Logits ---- */

static float any_equal(nm_rng *rng)
{
    (void)rng;
    return -2.5f;
}

static float any_minus_infinity(nm_rng *rng)
{
    (void)rng;
    return -INFINITY;
}

static float any_missing(nm_rng *rng)
{
    return nm_rng_below(rng, 2) ? -INFINITY : nm_rng_below(rng, 2) ? NAN : -NAN;
}

static float any_logit(nm_rng *rng)
{
    static const float odd[] = {NAN, -NAN, -INFINITY, INFINITY, 0x1.fffffep127f, -0.0f, 0.0f, 7.5f};
    return nm_rng_below(rng, 3) ? any_usual(rng) : odd[nm_rng_below(rng, 8)];
}

static float any_low(nm_rng *rng)
{
    return nm_rng_below(rng, 40) ? -INFINITY : any_usual(rng);
}

static float (*const logit_kinds[])(nm_rng *rng) = {
    any_usual, any_equal, any_minus_infinity, any_missing, any_logit, any_low, any_finite,
};

#define N_KINDS (sizeof logit_kinds / sizeof *logit_kinds)

/* What the rows of float_ops.def say, without a vector or a lane; x ends where a page faults. */
static void check_logits(const nm_float_ops *ops, const char *name, const float *x, float *y,
                         size_t n)
{
    float  max = -INFINITY;
    double sum = 0, temp = 0.7f, lane[16] = {0};
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        float logit = isnan(x[i]) ? -INFINITY : x[i] == INFINITY ? 0x1.fffffep127f : x[i];
        if (logit > max) max = logit, at = i;
    }
    CHECK_THAT(nm_bits_of_float(ops->largest(x, n)) == nm_bits_of_float(max + 0.0f),
               "%s: largest of %zu is %a, not %a", name, n, (double)ops->largest(x, n),
               (double)max);
    CHECK_THAT(ops->argmax(x, n) == at, "%s: argmax of %zu is %zu, not %zu", name, n,
               ops->argmax(x, n), at);
    sum = ops->softmax(y, x, n, max, (float)temp);
    for (size_t i = 0; i < n; i++) {
        bool   least = isnan(x[i]) || x[i] == -INFINITY;
        double want = max == -INFINITY ? 1 : least ? 0 : exp(((double)x[i] - (double)max) / temp);
        if (x[i] == max || x[i] == INFINITY) want = 1;
        CHECK_THAT(fabs((double)y[i] - want) <= 1e-5 * want + 0x1p-126,
                   "%s: softmax of %zu: %a becomes %a", name, n, (double)x[i], (double)y[i]);
        lane[i % 16] += (double)y[i];
    }
    for (size_t apart = 8; apart; apart /= 2)
        for (size_t i = 0; i < apart; i++) lane[i] += lane[i + apart];
    CHECK_THAT(sum == lane[0], "%s: softmax of %zu sums to %.17g, not %.17g", name, n, sum,
               lane[0]);
    CHECK(ops->softmax(NULL, x, n, max, (float)temp) == sum);
}

static void test_logits(void)
{
    float *x = guard_take(MOST * sizeof *x), *y = guard_take(MOST * sizeof *y);
    nm_rng rng;

    test_case("largest, argmax and softmax of odd logits, in scalar code and in every row");
    nm_rng_init(&rng, 9);
    for (size_t round = 0, n_rounds = (size_t)test_trials(85, 300); round < n_rounds; round++) {
        size_t n = round < 70 ? round : (size_t)nm_rng_below(&rng, MOST);
        for (size_t kind = 0; kind < N_KINDS; kind++) {
            float *from = x + MOST - n, *to = y + MOST - n;
            for (size_t i = 0; i < n; i++) from[i] = logit_kinds[kind](&rng);
            check_logits(scalar(), "scalar", from, to, n);
            check_logits(nm_kernels_any_floats(), "any", from, to, n);
            for (size_t i = 0; i < n_tested; i++)
                check_logits(tested[i]->floats, tested[i]->name, from, to, n);
        }
    }
    guard_drop(x);
    guard_drop(y);
}

/* 5003 is prime: all low bits and all exponents occur. */
static void test_silu_of_all_kinds(void)
{
    float x[MOST], one[MOST], want[MOST], got[MOST];

    test_case("silu of every 5003rd float equals scalar");
    for (size_t i = 0; i < MOST; i++) one[i] = 1.0f;
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32;) {
        for (size_t i = 0; i < MOST; i++, bits += 5003) x[i] = nm_float_of_bits((uint32_t)bits);
        scalar()->glu(want, x, one, MOST);
        for (size_t k = 0; k < n_tested; k++) {
            tested[k]->floats->glu(got, x, one, MOST);
            for (size_t i = 0; i < MOST; i++)
                CHECK_THAT(same(got[i], want[i]), "%s: %a: %a, not %a", tested[k]->name,
                           (double)x[i], (double)got[i], (double)want[i]);
        }
    }
}

/* ---- The specification ---- */

/*
 * Does the sum of squares of x[n] exceed 1, where x[0] is 1 and the others are tiny?  eps takes the
 * 1 away again: what is left is 0, whose root divides to infinity, or it is not.  n: a power of 2.
 */
static bool sum_exceeds_one(const float *x, size_t n)
{
    float gain[256] = {1.0f}, y[256];

    scalar()->rmsnorm(y, x, gain, n, -1.0f / (float)n);
    return isfinite(y[0]);
}

static void test_order(void)
{
    test_case("a sum runs in 16 lanes");
    /* 2^-24 is rounded away where it is added to 1; two of them, added before, are not. */
    for (size_t lane = 0; lane < 16; lane++) {
        float x[256] = {1.0f};
        for (size_t i = 1; i < 16; i++) x[lane + 16 * i] = 0x1p-12f;
        CHECK_INT(sum_exceeds_one(x, 256), lane > 0);
    }

    test_case("lanes are added 8 apart, then 4, 2, 1");
    /* Do lanes b and c meet before they meet lane 0? */
    static const struct {
        size_t b, c;
        bool   meet;
    } pairs[] = {{1, 9, true},  {4, 12, true}, {2, 6, true},  {1, 3, true},   {1, 15, true},
                 {8, 4, false}, {8, 1, false}, {4, 2, false}, {12, 1, false}, {10, 5, false}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        float x[16] = {1.0f};
        x[pairs[i].b] = x[pairs[i].c] = 0x1p-12f;
        CHECK_THAT(sum_exceeds_one(x, 16) == pairs[i].meet, "lanes %zu, %zu", pairs[i].b,
                   pairs[i].c);
    }
}

static void test_quantize(void)
{
    test_case("quantize rounds ties to even");
    static const float  x[] = {127.0f, 0.5f,  1.5f,   2.5f,    -0.5f,
                               -1.5f,  -2.5f, 126.5f, -126.5f, -0.0f};
    static const int8_t want[] = {127, 0, 2, 2, 0, -2, -2, 126, -126, 0};
    int8_t              q[sizeof want];
    CHECK(scalar()->quantize(q, x, sizeof want) == 1.0f);
    CHECK_MEM(q, want, sizeof want, "q");

    test_case("quantize of almost nothing does not divide by it");
    static const float  nothing[] = {0.0f, -0.0f, 1e-6f, -1e-5f};
    static const int8_t little[] = {0, 0, 13, -127};
    CHECK(scalar()->quantize(q, nothing, 4) == 127.0f / 1e-5f);
    CHECK_MEM(q, little, 4, "q");
}

static void test_fusion(void)
{
    float  x[777], gain[777], y[777];
    int8_t q[777], fused[777];
    nm_rng rng;

    test_case("rmsnorm_quantize is rmsnorm, then quantize");
    nm_rng_init(&rng, 7);
    for (size_t n = 1; n <= 777; n += 97) {
        for (size_t i = 0; i < n; i++) x[i] = any_usual(&rng), gain[i] = any_usual(&rng);
        scalar()->rmsnorm(y, x, gain, n, 1e-6f);
        float a = scalar()->quantize(q, y, n);
        float scale = scalar()->norm_scale(x, n, 1e-6f);
        CHECK(scalar()->rmsnorm_quantize(fused, x, gain, n, scale) == a);
        CHECK_MEM(fused, q, n, "q");
    }
}

static double exact_silu(double x)
{
    return x / (1 + exp(-x));
}

static void test_values(void)
{
    test_case("mlgru_step and glu are what the paper says");
    nm_rng rng;
    nm_rng_init(&rng, 8);
    for (int k = 0; k < 10000; k++) {
        float  f = any_in(&rng, 20), i = any_in(&rng, 20), h = any_in(&rng, 5);
        float  bound = (float)nm_rng_double(&rng), was = h, out, y;
        double forget = bound + (1 - (double)bound) / (1 + exp(-(double)f));
        double state = forget * (double)was + exact_silu((double)i) * (1 - forget);
        scalar()->mlgru_step(&out, &h, &f, &i, &bound, 1);
        scalar()->glu(&y, &f, &i, 1);
        CHECK(fabs((double)h - state) < 1e-5);
        CHECK(fabs((double)out - exact_silu(state)) < 1e-5);
        CHECK(fabs((double)y - exact_silu((double)f) * (double)i) < 1e-4);
    }
}

void test_float(void)
{
    test_order();
    test_quantize();
    test_fusion();
    test_values();
    choose_tested();
    test_every_case();
    test_logits();
    test_silu_of_all_kinds();
}
