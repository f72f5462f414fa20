/* SPDX-License-Identifier: Apache-2.0 */
// core_sim.cpp's side of the buses of nm_axi_core: an AXI4 memory that answers in order, an
// AXI4-Lite master, the sink of the logits.  tick() is a clock.  The adapters, built with NM_RULES,
// check the rules of both buses.
#ifndef PORT_AXI_H
#define PORT_AXI_H

static const uint32_t MAIN_MEMORY = 1u << 19; // ADDRESS_BITS = 20

struct request {
    uint64_t address, beats, ready;
    uint8_t  response;
};
static std::deque<request> requests;
static bool                offered; // RVALID was shown and RREADY not: it stays

// Faults of the memory, with the third burst from now: RRESP of all beats, RLAST.
enum { FAULT_NONE, FAULT_SLVERR, FAULT_DECERR, FAULT_EARLY, FAULT_LATE, FAULT_KINDS };
static int  fault, fault_in;
static void port_fault(int kind)
{
    fault = kind, fault_in = 3;
}
static void port_reset()
{
} // what is on the bus comes

// No input is left random.
static void port_begin()
{
    top->s_axi_awvalid = top->s_axi_wvalid = top->s_axi_arvalid = 0;
    top->s_axi_bready = top->s_axi_rready = 0;
}

static void ask()
{
    uint64_t beats = top->m_axi_arlen + 1u;
    request  r = {top->m_axi_araddr, beats, done.clocks + answer_time(), 0};

    if (top->m_axi_arburst != 1 || 1 << top->m_axi_arsize != 4 * LANES)
        n_wrong++, printf("FAIL ARBURST %u, ARSIZE %u\n", top->m_axi_arburst, top->m_axi_arsize);
    if (fault && fault_in && !--fault_in) {
        if (fault == FAULT_EARLY && beats == 1)
            fault_in = 1; // the next one, then
        else if (fault == FAULT_EARLY)
            r.beats--;
        r.beats += fault == FAULT_LATE;
        r.response = fault == FAULT_SLVERR ? 2 : fault == FAULT_DECERR ? 3 : 0;
    }
    requests.push_back(r);
}

// What the memory shows before the clock.
static void drive_memory()
{
    bool data = !requests.empty() && requests.front().ready <= done.clocks && !silent();
    offered = data && (offered || silence_ends() || !pauses());
    top->m_axi_rvalid = offered;
    top->m_axi_arready = requests.size() < 8 && !pauses() && !(silence.deaf && silent()) &&
                         (top->m_axi_arvalid || !waits_for_valid());
    if (!offered) return;
    const request &r = requests.front();
    uint64_t       at = r.address - base;
    top->m_axi_rlast = r.beats == 1;
    top->m_axi_rresp = r.response;
    if (r.address >= base && at + 4 * LANES <= model->size)
        memcpy(&top->m_axi_rdata[0], model->bytes + at, 4 * LANES);
    else if (fault != FAULT_LATE && !n_wrong++)
        printf("FAIL read at %llu\n", (unsigned long long)r.address);
}

static void tick()
{
    drive_memory();
    top->m_axis_tready = !pauses();
    top->clk = 0, top->eval();
    bool asked = top->m_axi_arvalid && top->m_axi_arready && !top->rst;
    bool taken = top->m_axi_rvalid && top->m_axi_rready;
    count_silence(top->m_axi_rready, top->m_axi_rvalid);
    if (asked) ask();
    if (top->m_axis_tvalid && top->m_axis_tready) {
        unsigned keep = 0;
        for (unsigned l = 0; l < LANES; l++)
            if (top->m_axis_tkeep >> 4 * l & 1) keep |= 1u << l;
        take_logits(&top->m_axis_tdata[0], keep);
    }
    count_work(asked, taken);
    top->clk = 1, top->eval();
    if (taken) {
        request &r = requests.front();
        r.address += 4 * LANES, offered = false;
        if (!--r.beats) requests.pop_front();
    }
}

