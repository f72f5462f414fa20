// SPDX-License-Identifier: Apache-2.0
// Whole tokens: the core and the C engine are fed with the same ids; every logit and every element
// of the state must have the same bits (or be NaN in both).
//
//   core_sim MODEL [-n TOKENS] [-i ID,ID,...] [-s SEED] [-l LATENCY] [-g GAPS] [-c CLOCKS] [-q]
//                  [-b BASE] [-k FACTOR] [-t] [-x]
//
// Without -i the ids are random.  A token that takes more than CLOCKS has failed.  The image of the
// model lies at BASE in the memory, a multiple of 64; -t: its vectors lie at the ends of the core's
// own memories instead of the beginnings.  Memory answers LATENCY clocks after a request, in order;
// with -g after 1 to LATENCY clocks, at random for each request, and each side of every port pauses
// at random, GAPS of 16 clocks.  -q prints no counts, only the hash, that of `nomul logits --hash`.
// Halfway core and C engine exchange their states: the core's is read and overwritten, the core is
// reset, and it goes on with the C engine's, which goes on with the core's; with -x tokens with
// faults of the memory, registers that do not fit and resets in the middle come before that, and
// each token has a pause of the memory, as long as it may be.
//
// With -k the inputs of all sigmoids are FACTOR times as large, which makes them about 0 or 1.
//
// It prints the mean clocks of a token, and the shares of them in which the array takes a beat of
// codes, the memory port any beat, and the lanes get a strip.
//
// Built with -DAXI it works through the adapters (nm_axi_core).
//
//   core_sim MODEL -d PREFIX [-n TOKENS]
//
// Computes nothing on the core: writes what core_tb.v needs, as text for $readmemh.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#ifdef AXI
#include "Vnm_axi_core.h"
#include "Vnm_axi_core___024root.h"
#define INSIDE(name) nm_axi_core__DOT__core__DOT__##name
typedef Vnm_axi_core core_top;
#else
#include "Vnm_core.h"
#include "Vnm_core___024root.h"
#define INSIDE(name) nm_core__DOT__##name
typedef Vnm_core core_top;
#endif
#include "verilated.h"

#include "core_host.h"
#include "fault.h"

// The errors of register 0, as in nm_core.v.
enum { E_BUS = 0x10, E_LIMITS = 0x20, E_SILENCE = 0x40 };

static core_top         *top;
static const core_model *model;
static uint64_t          base; // of the image in the memory
static uint64_t          random_state, n_wrong, max_clocks = 400000000;
static unsigned          latency = 20, gaps;
static std::vector<float> logits;

// Clocks, and those in which the port takes a request, a beat, the array a beat of codes, the lanes
// a strip: all of them so far.
struct work {
    uint64_t clocks, requests, beats, codes, strips;
};
static work done;

// Called in each clock.  In a netlist with planted faults the last two have other names.
static void count_work(bool asked, bool taken)
{
    done.clocks++, done.requests += asked, done.beats += taken;
#ifndef FAULTS
    const auto *inside = top->rootp;
    done.codes += inside->INSIDE(stream__DOT__to_array) && inside->INSIDE(stream__DOT__take);
    done.strips += inside->INSIDE(issue);
#endif
}

static void add_since(const work &begin, work *sum)
{
    sum->clocks += done.clocks - begin.clocks, sum->beats += done.beats - begin.beats;
    sum->codes += done.codes - begin.codes, sum->strips += done.strips - begin.strips;
}

static void print_work(const work &w, size_t n_tokens)
{
    auto share = [&](uint64_t part) { return 100.0 * double(part) / double(w.clocks); };

    printf("%llu clocks a token: array %.1f %%, port %.1f %%, lanes %.1f %%\n",
           (unsigned long long)(w.clocks / n_tokens), share(w.codes), share(w.beats),
           share(w.strips));
}

static uint64_t next_random() // xorshift64*
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dULL >> 16;
}

