// SPDX-License-Identifier: Apache-2.0
// The stream engine: carries out jobs in order, each of which reads memory through one burst port.
//
//   product   the weights of a matrix, tile by tile, go through the ternary array; the sums of a
//             tile, 128 of 24 bits, go to one of two tile buffers.  When both are full, all waits
//   vector    floats go to the gain memory, a strip of LANES floats a clock; or binary16 numbers,
//             each put where a binary32 has sign, exponent and fraction: the float times 2^-112
//   record    32 words go to the record memory
//
// Weights lie in the model file in panels of 16 tiles; in a panel K block by K block, in a K block
// tile by tile (models/FORMAT.md).  A tile is read block after block: the address jumps, but one
// tile of sums is enough.  No address is multiplied:
//
//   at      the next burst           step    from a block of this tile to its next block
//   tile    the tile's first block   tail    the tile's last, shorter block, if there is one
//
// Latency: the first request is offered in the clock after a job was taken; a beat of codes is in
// the array 3 clocks after it was taken, its sums come 4 clocks later; a strip of a vector is
// written in the clock after its beat.  Throughput: a beat a clock, of binary16 one in two.
//
// Requests run ahead of the data: up to the memory's own limit they are outstanding.  They are at
// least 5 clocks apart.  A job is taken when the last beat of the one before has come, so between
// two jobs the memory's latency passes.
//
// g_write, rec_write and vector_done have no ready: nm_core says why that is safe.
//
// Proved (RTL_PARTS=formal): a request stays until it is taken, so do sums; of a vector or a record
// exactly the beats that it has are asked for, taken and written, strip by strip from its place on;
// of a product all that is needed has been asked for when its last beat comes.
`default_nettype none
module nm_stream #(
    parameter LANES = 4,
    parameter LANE_BITS = 2,
    parameter Q_BITS = 12,  // a buffer of q has at most 2^Q_BITS groups
    parameter G_BITS = 12   // the gain memory has at most 2^G_BITS strips
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                t5,
    // A job.
    input  wire                job_valid,
    output wire                job_ready,
    input  wire [1:0]          job_kind,    // 0 product, 1 vector, 2 record
    input  wire                job_half,    // a vector of binary16
    input  wire [31:0]         job_address, // in units of 16 bytes
    input  wire [15:0]         job_tiles,
    input  wire [7:0]          job_blocks,  // full K blocks of the matrix
    input  wire [5:0]          job_rest,    // groups in the last, shorter one
    input  wire                job_buffer,  // of q
    input  wire [15:0]         job_strips,  // of a vector
    input  wire [G_BITS-1:0]   job_to,      // its first strip in the gain memory
    output reg                 vector_done,
    // The memory port: requests of 1 to 480 beats; their data in order.
    output wire                ar_valid,
    input  wire                ar_ready,
    output wire [35:0]         ar_address,  // in bytes
    output wire [8:0]          ar_beats,
    input  wire                r_valid,
    output wire                r_ready,
    input  wire [32*LANES-1:0] r_data,
    output wire                starved,     // a beat could be used, and none is there
    // q, a group a read, two clocks later
    output wire                q_read,
    output reg  [Q_BITS:0]     q_address,
    input  wire [39:0]         q_data,
    // The gain memory and the record memory.
    output reg                 g_write,
    output reg  [G_BITS-1:0]   g_address,
    output reg  [32*LANES-1:0] g_data,
    output reg                 rec_write,
    output reg  [4:0]          rec_address,
    // The tile buffers: a beat of sums.
    output wire                sums_valid,
    input  wire                sums_ready,
    output wire [96*LANES-1:0] sums
);
    localparam ROWS = 4 * LANES;               // bytes of a beat
    localparam BEAT_BITS = ROWS == 64 ? 1 : ROWS == 32 ? 2 : 3;  // 128 / ROWS beats a group
    localparam UNIT_BITS = 3 - BEAT_BITS;      // a beat is 2^UNIT_BITS units of 16 bytes
    localparam [15:0] RECORD = 1 << (5 - LANE_BITS);  // strips
    localparam [4:0] STRIP = 1 << LANE_BITS;
    localparam [1:0] PRODUCT = 2'd0, VECTOR = 2'd1;

    // ---- The job at hand: both walks below begin together and end with the data
    reg         busy;
    reg  [1:0]  kind;
    reg         half, buffer;
    reg  [Q_BITS:0] groups;  // of a row
    wire [5:0]  full = t5 ? 6'd48 : 6'd60;
    wire        start = job_valid && job_ready;
    wire [15:0] job_groups = (t5 ? {4'b0, job_blocks, 4'b0} + {3'b0, job_blocks, 5'b0}
                                 : {2'b0, job_blocks, 6'b0} - {6'b0, job_blocks, 2'b0}) +
                             {10'b0, job_rest};
    wire        unused_groups = &{1'b0, job_groups};  // more than q can have

    assign job_ready = !busy;

    // ---- Requests
    reg         asking;
    reg  [15:0] ask_tiles;   // left, this one included
    reg  [3:0]  ask_tile;    // in the panel
    reg  [7:0]  blocks, ask_blocks;
    reg  [5:0]  rest;
    reg         in_tail;
    reg  [8:0]  vector_beats;
    reg  [31:0] at, tile, tail; // in units of 16 bytes
    reg  [15:0] more;           // beats of a vector beyond vector_beats

    // Sizes in units of 16 bytes: 8 a group of a tile.
    reg  [4:0]  panel_tiles;
    wire [31:0] full_size = {23'b0, full, 3'b0};
    wire [31:0] rest_size = {23'b0, rest, 3'b0};
    wire [5:0]  ask_groups = in_tail ? rest : full;
    wire [8:0]  product_beats = BEAT_BITS == 3 ? {ask_groups, 3'b0}
                              : BEAT_BITS == 2 ? {1'b0, ask_groups, 2'b0}
                                               : {2'b0, ask_groups, 1'b0};
    wire        ask = ar_valid && ar_ready;

    assign ar_valid = asking;
    assign ar_address = {at, 4'b0};
    assign ar_beats = kind == PRODUCT ? product_beats : vector_beats;

    // What comes next, a sum a clock: four clocks after a request was taken all of them are known.
    reg  [4:1]  taken;
    reg         last_block, last_of_panel;
    reg  [12:0] step;    // at most 16 tiles of 60 groups of 8 units
    reg  [31:0] at_next, tile_next, panel_tail, tail_next;
    reg  [15:0] tiles_next;

    always @(posedge clk) begin
        taken         <= rst || start ? 4'd0 : {taken[3:1], ask};
        last_block    <= in_tail || (ask_blocks == 8'd1 && rest == 0);
        last_of_panel <= ask_tile == 4'd15;
        tiles_next    <= ask_tiles - 16'd1;
        step          <= t5 ? {panel_tiles[3:0], 9'b0} - {1'b0, panel_tiles, 7'b0}
                            : {panel_tiles[3:0], 9'b0} - {3'b0, panel_tiles, 5'b0};
        at_next       <= at + (kind == PRODUCT ? {19'b0, step}
                                               : {23'b0, vector_beats} << UNIT_BITS);
        tile_next     <= tile + (blocks == 0 ? rest_size : full_size);
        // The panel's tail begins where the first tile's full blocks end.
        panel_tail    <= ask_tile != 0 ? tail : in_tail ? at : at_next;
        tail_next     <= panel_tail + rest_size;
    end

    wire [15:0] job_beats = job_kind != VECTOR ? RECORD
                          : job_half ? {1'b0, job_strips[15:1]} + {15'b0, job_strips[0]}
                          : job_strips;

    always @(posedge clk)
        if (rst) asking <= 1'b0;
        else if (start) begin
            asking       <= 1'b1;
            at           <= job_address;
            tile         <= job_address;
            ask_tiles    <= job_tiles;
            panel_tiles  <= job_tiles > 16'd16 ? 5'd16 : job_tiles[4:0];
            ask_tile     <= 0;
            blocks       <= job_blocks;
            ask_blocks   <= job_blocks;
            rest         <= job_rest;
            in_tail      <= job_blocks == 0;
            vector_beats <= job_beats > 16'd256 ? 9'd256 : job_beats[8:0];
            more         <= job_beats > 16'd256 ? job_beats - 16'd256 : 16'd0;
        end else if (ask) asking <= 1'b0;
        else if (taken[4] && kind != PRODUCT) begin
            at           <= at_next;
            asking       <= more != 0;
            vector_beats <= more > 16'd256 ? 9'd256 : more[8:0];
            more         <= more > 16'd256 ? more - 16'd256 : 16'd0;
        end else if (taken[4] && !last_block) begin
            asking     <= 1'b1;
            ask_blocks <= ask_blocks - 8'd1;
            in_tail    <= ask_blocks == 8'd1;
            at         <= ask_blocks == 8'd1 && ask_tile != 0 ? tail : at_next;
        end else if (taken[4]) begin
            asking     <= ask_tiles != 16'd1;
            ask_tiles  <= tiles_next;
            ask_tile   <= ask_tile + 4'd1;
            ask_blocks <= blocks;
            in_tail    <= blocks == 0;
            tail       <= tail_next;
            tile       <= last_of_panel ? tail_next : tile_next;
            at         <= last_of_panel ? tail_next : tile_next;
            if (last_of_panel) panel_tiles <= tiles_next > 16'd16 ? 5'd16 : tiles_next[4:0];
        end

    // ---- Data: three clocks from a beat to the array, as q comes from a memory
    reg  [15:0]          tiles, strips;
    reg  [Q_BITS:0]      group;
    reg  [BEAT_BITS-1:0] beat;
    reg                  upper;  // the second half of a beat of binary16
    reg  [3:1]           valid, first, last;
    reg  [8*ROWS-1:0]    codes1, codes2, codes3;
    wire                 move;
    wire                 to_array = busy && kind == PRODUCT;
    wire                 take = r_valid && r_ready;
    wire                 last_beat = &beat;
    wire                 last_group = group + 1'b1 == groups;
    wire                 last_taken = kind == PRODUCT ? last_beat && last_group && tiles == 16'd1
                                                      : strips == 16'd1;
    wire                 two = half && !upper && strips != 16'd1;
    wire                 strip_here = busy && kind != PRODUCT && r_valid;

    assign r_ready = to_array ? move : busy && !two;
    assign starved = !r_valid && (to_array ? move : busy);
    assign q_read = move;

    always @(posedge clk)
        if (rst) busy <= 1'b0;
        else if (start) begin
            busy   <= 1'b1;
            kind   <= job_kind;
            half   <= job_half;
            buffer <= job_buffer;
            tiles  <= job_tiles;
            groups <= job_groups[Q_BITS:0];
            group  <= 0;
            beat   <= 0;
            upper  <= 1'b0;
            strips <= job_kind == VECTOR ? job_strips : RECORD;
        end else if (to_array && take) begin
            beat <= beat + 1'b1;
            if (last_beat) begin
                group <= last_group ? 0 : group + 1'b1;
                if (last_group) tiles <= tiles - 16'd1;
            end
            if (last_taken) busy <= 1'b0;
        end else if (strip_here) begin
            strips <= strips - 16'd1;
            upper  <= two;
            if (strips == 16'd1) busy <= 1'b0;
        end

    always @(posedge clk) begin
        vector_done <= !rst && strip_here && last_taken;
        if (rst) valid <= 0;
        else if (move) valid <= {valid[2:1], to_array && r_valid};
        if (move) begin
            first     <= {first[2:1], group == 0};
            last      <= {last[2:1], last_group};
            codes1    <= r_data;
            codes2    <= codes1;
            codes3    <= codes2;
            q_address <= {group[Q_BITS-1:0], buffer};
        end
    end

    nm_array #(.ROWS(ROWS)) array (
        .clk(clk), .rst(rst), .t5(t5),
        .in_valid(valid[3]), .in_ready(move), .in_codes(codes3), .in_q(q_data),
        .in_first(first[3]), .in_last(last[3]),
        .out_valid(sums_valid), .out_ready(sums_ready), .out_sums(sums)
    );

    // ---- Vectors and records
    wire [16*LANES-1:0]  halves = upper ? r_data[32*LANES-1:16*LANES] : r_data[16*LANES-1:0];
    wire [32*LANES-1:0]  widened;
    genvar l;
    generate
        for (l = 0; l < LANES; l = l + 1) begin : lane
            assign widened[32*l+:32] = {halves[16*l+15], 3'b0, halves[16*l+:15], 13'b0};
        end
    endgenerate

    reg [G_BITS-1:0] g_next;
    reg [4:0]        rec_next;
    always @(posedge clk) begin
        g_write     <= strip_here && kind == VECTOR;
        rec_write   <= strip_here && kind != VECTOR;
        g_address   <= g_next;
        rec_address <= rec_next;
        g_data      <= half ? widened : r_data;
        if (start) begin
            g_next   <= job_to;
            rec_next <= 0;
        end else if (strip_here) begin
            g_next   <= g_next + 1'b1;
            rec_next <= rec_next + STRIP;
        end
    end

`ifdef NM_RULES
    wire request_ok;
    channel_rules #(.WIDTH(45)) request_rules (
        .clk(clk), .rst(rst), .valid(ar_valid), .ready(ar_ready), .data({ar_address, ar_beats}),
        .ok(request_ok)
    );
    wire unused_rules = request_ok;
