// SPDX-License-Identifier: Apache-2.0
// Collects quantized strips and writes them to the q memory as groups of 4 (t4) or 5 (t5) bytes.
//
// Strips of LANES bytes come in bursts of at most DEPTH; the sender waits for `idle` before a
// burst.  `flush` pads with zeros until `groups` groups are written; then `flushed` is 1 for a
// clock, in which `flush` does nothing; in the next one it has to be 0.  The next strip begins a
// new vector, in the other buffer.  `flush` comes a clock after `groups`.  The last strips may be
// more than `groups` need: nobody reads them.
//
// Latency 2 clocks from a strip that completes a group to its write, if no other strip waits.
// Throughput a group a clock: a strip of 16 lanes takes 4 clocks (t5: 3 or 4), one of 4 lanes 1.
//
// Proved (RTL_PARTS=formal): each byte that came is written once, in its place, and padding is 0;
// `flushed` comes when `groups` groups are written.
`default_nettype none
module nm_qpack #(
    parameter LANES = 4,
    parameter LANE_BITS = 2,
    parameter DEPTH_BITS = 4,
    parameter Q_BITS = 12   // a buffer has at most 2^Q_BITS groups
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               t5,
    input  wire               strip_valid,
    input  wire [8*LANES-1:0] strip,
    output wire               idle,
    input  wire               flush,
    input  wire [Q_BITS:0]    groups,
    output reg                flushed,
    output reg                buffer,    // that is being filled
    output wire               q_write,
    output wire [Q_BITS:0]    q_address,
    output wire [39:0]        q_data
);
    localparam [4:0] STRIP = 1 << LANE_BITS;
    localparam HOLD = LANES + 4;  // at most 4 bytes are left when a strip is added

    reg [8*LANES-1:0]   fifo [0:(1<<DEPTH_BITS)-1];
    reg [DEPTH_BITS:0]  head, tail;
    reg [8*HOLD-1:0]    held;
    reg [4:0]           kept;        // bytes held, without the group that leaves now
    reg                 full_group;  // and whether one does
    reg                 few;         // less than a group is kept
    reg [Q_BITS:0]      written;

    wire       empty = head == tail;
    wire [4:0] group_bytes = t5 ? 5'd5 : 5'd4;
    reg        enough;  // a clock late: one group too many may be written
    wire       room = !written[Q_BITS];
    wire       pads = flush && !flushed;
    wire       take = few && (!empty || (pads && !enough));
    wire [4:0] n_held = take ? kept + STRIP : kept;  // next
    wire       is_full = n_held >= group_bytes;
    wire [4:0] n_kept = is_full ? n_held - group_bytes : n_held;
    wire [8*HOLD-1:0] rest = !full_group ? held : t5 ? held >> 40 : held >> 32;
    wire [8*HOLD-1:0] added = {{32{1'b0}}, next} << {kept[2:0], 3'b0};
    wire [8*LANES-1:0] next = empty ? {8*LANES{1'b0}} : fifo[head[DEPTH_BITS-1:0]];

    assign idle = empty && !full_group;
    assign q_write = full_group && room;
    assign q_address = {written[Q_BITS-1:0], buffer};
    assign q_data = {t5 ? held[39:32] : 8'd0, held[31:0]};

    always @(posedge clk) begin
        enough <= written >= groups;
        if (strip_valid) fifo[tail[DEPTH_BITS-1:0]] <= strip;
    end

    always @(posedge clk)
        if (rst) begin
            head    <= 0;
            tail    <= 0;
            buffer  <= 1'b0;
            flushed <= 1'b0;
        end else begin
            if (strip_valid) tail <= tail + 1'b1;
            if (take && !empty) head <= head + 1'b1;
            if (flushed) buffer <= !buffer;
            flushed <= pads && empty && !full_group && enough;
        end
    always @(posedge clk)
        if (rst || flushed) begin
            held       <= 0;
            kept       <= 0;
            full_group <= 1'b0;
            few        <= 1'b1;
            written    <= 0;
        end else begin
            held       <= take ? rest | added : rest;
            kept       <= n_kept;
            full_group <= is_full;
            few        <= n_kept < group_bytes;
            if (full_group && room) written <= written + 1'b1;
        end

`ifdef FORMAL
    // One byte of a vector, any: number `at`, which is `value`, 0 where it is padding.
    (* anyconst *) reg [5:0] at;
    reg              started = 0, was_t5, was_rst, was_flushed, was_buffer;
    reg  [Q_BITS:0]  was_groups;
    reg  [5:0]       came, left;  // bytes that came, also as padding, and left in groups
    reg  [7:0]       value;
    wire [4:0]       size = t5 ? 5'd5 : 5'd4;
    wire [4:0]       n_here = full_group ? kept + size : kept;
    wire [DEPTH_BITS:0] strips = tail - head;
    wire [5:0]       in_fifo = at - left - n_here, ahead = at - came, here = at - left;
    wire [5:0]       n_written = {written, 2'b0} + (t5 ? written : 0);
    wire [8*LANES-1:0] coming = empty && take ? 0 : strip;
    wire             comes = strip_valid || (empty && take);
    wire [DEPTH_BITS-1:0] place = head + in_fifo[5:2];
    wire [8*LANES-1:0] there = fifo[place] >> {in_fifo[1:0], 3'b0};
    wire [8*HOLD-1:0] after = held >> {here, 3'b0};
    integer          j;

    always @(posedge clk) begin
        if (rst) started <= 1;
        {was_t5, was_groups, was_buffer} <= {t5, groups, buffer};
        {was_rst, was_flushed} <= {rst, flushed && !rst};
        if (rst || flushed) {came, left} <= 0;
        else begin
            if (comes) came <= came + 6'd4;
            if (full_group) left <= left + size;
        end
        if (comes && ahead < 6'd4) value <= coming >> {ahead[1:0], 3'b0};
    end
    always @* begin
        if (!started) assume (rst);
        if (started) begin
            assume (t5 == was_t5 && came < 6'd52);
            assume (!strip_valid || (!strips[DEPTH_BITS] && !flush && !flushed));
            assume (!flush || (groups == was_groups && !was_rst && !was_flushed));
            assert (strips <= 1 << DEPTH_BITS && written <= 1 << Q_BITS);
            assert (came == left + n_here + {strips, 2'b0});
            assert (few == (kept < size) && n_here <= HOLD && kept < size + LANES);
            assert (held >> {n_here, 3'b0} == 0);
            assert (left <= came && (room ? left == n_written : left >= n_written));
            if (at < came && here < n_here) assert (after[7:0] == value);
            if (at < came && here >= n_here && at >= left) assert (there[7:0] == value);
            if (q_write) begin
                assert (q_address == {written[Q_BITS-1:0], buffer});
                for (j = 0; j < 5; j = j + 1)
                    if (j < size) assert (here != j || q_data[8*j+:8] == value);
                    else assert (q_data[8*j+:8] == 0);
            end
            if (full_group && !q_write) assert (written[Q_BITS]);
            if (flushed) assert (!was_flushed && empty && !full_group);
            if ((flushed || enough) && !was_rst && !was_flushed) assert (written >= was_groups);
            if (was_flushed) assert (buffer != was_buffer);
        end
    end
`endif
endmodule
`default_nettype wire