// Clocks until a request is answered: with gaps random, 1 to `latency`.
static uint64_t answer_time() { return gaps && latency ? 1 + next_random() % latency : latency; }
static bool     pauses() { return gaps && next_random() % 16 < gaps; }
// Some memories are ready before a request is offered, some only then.
static bool     waits_for_valid() { return gaps % 2; }
static uint64_t first_request; // its address, if it was ~0

// From beat number `from` on the memory is silent, until the core has been ready for a beat for
// `clocks` clocks; it is deaf if it takes no requests meanwhile, either.
static struct {
    uint64_t from, clocks, waited;
    bool     deaf;
} silence;

static void be_silent(uint64_t clocks, bool deaf)
{
    silence = {done.beats + 50, clocks, 0, deaf};
}
static bool silent() { return silence.waited < silence.clocks && done.beats >= silence.from; }
// When it is over, a beat comes at once.
static bool silence_ends() { return silence.clocks && silence.waited == silence.clocks; }
static void count_silence(bool ready, bool valid)
{
    if (valid) {
        if (silence.waited) silence = {};
    } else if (silent())
        silence.waited += ready;
}

static void take_logits(const uint32_t *data, unsigned keep)
{
    for (int l = 0; l < LANES; l++)
        if (keep >> l & 1) {
            float x;
            memcpy(&x, data + l, sizeof x);
            logits.push_back(x);
        }
}

// What is exact at the core's port is not on the bus: the adapter may be ready without the core,
// and the other way round.
#ifdef AXI
#include "port_axi.h"
enum { LONGEST_SILENCE = (1 << WAIT_BITS) - 200, LATEST = 1 << (WAIT_BITS + 1), LIMITS = 0 };
#else
#include "port_plain.h"
enum { LONGEST_SILENCE = (1 << WAIT_BITS) - 1, LATEST = (1 << WAIT_BITS) + 8, LIMITS = 1 };
#endif

static uint32_t state_address(size_t layer, size_t i)
{
    return 0x80000000u | uint32_t((model->state_strip + layer * model->state_step) * LANES + i);
}

static std::vector<uint32_t> read_state()
{
    std::vector<uint32_t> state;
    for (size_t l = 0; l < model->n_layers; l++)
        for (size_t i = 0; i < model->state_dim; i++)
            state.push_back(host_read(state_address(l, i)));
    return state;
}

static void write_state(const std::vector<uint32_t> &state)
{
    for (size_t l = 0; l < model->n_layers; l++)
        for (size_t i = 0; i < model->state_dim; i++)
            host_write(state_address(l, i), state[l * model->state_dim + i]);
}

// Words of the main memory, each bit of which is 0 and 1: some in every part of it, and those whose
// addresses differ in one bit.
static void check_memory()
{
    const uint32_t        words = M_STRIPS * LANES;
    std::vector<uint32_t> places = {0, words - 1};

    for (uint32_t bit = 1; bit < words; bit *= 2)
        places.push_back(bit), places.push_back(words - 1 - bit);
    for (uint32_t at = 0; at < words; at += 61) places.push_back(at); // all lanes in turn
    for (uint32_t turn : {0u, ~0u}) {
        for (uint32_t at : places) host_write(0x80000000u | at, turn ^ (at * 0x9e3779b1u + 1));
        for (uint32_t at : places)
            if (host_read(0x80000000u | at) != (turn ^ (at * 0x9e3779b1u + 1)))
                n_wrong++, printf("FAIL word %x of the main memory\n", at);
    }
}

static void set_up()
{
    host_write(0, 2); // reset: in the next clock the core may still offer a request
    tick();
    port_reset();
    for (int i = 0; i < 3; i++) tick();
    // In any order: here the last one first.
    for (size_t i = model->n_registers; i-- > 2;) host_write(uint32_t(i), model->registers[i]);
}

static bool same(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

static void compare(const char *what, size_t token, const float *found, const float *expected,
                    size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!same(found[i], expected[i]) && ++n_wrong <= 10)
            printf("FAIL token %zu %s %zu: %a, expected %a\n", token, what, i, found[i],
                   expected[i]);
}