`endif

`ifdef FORMAL
    reg              started = 0, was_rst, was_t5;
    reg [15:0]       owed;         // beats of a vector that were asked for and not taken
    reg [15:0]       to_write;     // strips
    reg [G_BITS-1:0] g_expected;
    reg [4:0]        rec_expected;
    reg [1:0]        n_vectors;    // begun and not done
    reg [Q_BITS:0]   asked;        // groups of the tile, in whole blocks
    wire [15:0]      to_take = !half ? strips : strips[15:1] + (upper || strips[0]);
    wire             writes = (g_write || rec_write) && !was_rst, asks = asking || taken != 0;
    wire [4:0]       rec_after = rec_expected + (writes ? STRIP : 5'd0);
    wire             vector_here = busy && kind != PRODUCT;
    wire [7:0]       n_asked = in_tail ? blocks : blocks - ask_blocks;
    wire [13:0]      block = t5 ? 48 : 60, full_blocks = n_asked * block;
    wire [13:0]      all_groups = blocks * block + rest;
    wire [13:0]      new_groups = job_blocks * block + job_rest;
    wire             tile_asked = in_tail || (ask_blocks == 1 && rest == 0);
    // The position of the data is before that of the requests; or it has caught up.
    wire             before = tiles > ask_tiles || (tiles == ask_tiles && group < asked);
    wire             at_end = tiles == ask_tiles ? group == asked && beat == 0
                            : tiles + 1 == ask_tiles && group == 0 && beat == 0 && !asking &&
                              tile_asked;

    always @(posedge clk) begin
        if (rst) started <= 1;
        {was_rst, was_t5} <= {rst, t5};
        owed <= rst || start ? 0 : owed + (ask ? ar_beats : 0) - take;
        asked <= start || (taken[4] && last_block) ? 0
               : ask ? asked + (in_tail ? rest : block) : asked;
        n_vectors <= rst ? 0 : n_vectors + (start && job_kind != PRODUCT) - vector_done;
        to_write <= rst ? 0 : !start ? to_write - writes : job_kind == VECTOR ? job_strips
                  : job_kind == PRODUCT ? 0 : RECORD;
        g_expected <= start ? job_to : g_expected + g_write;
        rec_expected <= start ? 0 : rec_write ? rec_expected + STRIP : rec_expected;
    end
    always @* begin
        if (!started) assume (rst);
        if (started) begin
            assume (t5 == was_t5);
            assume (!job_valid || (job_strips != 0 && job_tiles != 0 && new_groups != 0 &&
                                   new_groups <= 1 << Q_BITS && job_rest < block &&
                                   job_kind != 3 && (job_kind == VECTOR || !job_half)));
            assume (!r_valid || (kind == PRODUCT ? before : owed != 0));
            assert (request_ok);
            assert ((taken & (taken - 1)) == 0 && (!asking || taken == 0));
            assert (busy || !asking);
            assert (!r_ready || busy);
            assert (n_vectors == 2'd0 + vector_here + vector_done);
            if (vector_here) begin
                assert (strips != 0 && kind != 3 && (!half || kind == VECTOR));
                assert (vector_beats <= 256 && (!asking || vector_beats != 0));
                assert (owed + (asking ? vector_beats : 0) + (asks ? more : 0) == to_take);
                assert (to_write == writes + strips);
                if (writes) assert (g_write == (kind == VECTOR));
                if (kind == VECTOR) assert (g_next == g_expected + writes);
                if (kind != VECTOR) assert (rec_next == rec_after);
            end
            if (busy && kind == PRODUCT) begin
                assert (groups == all_groups && all_groups <= 1 << Q_BITS);
                assert (group < groups && tiles != 0);
                assert (before || at_end);
                if (asks) assert (ask_tiles != 0 && (in_tail ? rest != 0 : ask_blocks != 0));
                if (asks) assert (ask_blocks <= blocks);
                if (asking) assert (asked == full_blocks);
                if (taken != 0) assert (asked == full_blocks + (in_tail ? rest : block));
                if (!asks) assert (ask_tiles == 0);
            end
            if (!vector_here) assert (to_write == writes);
            if (!busy && taken != 0)
                assert (kind == PRODUCT ? ask_tiles == 1 && tile_asked : more == 0);
            if (writes) assert (rec_write ? rec_address == rec_expected && !g_write
                                          : g_address == g_expected);
        end
    end
`endif
endmodule
`default_nettype wire
