// SPDX-License-Identifier: Apache-2.0
// The datapath of the vector engine: LANES lanes of binary32, their memories and registers.
//
//   clock  0  nm_sequencer issues a strip; addresses are computed
//        1-2  the memories, each with a register behind it
//          3  operands: chosen, rotated, elements beyond the vector made zeros
//        4-7  the lanes
//          8  results are written: main memory, registers, scalars, q, logits
//
// so a strip issued 8 clocks after another one reads what that one wrote.  A name with the suffix
// _n belongs to the strip that was issued n clocks ago.  A sum of muladd comes 4 clocks later, a
// square root when it is done.
//
// Latency 8 clocks from issue to result, throughput a strip a clock.  issue, q_valid, out_valid,
// g_write and rec_write have no ready: nm_core says why that is safe.
//
// Four lanes share a divider, which takes the elements of a strip one after the other: strips of a
// division are 4 clocks apart, and the quotients of a strip are written together, 27 clocks after
// it was issued.
//
// A pointer may begin inside a strip (`rot` elements): bank k of the main memory then reads the
// next strip if k < rot, and the operand is rotated.  So `up` begins anywhere in a block.  Pointers
// from 8 on are into a ring of two blocks: in it the strip's upper bits do not count.
`include "nm_isa.vh"
`default_nettype none
module nm_vector #(
    parameter LANES = 4,
    parameter LANE_BITS = 2,
    parameter VL_BITS = 4,
    parameter M_STRIPS = 1024,
    parameter G_STRIPS = 1024,
    parameter M_BITS = $clog2(M_STRIPS),
    parameter G_BITS = $clog2(G_STRIPS)
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                put,
    input  wire [6:0]          put_address,
    input  wire [31:0]         put_data,
    // From the sequencer.
    input  wire                issue,
    input  wire [47:9]         ir,
    input  wire [VL_BITS-1:0]  issue_v,
    input  wire [15:0]         issue_strip,
    input  wire [17:0]         issue_count,
    input  wire [VL_BITS-1:0]  issue_ahead,
    input  wire [3:0]          issue_rotate,
    input  wire [15:0]         issue_state,
    output reg                 pipe_empty,  // nothing is under way
    // The host's access to the main memory, while nothing runs: a word.
    input  wire                host,
    input  wire                host_write,
    input  wire [M_BITS+LANE_BITS-1:0] host_address,
    input  wire [31:0]         host_data,
    output wire [31:0]         host_read,
    // The gain memory and the record memory are written by the stream engine.
    input  wire                g_write,
    input  wire [G_BITS-1:0]   g_address,
    input  wire [32*LANES-1:0] g_data,
    input  wire                rec_write,
    input  wire [4:0]          rec_address,
    input  wire [3:0]          rec_word_address,
    output wire [31:0]         rec_word,
    // Tiles of sums: a beat of 4 strips is written, a strip is read.
    input  wire                sums_valid,
    output reg                 sums_ready,
    input  wire [96*LANES-1:0] sums,
    output wire                tile_ready,
    input  wire                tile_done,
    input  wire                tile_half,
    // Results.
    output reg                 q_valid,
    output reg  [8*LANES-1:0]  q_strip,
    output reg                 out_valid,
    output reg  [32*LANES-1:0] out_strip,
    output reg  [LANES-1:0]    out_keep
);
    localparam [31:0] ROUNDER = 32'h4b400000;   // 12582912: to it a sum is added as an integer
    localparam STRIP_BITS = 7 - LANE_BITS;      // strips of a tile
    localparam [VL_BITS-1:0] SUMS = 1 << (4 - LANE_BITS); // strips of the 16 lanes of a sum
    localparam [3:0] STATE = 4'd6;              // the pointer that moves on with the layer: h

    // ---- Registers of the host
    reg [M_BITS-1:0]    pointer [0:15];
    reg [LANE_BITS-1:0] rotate [0:15];
    reg [G_BITS-1:0]    gain_base [0:3];
    reg [31:0]          host_scalar [0:7], temp [0:7];

    always @(posedge clk)
        if (put)
            case (put_address[6:4])
                3'd1: if (put_address[3]) host_scalar[put_address[2:0]] <= put_data;
                      else if (put_address[2])
                          gain_base[put_address[1:0]] <= put_data[G_BITS-1:0];
                3'd2: begin
                    pointer[put_address[3:0]] <= put_data[M_BITS-1:0];
                    rotate[put_address[3:0]]  <= put_data[28+:LANE_BITS];
                end
                default: ;
            endcase

    // ---- Clock 0: addresses
    wire [5:0]  a_index_0 = ir[40:35], b_index_0 = ir[32:27];
    wire [VL_BITS-1:0] reg_strip_0 = ir[9] ? issue_v & (SUMS - 1'b1) : issue_v;
    wire [19:0] left_0 = {2'b0, issue_count} - ({4'b0, issue_strip} << LANE_BITS);
    wire [M_BITS-1:0] state_0 = issue_state[M_BITS-1:0], strip_0 = issue_strip[M_BITS-1:0];
    wire [3:0]  m_from_0 = a_index_0[3:0], m_to_0 = ir[21:18];
    wire [M_BITS-1:0] from_0 = pointer[m_from_0], to_0 = pointer[m_to_0];

    // The address `to`, which is `from` and some strips, or in the ring the same of its strips.
    function [M_BITS-1:0] in_ring(input ring, input [M_BITS-1:VL_BITS+1] from,
                                  input [M_BITS-1:0] to);
        in_ring = {ring ? from : to[M_BITS-1:VL_BITS+1], to[VL_BITS:0]};
    endfunction

    reg  [M_BITS-1:0]     m_read_1, m_write_1;
    reg                   ring_1;  // m_read_1 is in the ring, if it is not the host's
    reg  [LANE_BITS-1:0]  rotate_1;
    reg  [G_BITS-1:0]     g_read_1;
    reg  [VL_BITS+2:0]    ra_read_1, rb_read_1;
    reg  [VL_BITS-1:0]    v_1;
    reg                   ahead_1;
    reg  [STRIP_BITS-1:0] t_read_1;
    reg  [19:0]           left_1;
    reg  [47:9]           ir_1, ir_2, ir_3;
    reg  [27:1]           valid;

    always @(posedge clk) begin
        m_read_1  <= host ? host_address[M_BITS+LANE_BITS-1:LANE_BITS]
                          : in_ring(m_from_0[3], from_0[M_BITS-1:VL_BITS+1],
                                    from_0 + strip_0 + (m_from_0 == STATE ? state_0 : 0));
        ring_1    <= m_from_0[3];
        m_write_1 <= in_ring(m_to_0[3], to_0[M_BITS-1:VL_BITS+1],
                             to_0 + strip_0 + (m_to_0 == STATE ? state_0 : 0));
        rotate_1  <= ir[42:41] == `A_M ? rotate[m_from_0] : issue_rotate[LANE_BITS-1:0];
        g_read_1  <= gain_base[b_index_0[1:0]] + issue_strip[G_BITS-1:0];
        ra_read_1 <= {a_index_0[2:0], issue_v + issue_ahead};
        rb_read_1 <= {b_index_0[2:0], reg_strip_0};
        v_1       <= reg_strip_0;
        ahead_1   <= ir[9] && issue_v >= SUMS;
        t_read_1  <= tile_strip_0;
        left_1    <= left_0;
        ir_1      <= ir;
        ir_2      <= ir_1;
        ir_3      <= ir_2;
    end
    wire [STRIP_BITS-1:0] tile_strip_0;
    generate
        if (STRIP_BITS > VL_BITS) begin : half_tile assign tile_strip_0 = {tile_half, issue_v}; end
        else begin : whole_tile
            assign tile_strip_0 = issue_v;
            wire unused_half = tile_half;
        end
    endgenerate

    // ---- Clocks 1 and 2: memories
    wire [32*LANES-1:0] m_3, ra_3, rb_3, g_3;
    wire [M_BITS-1:0]   m_address;       // written
    wire [LANES-1:0]    m_lanes;
    wire [32*LANES-1:0] m_data, result;
    wire                r_write;
    wire [VL_BITS+2:0]  r_address;
    reg  [LANE_BITS-1:0] rotate_2, rotate_3;
    wire [M_BITS-1:0]   m_next_1 = in_ring(ring_1, m_read_1[M_BITS-1:VL_BITS+1], m_read_1 + 1'b1);
    genvar l;
    generate
        for (l = 0; l < LANES; l = l + 1) begin : bank
            localparam [LANE_BITS:0] ABOVE = (1 << LANE_BITS) - 1 - l;
            wire [LANE_BITS:0] reach = {1'b0, rotate_1} + ABOVE;  // carries if l < rotate_1
            wire next_strip = !host && ir_1[42:41] == `A_M && reach[LANE_BITS];
            wire unused_reach = &{1'b0, reach};
            nm_memory #(.WIDTH(32), .WORDS(M_STRIPS)) memory (
                .clk(clk), .write(m_lanes[l]), .write_address(m_address),
                .write_data(m_data[32*l+:32]), .move(1'b1),
                .read_address(next_strip ? m_next_1 : m_read_1),
                .read_data(m_3[32*l+:32])
            );
        end
    endgenerate
    nm_memory #(.WIDTH(32 * LANES), .WORDS(8 << VL_BITS)) registers_a (
        .clk(clk), .write(r_write), .write_address(r_address), .write_data(result), .move(1'b1),
        .read_address(ra_read_1), .read_data(ra_3)
    );
    nm_memory #(.WIDTH(32 * LANES), .WORDS(8 << VL_BITS)) registers_b (
        .clk(clk), .write(r_write), .write_address(r_address), .write_data(result), .move(1'b1),
        .read_address(rb_read_1), .read_data(rb_3)
    );
    nm_memory #(.WIDTH(32 * LANES), .WORDS(G_STRIPS)) gains (
        .clk(clk), .write(g_write), .write_address(g_address), .write_data(g_data), .move(1'b1),
        .read_address(g_read_1), .read_data(g_3)
    );

    // Two tiles of sums.
    reg  [96*LANES-1:0] tiles [0:(1<<(STRIP_BITS-1))-1];
    reg  [96*LANES-1:0] t_word_2;
    reg  [24*LANES-1:0] t_3;
    reg  [1:0]          t_quarter_2, n_tiles;
    reg                 produced, consumed;  // the tile that is written, read
    reg  [STRIP_BITS-3:0] sums_beat;
    wire                sums_taken = sums_valid && sums_ready;
    wire                tile_full = sums_taken && &sums_beat;
    wire [1:0]          next_tiles = n_tiles + {1'b0, tile_full} - {1'b0, tile_done};
    wire [48*LANES-1:0] t_half_2 = t_quarter_2[1] ? t_word_2[96*LANES-1:48*LANES]
                                                  : t_word_2[48*LANES-1:0];

    assign tile_ready = n_tiles != 2'd0;
    always @(posedge clk) begin
        if (sums_taken) tiles[{produced, sums_beat}] <= sums;
        t_word_2    <= tiles[{consumed, t_read_1[STRIP_BITS-1:2]}];
        t_quarter_2 <= t_read_1[1:0];
        t_3         <= t_quarter_2[0] ? t_half_2[48*LANES-1:24*LANES] : t_half_2[24*LANES-1:0];
        if (rst) begin
            sums_beat  <= 0;
            produced   <= 0;
            consumed   <= 0;
            n_tiles    <= 0;
            sums_ready <= 1'b1;
        end else begin
            if (sums_taken) sums_beat <= sums_beat + 1'b1;
            produced   <= produced ^ tile_full;
            consumed   <= consumed ^ tile_done;
            n_tiles    <= next_tiles;
            sums_ready <= next_tiles != 2'd2;
        end
    end

    // ---- What else goes along
    reg  [LANES-1:0]    keep_2, keep_3, keep_4, keep_5, keep_6, keep_7, keep_8;
    reg  [M_BITS-1:0]   to_2, to_3, to_4, to_5, to_6, to_7, to_8;
    reg  [VL_BITS-1:0]  v_2, v_3, v_4, v_5, v_6, v_7, v_8;
    reg                 ahead_2, ahead_3, ahead_4;
    // Operation, destinations, what is written of M (or the constant of muladd), R and S.
    reg  [19:0]         do_4, do_5, do_6, do_7, do_8;
    wire [19:0]         do_3 = {ir_3[21:18], ir_3[47:43], ir_3[26:22], ir_3[17:12]};
    reg                 chain_8;  // a product of muladd comes out
    reg  [12:9]         chained;
    wire [27:1]         next_valid = {valid[26:9], valid[8] && do_8[15:11] == `OP_DIV, valid[7:1],
                                      issue};
    wire [12:9]         next_chained = {chained[11:9], chain_8};
    integer             k;

    always @(posedge clk) begin
        valid      <= rst ? 27'd0 : next_valid;
        pipe_empty <= rst || (next_valid == 0 && next_chained == 0 && !still_rooting);
        for (k = 0; k < LANES; k = k + 1) keep_2[k] <= !left_1[19] && left_1[18:0] > k[18:0];
        {keep_3, keep_4, keep_5, keep_6, keep_7, keep_8} <=
            {keep_2, keep_3, keep_4, keep_5, keep_6, keep_7};
        {to_2, to_3, to_4, to_5, to_6, to_7, to_8} <=
            {m_write_1, to_2, to_3, to_4, to_5, to_6, to_7};
        {v_2, v_3, v_4, v_5, v_6, v_7, v_8} <= {v_1, v_2, v_3, v_4, v_5, v_6, v_7};
        {ahead_2, ahead_3, ahead_4} <= {ahead_1, ahead_2, ahead_3};
        {do_4, do_5, do_6, do_7, do_8} <= {do_3, do_4, do_5, do_6, do_7};
        chain_8  <= !rst && valid[7] && do_7[15:11] == `OP_MULADD;
        rotate_2 <= rotate_1;
        rotate_3 <= rotate_2;
    end

    // ---- Scalars: constants of exp.h and floats.h, registers of the host, results, the record
    function [31:0] constant(input [4:0] which);
        case (which)
            5'd0:    constant = ROUNDER;
            5'd1:    constant = 32'hc3160000;  // -150
            5'd2:    constant = 32'h43000000;  // 128
            5'd3:    constant = 32'h3fb8aa3b;  // log2 e
            5'd4:    constant = 32'h3f318000;  // ln 2, high part
            5'd5:    constant = 32'hb95e8083;  // and low part
            5'd6:    constant = 32'h39506967;  // r^7
            5'd7:    constant = 32'h3ab743ce;  // r^6
            5'd8:    constant = 32'h3c088908;  // r^5
            5'd9:    constant = 32'h3d2aa9c1;  // r^4
            5'd10:   constant = 32'h3e2aaaaa;  // r^3
            5'd11:   constant = 32'h3f000000;  // r^2
            5'd12:   constant = 32'h3f800000;  // 1
            5'd13:   constant = 32'h42fe0000;  // 127
            5'd14:   constant = 32'h3727c5ac;  // 1e-5
            5'd15:   constant = 32'h358637bd;  // 1e-6
            default: constant = 32'h00000000;
        endcase
    endfunction

    // Results are B only, the record A only: each memory needs one read port less.
    wire [31:0] rec_a;
    wire [5:0]  a_scalar = ir_3[40:35], b_scalar = ir_3[32:27];
    wire [31:0] a_value = !a_scalar[5] ? constant(a_scalar[4:0])
                        : a_scalar[4] ? rec_a : host_scalar[a_scalar[2:0]];
    wire [31:0] b_value = !b_scalar[5] ? constant(b_scalar[4:0])
                        : b_scalar[3] ? temp[b_scalar[2:0]] : host_scalar[b_scalar[2:0]];

    // The record: words 0 to 15 are addresses, 16 to 31 scalars.
    wire [32*LANES-1:0] rec_words, rec_as;
    generate
        for (l = 0; l < LANES; l = l + 1) begin : rec
            reg [31:0] words [0:(32/LANES)-1];
            always @(posedge clk)
                if (rec_write) words[rec_address[4:LANE_BITS]] <= g_data[32*l+:32];
            wire [4:0] a_at = {1'b1, a_scalar[3:0]}, word_at = {1'b0, rec_word_address};
            assign rec_as[32*l+:32] = words[a_at[4:LANE_BITS]];
            assign rec_words[32*l+:32] = words[word_at[4:LANE_BITS]];
            wire unused_low = &{1'b0, a_at[LANE_BITS-1:0], word_at[LANE_BITS-1:0]};
        end
    endgenerate
    assign rec_a = rec_as[32*a_scalar[LANE_BITS-1:0]+:32];
    assign rec_word = rec_words[32*rec_word_address[LANE_BITS-1:0]+:32];

    // ---- Clock 3: operands.  Those of a division are kept until the divider has taken all of them
    wire       divide = valid[4] && do_4[15:11] == `OP_DIV;
    reg  [1:0] divide_lane;
    wire       divide_hold = divide || (divide_lane != 0 && divide_lane != 2'd3);
    always @(posedge clk)
        if (rst) divide_lane <= 0;
        else if (divide || divide_lane != 0) divide_lane <= divide_lane + 2'd1;

    wire [32*LANES-1:0] source_a = ir_3[42:41] == `A_M ? m_3 : ra_3;
    wire [64*LANES-1:0] twice_a = {source_a, source_a};
    wire [32*LANES-1:0] rotated_a = twice_a[32*rotate_3+:32*LANES];
    reg  [32*LANES-1:0] a_4, b_4;
    generate
        for (l = 0; l < LANES; l = l + 1) begin : operand
            wire [23:0] sum = t_3[24*l+:24];
            wire [31:0] a = ir_3[42:41] == `A_M ? (keep_3[l] ? rotated_a[32*l+:32] : 32'd0)
                          : ir_3[42:41] == `A_R ? rotated_a[32*l+:32]
                          : ir_3[42:41] == `A_TILE ? ROUNDER + (keep_3[l] ? {{8{sum[23]}}, sum} : 0)
                          : a_value;
            // The low bits of 12582912 + n are those of n.
            wire [31:0] r = rb_3[32*l+:32];
            wire [8:0]  power = {r[8:1], 1'b1} + {8'd127, r[0] && b_scalar[3]};
            wire        unused_carry = power[0];
            wire [31:0] b = ir_3[34:33] == `B_R ? r
                          : ir_3[34:33] == `B_P ? {1'b0, power[8:1], 23'd0}
                          : ir_3[34:33] == `B_G ? (keep_3[l] ? g_3[32*l+:32] : 32'd0)
                          : b_value;
            always @(posedge clk)
                if (!divide_hold) begin
                    a_4[32*l+:32] <= {a[31] ^ ir_3[11], a[30:0]};
                    b_4[32*l+:32] <= {b[31] && !ir_3[10], b[30:0]};
                end
        end
    endgenerate

    // ---- Clocks 4 to 7: the lanes
    wire [32*LANES-1:0] y;  // at clock 8; a sum of muladd, at clock 12
    wire [4:0]          op_out = chained[12] ? `OP_ADD : do_8[15:11];
    generate
        for (l = 0; l < LANES; l = l + 1) begin : lane
            nm_lane lane (
                .chain(chain_8), .c(constant({1'b0, do_8[19:16]})),
                .clk(clk), .op(do_4[15:11]), .ahead(ahead_4), .a(a_4[32*l+:32]),
                .b(b_4[32*l+:32]), .op_out(op_out), .y(y[32*l+:32])
            );
        end
    endgenerate

    // ---- Clocks 4 to 26: a divider for four lanes, a register before it
    wire [32*LANES-1:0] quotient_27;
    reg  [1:0]          quotient_lane;
    wire                quotient_comes = valid[23] || quotient_lane != 0;
    always @(posedge clk)
        if (rst) quotient_lane <= 0;
        else if (quotient_comes) quotient_lane <= quotient_lane + 2'd1;
    generate
        for (l = 0; l < LANES; l = l + 4) begin : divider
            wire [127:0] a = a_4[32*l+:128], b = b_4[32*l+:128];
            reg  [31:0]  a_5, b_5;
            wire [31:0]  quotient;
            always @(posedge clk) begin
                a_5 <= a[32*divide_lane+:32];
                b_5 <= b[32*divide_lane+:32];
            end
            nm_fdiv div (.clk(clk), .a(a_5), .b(b_5), .y(quotient));
            reg  [127:0] quotients;
            always @(posedge clk) if (quotient_comes) quotients <= {quotient, quotients[127:32]};
            assign quotient_27[32*l+:128] = quotients;
        end
    endgenerate

    wire        root_start = valid[4] && do_4[15:11] == `OP_SQRT;
    wire        root_done;
    wire [31:0] root;
    reg         rooting;
    nm_fsqrt sqrt (
        .clk(clk), .rst(rst), .start(root_start), .a(a_4[31:0]), .done(root_done), .y(root)
    );
    wire        still_rooting = root_start || (rooting && !root_done);
    always @(posedge clk) rooting <= !rst && still_rooting;

    // ---- Clock 8, for muladd 12, for quotients 27: results
    reg  [LANES-1:0]   keep_9, keep_10, keep_11, keep_12;
    reg  [15:0]        do_9, do_10, do_11, do_12;
    reg  [VL_BITS-1:0] v_9, v_10, v_11, v_12;
    always @(posedge clk) begin
        chained <= rst ? 4'd0 : next_chained;
        {keep_9, keep_10, keep_11, keep_12} <= {keep_8, keep_9, keep_10, keep_11};
        {do_9, do_10, do_11, do_12} <= {do_8[15:0], do_9, do_10, do_11};
        {v_9, v_10, v_11, v_12} <= {v_8, v_9, v_10, v_11};
    end

    // There is one division at a time, its strips come in order; so, too, of square roots.
    reg  [15:0]        do_div;
    reg  [VL_BITS-1:0] v_div;
    wire               divided = valid[27];
    always @(posedge clk) begin
        if (valid[8]) do_div <= do_8[15:0];
        if (valid[8] && v_8 == 0) v_div <= 0;
        else if (divided) v_div <= v_div + 1'b1;
    end

    wire        now = valid[8] && do_8[15:11] != `OP_DIV && do_8[15:11] != `OP_SQRT && !chain_8;
    wire        added = chained[12];
    wire [15:0] doing = divided ? do_div : added ? do_12 : do_8[15:0];
    wire        writes = now || divided || added;
    wire [LANES-1:0] keep = added ? keep_12 : keep_8;

    assign result = divided ? quotient_27 : y;
    assign r_write = writes && doing[9];
    assign r_address = {doing[5:3], divided ? v_div : added ? v_12 : v_8};
    assign m_address = host ? host_address[M_BITS+LANE_BITS-1:LANE_BITS] : to_8;
    assign m_data = host ? {LANES{host_data}} : y;
    generate
        for (l = 0; l < LANES; l = l + 1) begin : write_lane
            localparam [LANE_BITS-1:0] NUMBER = l;
            assign m_lanes[l] = host ? host_write && host_address[LANE_BITS-1:0] == NUMBER
                                     : now && do_8[10] && keep_8[0];
        end
    endgenerate
    assign host_read = m_3[32*host_address[LANE_BITS-1:0]+:32];
    always @(posedge clk) begin
        if (root_done) temp[do_div[2:0]] <= root;
        else if (writes && doing[8]) temp[doing[2:0]] <= result[31:0];
        q_valid   <= !rst && (now || added) && doing[7];
        out_valid <= !rst && now && do_8[6] && keep_8[0];
        out_strip <= y;
        out_keep  <= keep_8;
        for (k = 0; k < LANES; k = k + 1)
            q_strip[8*k+:8] <= keep[k] ? result[32*k+:8] : 8'd0;
    end
    // Shapes give the widths: some bits are not used in all of them.
    wire unused = &{1'b0, issue_rotate, issue_state, rec_address, a_index_0, b_index_0, ir_3,
                    doing};
endmodule
`default_nettype wire