// Writes what no register should have while the core runs: it takes nothing.
static void meddle()
{
    for (uint32_t i = 1; i < 0x30; i++) host_refused(i, 0xfffffff0 + i);
}

static void run_token(size_t number, int32_t id, bool disturbed, work *sum)
{
    std::vector<float> expected(model->vocab), state(model->n_layers * model->state_dim);

    core_host_feed(id, expected.data(), state.data());
    logits.clear();
    host_write(1, uint32_t(id));
    host_write(0, 1);
    const work begin = done;
    // Deaf, too, the memory needs some clocks more for its first beat.
    if (disturbed) be_silent(LONGEST_SILENCE - (number % 2 ? 200 : 0), number % 2), meddle();
    for (uint64_t limit = done.clocks + max_clocks; top->running && done.clocks < limit;) tick();
    add_since(begin, sum);
    if (top->running || logits.size() != model->vocab) {
        n_wrong++;
        printf("FAIL token %zu: %zu logits of %zu after %llu clocks: %s\n", number, logits.size(),
               model->vocab, (unsigned long long)(done.clocks - begin.clocks),
               core_host_error(host_read(0)));
        logits.resize(model->vocab);
    }
    compare("logit", number, logits.data(), expected.data(), model->vocab);
    std::vector<uint32_t> found = read_state();
    compare("state", number, (const float *)found.data(), state.data(), state.size());
}

// Whether the core can take these registers; no rule of nm_limits.v is looked up.
static bool fits(const uint32_t *r)
{
    const uint64_t d = r[8], e = r[9], n = r[10], size = r[6] & 1 ? 5 : 4;
    const uint64_t full = r[6] & 1 ? 48 : 60, block = LANES == 4 ? 64 : 128;
    auto           strips = [](uint64_t elements) { return (elements + LANES - 1) / LANES; };
    auto           main = [&](int pointer, uint64_t length) {
        return (r[pointer] & 0x0fffffff) + length <= M_STRIPS;
    };
    auto gain = [&](int base, uint64_t length) { return r[base] + length <= G_STRIPS; };
    auto within = [](uint64_t x, uint64_t most) { return x >= 1 && x <= most; };

    for (int i = 0; i < 3; i++) {
        uint64_t columns = r[8 + i], groups = (r[16 + i] & 255) * full + (r[16 + i] >> 8);
        if (!within(columns, 1 << 15) || r[16 + i] >> 8 >= full || groups > Q_GROUPS) return false;
        if (groups * size < columns || groups * size >= columns + 3 * size) return false;
    }
    for (int ring : {0x28, 0x29, 0x2a}) {
        uint64_t strip = r[ring] & 0x0fffffff, two = 2 * block / LANES;
        if (strip / two * two + two > M_STRIPS) return false;
    }
    uint64_t wide = std::max(strips(d), strips(e));
    return within(r[2], 1023) && within(r[11], 1 << 17) && r[12] == 2 * n && r[1] < r[11] &&
           main(0x20, strips(d)) && main(0x21, strips(d)) && main(0x22, strips(d)) &&
           main(0x23, strips(e)) && main(0x24, strips(e)) && main(0x25, strips(e)) &&
           main(0x26, r[2] * strips(e)) && main(0x27, (n + block - 1) / block * block / LANES) &&
           gain(0x14, wide) && gain(0x15, wide) && gain(0x16, strips(n)) && gain(0x17, strips(e));
}