// Of any of the word's bytes: the slave takes whole words.
static uint32_t bus_address(uint32_t word)
{
    return (word & 0x80000000u ? MAIN_MEMORY : 0) | (word & 0x7fffffffu) << 2 | (next_random() & 3);
}

// Ticks until `flag` is 1; a slave that never sets it has failed, and nothing can go on.
template <typename signal> static void await(const char *name, signal &flag)
{
    for (int i = 0; top->clk = 0, top->eval(), !flag; i++, tick())
        if (i == 1000) printf("FAIL %s does not come\n", name), exit(1);
}

// `valid` is set until `ready` is 1, too.
template <typename signal> static void transfer(const char *name, signal &valid, signal &ready)
{
    valid = 1;
    await(name, ready);
    tick();
    valid = 0;
}

static unsigned bus_write(uint32_t word, uint32_t data, unsigned strobe)
{
    top->s_axi_awaddr = bus_address(word), top->s_axi_wdata = data, top->s_axi_wstrb = strobe;
    top->s_axi_awvalid = 1; // the word comes some clocks after its address
    while (pauses()) tick();
    transfer("WREADY", top->s_axi_wvalid, top->s_axi_wready);
    top->s_axi_awvalid = 0;
    while (pauses()) tick();
    top->s_axi_bready = 1;
    await("BVALID", top->s_axi_bvalid);
    unsigned response = top->s_axi_bresp;
    tick();
    top->s_axi_bready = 0;
    return response;
}

static unsigned bus_read(uint32_t word, uint32_t *data)
{
    top->s_axi_araddr = bus_address(word);
    transfer("ARREADY", top->s_axi_arvalid, top->s_axi_arready);
    while (pauses()) tick();
    top->s_axi_rready = 1;
    await("RVALID", top->s_axi_rvalid);
    unsigned response = top->s_axi_rresp;
    *data = top->s_axi_rdata;
    tick();
    top->s_axi_rready = 0;
    return response;
}

static void answered(const char *what, uint32_t word, unsigned response, unsigned expected)
{
    if (response == expected) return;
    n_wrong++, printf("FAIL %s of word %x: response %u\n", what, word, response);
}

static void host_write(uint32_t word, uint32_t data)
{
    answered("write", word, bus_write(word, data, 15), 0);
}

static void host_refused(uint32_t word, uint32_t data)
{
    answered("write", word, bus_write(word, data, 15), 2);
}

static uint32_t host_read(uint32_t word)
{
    uint32_t data;
    answered("read", word, bus_read(word, &data), 0);
    return data;
}

// While the core runs: the main memory is refused, so are parts of a word (here a reset).  Where
// both a write and a read wait, they come in turn.
static void port_refusals()
{
    uint32_t    data;
    std::string order;

    answered("write", 0x80000000u, bus_write(0x80000000u, 0, 15), 2);
    answered("read", 0x80000000u, bus_read(0x80000000u, &data), 2);
    for (unsigned strobe : {0u, 7u, 11u, 13u, 14u})
        answered("partial write", 0, bus_write(0, 2, strobe), 2);
    if (!(host_read(0) & 1)) n_wrong++, printf("FAIL a refused reset\n");

    top->s_axi_awaddr = bus_address(1), top->s_axi_araddr = bus_address(0), top->s_axi_wstrb = 15;
    top->s_axi_awvalid = top->s_axi_wvalid = top->s_axi_arvalid = 1;
    top->s_axi_bready = top->s_axi_rready = 1;
    for (int i = 0; i < 80; i++) {
        tick();
        if (top->s_axi_awready) order += 'w';
        if (top->s_axi_arready) order += 'r';
    }
    await("WREADY", top->s_axi_wready), tick();
    top->s_axi_awvalid = top->s_axi_wvalid = 0;
    await("ARREADY", top->s_axi_arready), tick();
    top->s_axi_arvalid = 0;
    for (int i = 0; i < 12; i++) tick();
    top->s_axi_bready = top->s_axi_rready = 0;
    if (order.size() < 8 || order.find("ww") != order.npos || order.find("rr") != order.npos)
        n_wrong++, printf("FAIL writes and reads come as %s\n", order.c_str());
}

#endif
