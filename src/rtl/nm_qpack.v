// SPDX-License-Identifier: Apache-2.0
// Collects quantized strips and writes them to the q memory as groups of 4 (t4) or 5 (t5) bytes.
//
// Strips of LANES bytes come in bursts of at most DEPTH; the sender waits for `idle` before a
// burst.  `flush` pads with zeros until `groups` groups are written; then `flushed` is 1 for a
// clock, in which `flush` does nothing, and the next strip begins a new vector, in the other
// buffer.  The last strips may be more than `groups` need: nobody reads them.
//
// Latency 2 clocks from a strip that completes a group to its write, if no other strip waits.
// Throughput a group a clock: a strip of 16 lanes takes 4 clocks (t5: 3 or 4), one of 4 lanes 1.
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
    input  wire [15:0]        groups,
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
    reg [15:0]          written;

    wire       empty = head == tail;
    wire [4:0] group_bytes = t5 ? 5'd5 : 5'd4;
    reg        enough;  // a clock late: one group too many may be written
    wire       room = written < (16'd1 << Q_BITS);
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
            if (full_group && room) written <= written + 16'd1;
        end
endmodule
`default_nettype wire