// Starts with registers r, of which `changed` are not its own: the core refuses, reads nothing and
// does not start again; or it begins.  Then it has its own again.
static void check_registers(const std::vector<uint32_t> &own, const std::vector<uint32_t> &r,
                            const std::vector<int> &changed)
{
    static uint64_t n_checked;
    uint64_t        requests = done.requests;
    bool            good = fits(r.data());

    for (int i : changed) host_write(uint32_t(i), r[i]);
    for (int i = 0; i < 1200 && n_checked % 8 == 0; i++) tick(); // or it has yet to find out
    n_checked++;
    host_write(0, 1);
    for (uint32_t i = 0; i < 140 + (r[2] & 1023); i++) tick();
    uint32_t found = host_read(0), expected = good ? 1 : E_LIMITS;
    if (!good) {
        host_write(0, 1);
        for (int i = 0; i < 40; i++) tick();
        if (host_read(0) != E_LIMITS) found = host_read(0);
    }
    if (found != expected || (done.requests != requests) != good) {
        n_wrong++, printf("FAIL register");
        for (int i : changed) printf(" %02x = %x", i, r[i]);
        printf(": register 0 is %x, %llu requests\n", found,
               (unsigned long long)(done.requests - requests));
    }
    host_write(0, 2);
    tick();
    port_reset();
    host_write(6, own[6]);
    for (int i : changed) host_write(uint32_t(i), own[i]);
}

// Each register with each bit changed, one more, one less, nothing, as much as fits, and more.
static void check_limits(int32_t id)
{
    std::vector<uint32_t> own(model->registers, model->registers + model->n_registers);

    own[1] = uint32_t(id);
    host_write(1, own[1]);
    for (int i = 1; i <= 0x2a; i++) {
        if ((i >= 3 && i <= 7) || (i > 0x0c && i < 0x10) || (i > 0x17 && i < 0x20) || i == 0x13)
            continue;
        std::vector<uint32_t> r = own, values = {0, own[i] - 1, own[i] + 1};
        uint32_t              most = 0; // the most that fits: what fits is one range
        for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
            values.push_back(own[i] ^ bit);
            r[i] = most | bit;
            uint32_t above = own[i] & 0xf0000000; // elements that a pointer is further
            if (bit < 1u << 28 && (fits(r.data()) || r[i] <= (own[i] & 0x0fffffff))) most |= bit;
            values.push_back(above | most), values.push_back(above | (most + 1));
        }
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
        for (uint32_t value : values) {
            r[i] = value;
            if (i < 0x20 || value >> 28 < LANES) check_registers(own, r, {i});
        }
        r = own;
    }
    // The number of groups with one bit more: as many K blocks as that makes.
    const uint32_t full = own[6] & 1 ? 48 : 60;
    for (int i = 16; i < 19; i++)
        for (uint32_t bit = 1; bit < 1u << 14; bit *= 2) {
            std::vector<uint32_t> r = own;
            uint32_t groups = (((own[i] & 255) * full + (own[i] >> 8)) ^ bit) % (256 * full);
            r[i] = groups / full | groups % full << 8;
            check_registers(own, r, {i});
        }
    // Columns: none; with groups to match, or all of the last group's.
    for (int i = 0; i < 3; i++) {
        std::vector<uint32_t> r = own;
        r[8 + i] = r[16 + i] = 0;
        if (i == 2) r[12] = 0;
        check_registers(own, r, {8 + i, 16 + i, 12});
        r[8 + i] = 4, r[16 + i] = 3 << 8;
        if (i == 2) r[12] = 8;
        check_registers(own, r, {8 + i, 16 + i, 12});
        for (int columns = 1; columns < 20; columns++) {
            r[8 + i] = uint32_t(columns);
            if (i == 2) r[12] = 2 * r[10];
            check_registers(own, r, {8 + i, 16 + i, 12});
        }
    }
    // What is written in the clock of the reset itself is written nowhere.
    host_write(0, 2);
    host_write(8, ~0u);
    tick();
    port_reset();
    host_write(6, own[6]);
    host_write(0, 1);
    for (uint32_t i = 0; i < 140 + own[2]; i++) tick();
    if (host_read(0) != 1) n_wrong++, printf("FAIL a register is written in a reset\n");
    // A word beyond the main memory: not written, and the core does not start.
    host_write(0, 2);
    tick();
    port_reset();
    const uint32_t words = M_STRIPS * LANES;
    uint32_t       span = 1; // of the bits that an address of such a memory has
    while (span < words) span *= 2;
    for (uint32_t at : {words, span + 5, 2 * span + words - 1, 1u << 30 | 7}) {
        uint32_t alias = at % span, before = host_read(0x80000000u | alias);
        host_write(0x80000000u | at, ~before);
        uint32_t status = host_read(0);
        host_write(0, 1);
        for (int i = 0; i < 40; i++) tick();
        if (status != E_LIMITS || host_read(0) != E_LIMITS ||
            host_read(0x80000000u | alias) != before)
            n_wrong++, printf("FAIL word %x of the main memory: register 0 is %x\n", at, status);
        host_write(0, 2);
        tick();
    }
}

