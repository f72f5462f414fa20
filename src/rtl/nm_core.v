// SPDX-License-Identifier: Apache-2.0
// The core: computes a token of a nomul model file.
//
// The host writes registers and the state, sets the id and starts; the core reads records, gains
// and weights through its memory port, and gives the logits as a stream.  The state of the text
// stays in the main memory, where the host can read and write it while the core does not run.
//
// Host port: a word a clock with `host_write`; `host_read` answers the address of 4 clocks before.
//
//   00  write: bit 0 start, bit 1 reset.  Read: bit 0 running, bits 6:4 errors
//   01  id of the token, below 2^17       08-0c  d, e, n, vocabulary, 2n
//   02  layers                            10-12  K blocks of d, e, n columns: bits 7:0 full
//   03  first record                             blocks, 13:8 groups in the rest
//   04  embedding                         14-17  gain memory: strips of 4 vectors
//   05  a row of it                       18-1c  scalars: d, e, n as floats, eps, factor of x
//   06  bit 0 t5, bit 1 binary16*         20-2a  main memory: strips where x u v f i g h sa, and in
//                                                the ring ab, up and the second half of ab begin;
//                                                bits 31:28 elements that `up` is further
//   * 0 after a reset, which leaves the other registers and the memories as they are.
//   0x..: with bit 31 of the address set, words of the main memory
//
// Addresses of memory are in units of 16 bytes.  A record is 32 words: addresses of the gains of
// the layer (attn_norm, f, i, g; bounds; attn_g_norm, output, ffn_norm, gate_up, down), of its
// weights (f, i, g, output, gate_up, down); then from word 16 their scales.  After the layers'
// follows the record of the head: output_norm, the head's gain, weights and scale in the places of
// attn_norm and f.
//
// While the core runs it takes nothing but register 0.  Errors are kept until a reset by the host:
//
//   bit 4  a bus error: the token ends, its logits are worth nothing
//   bit 5  the registers ask for more than the core has (nm_limits), the id is none of the
//          vocabulary, or a word beyond the main memory was written: that word, or the token, is
//          not begun
//   bit 6  for 2^WAIT_BITS clocks the core could have used a beat, and the memory gave none
//
// After bits 5 and 6 the core stands still as after a reset, and does not start until there is one.
// It never waits for anything but its memory, so long, and the reader of the logits.
//
// Latency: the first request is offered 21 clocks after the start was written, if the registers
// have been checked by then (nm_limits); `running` ends 5 clocks after the last logits were taken.
// Throughput: a beat of weights and a strip of logits a clock; the clocks of a whole token are in
// README.md, "Figures".
//
// Memory, logits, and inside jobs, codes and sums are valid/ready.  What is not, and why nothing is
// lost:
//
//   issue        The lanes never wait: nm_sequencer issues what finds its operands, as its header
//                says.
//   q_valid      The queue of nm_qpack holds a block, and a block begins when it is empty.  Strips
//                of the block before cannot still be on their way: of 16 strips the first ones
//                arrive while the others are issued, and then the queue is not empty until the
//                last one has left; 8 strips might, so there the pipeline has to be empty, too.
//   strip_valid  The queue of logits holds a block, too, and a block begins when it is empty; the
//                operation in between takes longer than strips are on their way.
//   g_write, rec_write
//                The stream engine alone writes these memories.  The program reads what was loaded
//                after `waitv`.  It queues a load after all operations that read what the load
//                overwrites; they read 2 clocks after an issue, the first beat comes later.
//   pack_flush   It stays 1 until pack_flushed answers, for a clock.  In that clock the job is
//                queued: the flush began when there was room, and only the sequencer queues jobs.
//   tile_done, vector_done
//                A pulse each for a tile or a job that is under way; counters count them.
`default_nettype none
module nm_core #(
    parameter LANES = 4,    // 4, 8 or 16; the memory port has 32 LANES bits
    // Multiples of 16, of Q_GROUPS 8.
    parameter M_STRIPS = 1024, // main memory: strips of LANES floats
    parameter G_STRIPS = 256,  // gain memory
    parameter Q_GROUPS = 256,  // q memory: two buffers of so many groups
    parameter WAIT_BITS = 20   // memory may be silent for less than 2^WAIT_BITS clocks
) (
    input  wire                clk,
    input  wire                rst,
    // Host.
    input  wire                host_write,
    input  wire [31:0]         host_address,
    input  wire [31:0]         host_data,
    output reg  [31:0]         host_read,
    // Memory.
    output wire                ar_valid,
    input  wire                ar_ready,
    output wire [35:0]         ar_address,
    output wire [8:0]          ar_beats,
    input  wire                r_valid,
    output wire                r_ready,
    input  wire [32*LANES-1:0] r_data,
    input  wire                r_error,
    // Logits: a strip, the elements that count, and whether it is the last.
    output wire                out_valid,
    input  wire                out_ready,
    output wire [32*LANES-1:0] out_data,
    output wire [LANES-1:0]    out_keep,
    output wire                running
);
    localparam LANE_BITS = LANES == 16 ? 4 : LANES == 8 ? 3 : 2;
    localparam VL_BITS = LANES == 16 ? 3 : 4;
    localparam M_BITS = $clog2(M_STRIPS), G_BITS = $clog2(G_STRIPS), Q_BITS = $clog2(Q_GROUPS);
    localparam H_BITS = M_BITS + LANE_BITS;

    // ---- Host
    reg         reset;        // of all below
    wire        control = host_write && !host_address[31] && host_address[6:0] == 7'd0;
    wire        put = host_write && !host_address[31] && !running && !reset;
    wire        put_word = host_write && host_address[31] && !running;
    wire        exists = {1'b0, host_address[30:0]} < M_STRIPS << LANE_BITS;
    wire        clear = rst || (control && host_data[1]);
    reg         cleared;      // of the errors, too
    reg         bus_error, limit_error, time_error;
    wire        start = control && host_data[0] && !running && !limit_error && !time_error;
    wire        refused, late;
    reg  [3:0]  from_memory;
    wire [31:0] m_word;

    always @(posedge clk) begin
        cleared     <= clear;
        reset       <= clear || refused || late;
        bus_error   <= !cleared && (bus_error || (r_valid && r_ready && r_error));
        limit_error <= !cleared && (limit_error || refused || (put_word && !exists));
        time_error  <= !cleared && (time_error || late);
        from_memory <= {from_memory[2:0], host_address[31]};
        host_read   <= from_memory[2] ? m_word
                     : {25'd0, time_error, limit_error, bus_error, 3'd0, running};
    end
    wire unused = &{1'b0, from_memory[3]};

    // ---- Clocks in which a beat could be used since the last one came
    wire              starved;
    reg               waits, answered;
    reg [WAIT_BITS:0] waited;
    assign late = waited[WAIT_BITS];
    always @(posedge clk) begin
        waits    <= starved;
        answered <= r_valid;
        if (reset || answered) waited <= 0;
        else if (waits) waited <= waited + 1'b1;
    end

    // ---- Sequencer
    wire               issue, pipe_empty, tile_ready, tile_done, tile_half, t5;
    wire [47:9]        operation;
    wire [VL_BITS-1:0] issue_v, issue_ahead;
    wire [15:0]        issue_strip, issue_state;
    wire [Q_BITS:0]    pack_groups;
    wire [17:0]        issue_count;
    wire [3:0]         issue_rotate, rec_word_address;
    wire               pack_idle, pack_flush, pack_flushed, pack_buffer, out_idle;
    wire               job_valid, job_ready, job_half, job_buffer, vector_done;
    wire [1:0]         job_kind;
    wire [31:0]        job_address, rec_word;
    wire [15:0]        job_tiles, job_strips;
    wire [7:0]         job_blocks;
    wire [5:0]         job_rest;
    wire [G_BITS-1:0]  job_to;

    wire               limits_known, limits_fit;
    nm_limits #(
        .LANE_BITS(LANE_BITS), .VL_BITS(VL_BITS), .M_STRIPS(M_STRIPS), .G_STRIPS(G_STRIPS),
        .Q_GROUPS(Q_GROUPS)
    ) limits (
        .clk(clk), .rst(reset), .t5(t5),
        .put(put), .put_address(host_address[6:0]), .put_data(host_data),
        .known(limits_known), .fits(limits_fit)
    );

    nm_sequencer #(
        .LANE_BITS(LANE_BITS), .VL_BITS(VL_BITS), .G_BITS(G_BITS), .Q_BITS(Q_BITS)
    ) sequencer (
        .clk(clk), .rst(reset), .put(put), .put_address(host_address[6:0]), .put_data(host_data),
        .start(start), .running(running), .t5(t5),
        .limits_known(limits_known), .limits_fit(limits_fit), .refused(refused),
        .issue(issue), .operation(operation), .issue_v(issue_v), .issue_strip(issue_strip),
        .issue_count(issue_count), .issue_ahead(issue_ahead), .issue_rotate(issue_rotate),
        .issue_state(issue_state), .pipe_empty(pipe_empty),
        .tile_ready(tile_ready), .tile_done(tile_done), .tile_half(tile_half),
        .pack_idle(pack_idle), .pack_flush(pack_flush), .pack_groups(pack_groups),
        .pack_flushed(pack_flushed), .pack_buffer(pack_buffer), .out_idle(out_idle),
        .job_valid(job_valid), .job_ready(job_ready), .job_kind(job_kind), .job_half(job_half),
        .job_address(job_address), .job_tiles(job_tiles), .job_blocks(job_blocks),
        .job_rest(job_rest), .job_buffer(job_buffer), .job_strips(job_strips), .job_to(job_to),
        .vector_done(vector_done),
        .rec_address(rec_word_address), .rec_data(rec_word)
    );

    // ---- Jobs wait in a queue
    localparam JOB = 2 + 1 + 32 + 16 + 8 + 6 + 1 + 16 + G_BITS;
    wire           next_valid, next_ready, next_half, next_buffer;
    wire [1:0]     next_kind;
    wire [31:0]    next_address;
    wire [15:0]    next_tiles, next_strips;
    wire [7:0]     next_blocks;
    wire [5:0]     next_rest;
    wire [G_BITS-1:0] next_to;

    nm_fifo #(.WIDTH(JOB), .BITS(3)) jobs (
        .clk(clk), .rst(reset), .in_valid(job_valid), .in_ready(job_ready),
        .in_data({job_kind, job_half, job_address, job_tiles, job_blocks, job_rest, job_buffer,
                  job_strips, job_to}),
        .out_valid(next_valid), .out_ready(next_ready),
        .out_data({next_kind, next_half, next_address, next_tiles, next_blocks, next_rest,
                   next_buffer, next_strips, next_to})
    );

    // ---- Stream engine and its q memory
    wire                q_read, q_write, g_write, rec_write, sums_valid, sums_ready;
    wire [Q_BITS:0]     q_read_address, q_write_address;
    wire [39:0]         q_read_data, q_write_data;
    wire [G_BITS-1:0]   g_address;
    wire [32*LANES-1:0] g_data;
    wire [4:0]          rec_address;
    wire [96*LANES-1:0] sums;

    nm_stream #(.LANES(LANES), .LANE_BITS(LANE_BITS), .Q_BITS(Q_BITS), .G_BITS(G_BITS)) stream (
        .clk(clk), .rst(reset), .t5(t5),
        .job_valid(next_valid), .job_ready(next_ready), .job_kind(next_kind),
        .job_half(next_half), .job_address(next_address), .job_tiles(next_tiles),
        .job_blocks(next_blocks), .job_rest(next_rest), .job_buffer(next_buffer),
        .job_strips(next_strips), .job_to(next_to),
        .vector_done(vector_done),
        .ar_valid(ar_valid), .ar_ready(ar_ready), .ar_address(ar_address), .ar_beats(ar_beats),
        .r_valid(r_valid), .r_ready(r_ready), .r_data(r_data), .starved(starved),
        .q_read(q_read), .q_address(q_read_address), .q_data(q_read_data),
        .g_write(g_write), .g_address(g_address), .g_data(g_data),
        .rec_write(rec_write), .rec_address(rec_address),
        .sums_valid(sums_valid), .sums_ready(sums_ready), .sums(sums)
    );
    nm_memory #(.WIDTH(40), .WORDS(2 * Q_GROUPS), .BITS(Q_BITS + 1)) q_memory (
        .clk(clk), .write(q_write), .write_address(q_write_address), .write_data(q_write_data),
        .move(q_read), .read_address(q_read_address), .read_data(q_read_data)
    );

    // ---- Vector engine
    wire                q_valid, strip_valid;
    wire [8*LANES-1:0]  q_strip;
    wire [32*LANES-1:0] strip_data;
    wire [LANES-1:0]    strip_keep;

    nm_vector #(
        .LANES(LANES), .LANE_BITS(LANE_BITS), .VL_BITS(VL_BITS),
        .M_STRIPS(M_STRIPS), .G_STRIPS(G_STRIPS)
    ) vector (
        .clk(clk), .rst(reset), .put(put), .put_address(host_address[6:0]), .put_data(host_data),
        .issue(issue), .ir(operation), .issue_v(issue_v), .issue_strip(issue_strip),
        .issue_count(issue_count), .issue_ahead(issue_ahead), .issue_rotate(issue_rotate),
        .issue_state(issue_state), .pipe_empty(pipe_empty),
        .host(!running), .host_write(put_word && exists),
        .host_address(host_address[H_BITS-1:0]), .host_data(host_data), .host_read(m_word),
        .g_write(g_write), .g_address(g_address), .g_data(g_data),
        .rec_write(rec_write), .rec_address(rec_address),
        .rec_word_address(rec_word_address), .rec_word(rec_word),
        .sums_valid(sums_valid), .sums_ready(sums_ready), .sums(sums),
        .tile_ready(tile_ready), .tile_done(tile_done), .tile_half(tile_half),
        .q_valid(q_valid), .q_strip(q_strip),
        .out_valid(strip_valid), .out_strip(strip_data), .out_keep(strip_keep)
    );

    nm_qpack #(.LANES(LANES), .LANE_BITS(LANE_BITS), .DEPTH_BITS(VL_BITS), .Q_BITS(Q_BITS)) pack (
        .clk(clk), .rst(reset), .t5(t5), .strip_valid(q_valid), .strip(q_strip),
        .idle(pack_idle), .flush(pack_flush), .groups(pack_groups), .flushed(pack_flushed),
        .buffer(pack_buffer),
        .q_write(q_write), .q_address(q_write_address), .q_data(q_write_data)
    );

    // ---- Logits: the queue holds a block; another one begins when it is empty
    wire logits_room;
    nm_fifo #(.WIDTH(33 * LANES), .BITS(VL_BITS)) logits (
        .clk(clk), .rst(reset), .in_valid(strip_valid), .in_ready(logits_room),
        .in_data({strip_keep, strip_data}), .out_valid(out_valid), .out_ready(out_ready),
        .out_data({out_keep, out_data})
    );
    assign out_idle = !out_valid && !strip_valid;
    wire   unused_room = logits_room;

`ifdef NM_RULES
    // An offer stays until it is taken: requests (nm_stream), sums (nm_array), and these.
    wire job_ok, beat_ok, logits_ok;
    channel_rules #(.WIDTH(JOB)) job_rules (
        .clk(clk), .rst(reset), .valid(job_valid), .ready(job_ready),
        .data({job_kind, job_half, job_address, job_tiles, job_blocks, job_rest, job_buffer,
               job_strips, job_to}),
        .ok(job_ok)
    );
    channel_rules #(.WIDTH(32 * LANES + 1)) beat_rules (
        .clk(clk), .rst(clear || reset), .valid(r_valid), .ready(r_ready), .data({r_error, r_data}),
        .ok(beat_ok)
    );
    channel_rules #(.WIDTH(33 * LANES)) logits_rules (
        .clk(clk), .rst(reset), .valid(out_valid), .ready(out_ready),
        .data({out_keep, out_data}), .ok(logits_ok)
    );
    // No group of q is written to the buffer of a product that is not finished.
    wire q_ok;
    q_rules q_rules (
        .clk(clk), .rst(reset), .queued(job_valid && job_ready && job_kind == 2'd0),
        .queued_buffer(job_buffer), .taken(next_valid && next_ready && next_kind == 2'd0),
        .idle(next_ready), .write(q_write), .write_buffer(q_write_address[0]), .ok(q_ok)
    );
    wire unused_rules = &{1'b0, job_ok, beat_ok, logits_ok, q_ok};
`endif
endmodule
`default_nettype wire
