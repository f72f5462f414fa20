/* SPDX-License-Identifier: Apache-2.0 */
// core_sim.cpp's side of the ports of nm_core: a memory that answers in order, the host port, the
// stream of logits.  tick() is a clock.
#ifndef PORT_PLAIN_H
#define PORT_PLAIN_H

struct request {
    uint64_t address, beats, ready;
};
static std::deque<request> requests;
static bool                offered; // r_valid was shown and not taken: it stays

// No input is left random.
static void port_begin()
{
    top->host_write = 0, top->host_address = 0;
}

// Faults of the memory: here an error with every beat.
enum { FAULT_ERROR = 1, FAULT_KINDS };
static int  fault;
static void port_fault(int kind)
{
    fault = kind;
}

static void port_refusals()
{
} // the host is never refused

// What the memory shows before the clock.
static void drive_memory()
{
    bool data = !requests.empty() && requests.front().ready <= done.clocks && !silent();
    offered = data && (offered || silence_ends() || !pauses());
    top->r_valid = offered;
    top->r_error = fault == FAULT_ERROR;
    top->ar_ready = requests.size() < 4 && !pauses() && !(silence.deaf && silent()) &&
                    (top->ar_valid || !waits_for_valid());
    if (!offered) return;
    const request &r = requests.front();
    uint64_t       at = r.address - base;
    if (r.address < base || at + 4 * LANES > model->size) {
        if (!n_wrong++) printf("FAIL read at %llu\n", (unsigned long long)r.address);
        memset(&top->r_data[0], 0, 4 * LANES);
    } else
        memcpy(&top->r_data[0], model->bytes + at, 4 * LANES);
}

// The core's requests are lost by its reset.
static void port_reset()
{
    requests.clear(), offered = false;
}

static void tick()
{
    drive_memory();
    top->out_ready = !pauses();
    top->clk = 0, top->eval();
    bool asked = top->ar_valid && top->ar_ready, taken = top->r_valid && top->r_ready;
    count_silence(top->r_ready, top->r_valid);
    if (asked && first_request == ~0ull) first_request = top->ar_address;
    if (asked && !top->rst)
        requests.push_back({top->ar_address, top->ar_beats, done.clocks + answer_time()});
    if (top->out_valid && top->out_ready) take_logits(&top->out_data[0], top->out_keep);
    count_work(asked, taken);
    top->clk = 1, top->eval();
    if (taken) {
        request &r = requests.front();
        r.address += 4 * LANES, offered = false;
        if (!--r.beats) requests.pop_front();
    }
}

static void host_write(uint32_t address, uint32_t data)
{
    top->host_write = 1, top->host_address = address, top->host_data = data;
    tick();
    top->host_write = 0;
}

// A register that is not written while the core runs.
static void host_refused(uint32_t address, uint32_t data)
{
    host_write(address, data);
}

static uint32_t host_read(uint32_t address)
{
    top->host_address = address;
    for (int i = 0; i < 5; i++) tick();
    return top->host_read;
}

#endif