// Where the row of an id begins: each bit of embedding, row and id is 0 and 1.
static void check_embedding()
{
    for (uint32_t k = 0; k < 32; k++) {
        uint32_t base_units = 0x9e3779b1u * (k + 1), row = (base_units >> 7) & 0xffff;
        uint32_t id = k < 17 ? 1u << k : base_units >> 3 & 0x1ffff;
        if (k >= 24) row = 1u << (k - 16) | 1u << (31 - k);
        host_write(4, base_units), host_write(5, row), host_write(0x0b, 1 << 17);
        host_write(1, id);
        host_write(0, 1);
        first_request = ~0ull;
        silence = {0, ~0ull, 0, false}; // nothing lies there
        for (int i = 0; i < 1500 && first_request == ~0ull; i++) tick();
        uint64_t expected = uint64_t(uint32_t(base_units + id * row)) << 4;
        if (first_request != expected)
            n_wrong++, printf("FAIL embedding %x, row %x, id %x: read at %llx\n", base_units, row,
                              id, (unsigned long long)first_request);
        host_write(0, 2);
        tick();
        port_reset(), silence = {};
        host_write(6, model->registers[6]);
    }
}

// Each fault of the memory, and resets in the middle: the core ends, says so, and can go on.
static void disturb(int32_t id)
{
    std::vector<uint32_t> state = read_state();

    host_write(0, 1);
    port_refusals();
    set_up();
    for (int kind = 1; kind < FAULT_KINDS + 24; kind++) {
        bool fault = kind < FAULT_KINDS, quiet = kind >= FAULT_KINDS + 20;
        bool from_start = kind >= FAULT_KINDS + 22; // where it may wait without being ready
        port_fault(fault ? kind : 0);
        if (quiet) be_silent(~0ull, kind % 2);
        if (from_start) silence.from = 0;
        host_write(1, uint32_t(id));
        host_write(0, 1);
        uint64_t limit = done.clocks + (fault || quiet ? max_clocks : next_random() % 3000);
        while (top->running && done.clocks < limit) tick();
        if ((fault || quiet) && host_read(0) != (fault ? E_BUS : E_SILENCE))
            n_wrong++, printf("FAIL fault %d: register 0 is %x\n", kind, host_read(0));
        if (quiet && !from_start && !(silence.waited >= 1u << WAIT_BITS && silence.waited < LATEST))
            n_wrong++, printf("FAIL fault %d: %d clocks\n", kind, int(silence.waited));
        port_fault(0), silence = {};
        set_up();
        if (host_read(0)) n_wrong++, printf("FAIL fault %d: no reset\n", kind);
        write_state(state);
    }
    if (LIMITS) check_limits(id), check_embedding(), set_up(), write_state(state);
}

static std::vector<int32_t> parse_ids(const char *list)
{
    std::vector<int32_t> ids;
    for (char *end; *list; list = *end ? end + 1 : end)
        ids.push_back(int32_t(strtol(list, &end, 10)));
    return ids;
}

static void dump_words(const std::string &path, const void *words, size_t n, size_t n_bytes)
{
    const uint8_t *bytes = (const uint8_t *)words;
    FILE          *file = fopen(path.c_str(), "w");

    if (!file) perror(path.c_str()), exit(1);
    for (size_t i = 0; i < n; i++, fputc('\n', file)) // a word a line, most significant byte first
        for (size_t k = n_bytes; k-- > 0;) fprintf(file, "%02x", bytes[i * n_bytes + k]);
    fclose(file);
}

