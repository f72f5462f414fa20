// SPDX-License-Identifier: Apache-2.0
// The ternary array: sums of one tile, 128 rows, from a stream of codes.  It adds and subtracts.
//
// A beat is one group (4 or 5 columns) of ROWS rows: ROWS bytes as they lie in the model file.  A
// group takes BEATS = 128 / ROWS beats; the q of a group is the same in all of them.  `first`
// marks the beats of a tile's first group, `last` those of its last group, for which the finished
// sums come out, ROWS of 24 bits a beat, row 0 of the beat lowest.
//
// One beat a clock, 4 clocks from beat to sums.  Valid/ready on both sides: when the sums are not
// taken, everything stands still.  24 bits hold 127 * 2^15, and 16 more bits of columns are not
// needed: K is at most 2^15 (nm_core checks it).
//
// A row's partial sum is needed again BEATS beats later, at least 2: the memory of partial sums is
// read and written in one clock, and no hazard exists.
`default_nettype none
module nm_array #(
    parameter ROWS = 16  // 16, 32 or 64
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               t5,
    input  wire               in_valid,
    output wire               in_ready,
    input  wire [8*ROWS-1:0]  in_codes,
    input  wire [39:0]        in_q,
    input  wire               in_first,
    input  wire               in_last,
    output wire               out_valid,
    input  wire               out_ready,
    output wire [24*ROWS-1:0] out_sums
);
    localparam BEATS = 128 / ROWS;
    localparam BEAT_BITS = ROWS == 64 ? 1 : ROWS == 32 ? 2 : 3;

    reg  [3:1] valid, first, last;
    reg  [39:0] q1;
    reg         out_full;
    wire        move = !out_full || out_ready;

    assign in_ready = move;
    assign out_valid = out_full;

    always @(posedge clk)
        if (rst) begin
            valid    <= 0;
            out_full <= 1'b0;
        end else if (move) begin
            valid    <= {valid[2:1], in_valid};
            out_full <= valid[3] && last[3];
        end
    always @(posedge clk)
        if (move) begin
            first <= {first[2:1], in_first};
            last  <= {last[2:1], in_last};
            q1    <= in_q;
        end

    // ---- Which of the BEATS partial sums comes next
    reg [BEAT_BITS-1:0] beat;
    always @(posedge clk)
        if (rst) beat <= 0;
        else if (move && valid[3]) beat <= beat + 1'b1;

    genvar r;
    generate
        for (r = 0; r < ROWS; r = r + 1) begin : row
            wire [10:0] sum;
            reg  [23:0] partial [0:BEATS-1];
            reg  [23:0] result;
            wire [23:0] old = first[3] ? 24'd0 : partial[beat];
            wire [23:0] new_sum = old + {{13{sum[10]}}, sum};

            nm_row_sum row_sum (
                .clk(clk), .move(move), .t5(t5), .code(in_codes[8*r+:8]), .q1(q1), .sum(sum)
            );
            always @(posedge clk)
                if (move && valid[3]) begin
                    partial[beat] <= new_sum;
                    result        <= new_sum;
                end
            assign out_sums[24*r+:24] = result;
        end
    endgenerate
endmodule
`default_nettype wire