static void dump(const std::string &prefix, const std::vector<int32_t> &ids)
{
    std::vector<float> row(model->vocab), all, state(model->n_layers * model->state_dim);

    for (int32_t id : ids) {
        core_host_feed(id, row.data(), state.data());
        all.insert(all.end(), row.begin(), row.end());
    }
    dump_words(prefix + ".image", model->bytes, model->size / (4 * LANES), 4 * LANES);
    dump_words(prefix + ".registers", model->registers, model->n_registers, 4);
    dump_words(prefix + ".ids", ids.data(), ids.size(), 4);
    dump_words(prefix + ".logits", all.data(), all.size(), 4);
    printf("+beats=%zu +registers=%zu +tokens=%zu +vocab=%zu +state=%zu +state_words=%zu\n",
           model->size / (4 * LANES), model->n_registers, ids.size(), model->vocab,
           model->state_strip * LANES, model->n_layers * model->state_step * LANES);
}

int main(int argc, char **argv)
{
    std::string          prefix;
    std::vector<int32_t> ids;
    size_t               n = 3;
    uint64_t             seed = 1;
    work                 sum = {};
    bool                 quiet = false, faults = false, last = false;

    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "-q")) { quiet = true; continue; }
        if (!strcmp(argv[i], "-x")) { faults = true; continue; }
        if (!strcmp(argv[i], "-t")) { last = true; continue; }
        if (!strcmp(argv[i], "-n")) n = strtoull(value, nullptr, 0);
        else if (!strcmp(argv[i], "-i")) ids = parse_ids(value);
        else if (!strcmp(argv[i], "-s")) seed = strtoull(value, nullptr, 0);
        else if (!strcmp(argv[i], "-l")) latency = unsigned(atoi(value));
        else if (!strcmp(argv[i], "-d")) prefix = value;
        else if (!strcmp(argv[i], "-c")) max_clocks = strtoull(value, nullptr, 0);
        else if (!strcmp(argv[i], "-b")) base = strtoull(value, nullptr, 0);
        else if (!strcmp(argv[i], "-k")) core_host_steepen(strtof(value, nullptr));
        else if (!strcmp(argv[i], "-g")) gaps = unsigned(atoi(value));
        else return fprintf(stderr, "core_sim: unknown option %s\n", argv[i]), 2;
        i++;
    }
    if (argc < 2) return fprintf(stderr, "core_sim: a model file is needed\n"), 2;
    if (!n && ids.empty()) return fprintf(stderr, "core_sim: no tokens\n"), 2;
    if (!(model = core_host_open(argv[1], LANES, M_STRIPS, G_STRIPS, Q_GROUPS))) return 1;
    if (!core_host_move(base)) return 1;
    if (last) core_host_place_last();
    random_state = seed * 2 + 1;
    Verilated::randReset(2), Verilated::randSeed(int(seed));
    while (ids.size() < n) ids.push_back(int32_t(next_random() % model->vocab));

    if (!prefix.empty()) return dump(prefix, ids), 0;
    top = new core_top;
    choose_fault(top);
    top->rst = 1;
    port_begin();
    for (int i = 0; i < 4; i++) tick();
    top->rst = 0;
    set_up();
    check_memory();
    write_state(std::vector<uint32_t>(model->n_layers * model->state_dim));
    std::vector<float> all;
    for (size_t t = 0; t < ids.size(); t++) {
        run_token(t, ids[t], faults, &sum);
        all.insert(all.end(), logits.begin(), logits.end());
        if (t == ids.size() / 2) {
            if (faults) disturb(ids[t]);
            std::vector<uint32_t> state = read_state();
            core_host_exchange((float *)state.data());
            write_state(std::vector<uint32_t>(state.size(), 0x7fc00001));
            set_up();
            write_state(state);
        }
    }
    if (!quiet) {
        printf("%zu tokens, %zu logits: %llu wrong; ", ids.size(), all.size(),
               (unsigned long long)n_wrong);
        print_work(sum, ids.size());
    }
    printf("%016llx\n", (unsigned long long)core_host_hash(all.data(), all.size()));
    delete top;
    return n_wrong != 0;
}
