// SPDX-License-Identifier: Apache-2.0
// The ternary array: sums of one tile, 128 rows, from a stream of codes.  It adds and subtracts.
//
// A beat is one group (4 or 5 columns) of ROWS rows: ROWS bytes as they lie in the model file.  A
// group takes BEATS = 128 / ROWS beats; the q of a group is the same in all of them.  `first`
// marks the beats of a tile's first group, `last` those of its last group, for which the finished
// sums come out, ROWS of 24 bits a beat, row 0 of the beat lowest.
//
// One beat a clock, 4 clocks from beat to sums.  Valid/ready on both sides: when the sums are not
// taken, everything stands still.  A sum of K columns is at most 127 K, which 24 bits hold with a
// sign for K up to 2^16; nm_limits refuses more than 2^15 columns.
//
// Proved (RTL_PARTS=formal): sums that are offered stay until they are taken; each beat of a last
// group gives one beat of sums; a beat is refused only while sums wait.
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

    reg  [3:1]  valid, last;
    reg  [2:1]  first;
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
            first <= {first[1], in_first};
            last  <= {last[2:1], in_last};
            q1    <= in_q;
        end

    // ---- Rows.  Where there is no beat the partial sums stay
    wire add = move && valid[3];
    wire clear = move && valid[2] && first[2];
    genvar r;
    generate
        for (r = 0; r < ROWS; r = r + 1) begin : row
            nm_row_sum #(.BEATS(BEATS)) row_sum (
                .clk(clk), .move(move), .add(add), .clear(clear), .t5(t5),
                .code(in_codes[8*r+:8]), .q1(q1), .sum(out_sums[24*r+:24])
            );
        end
    endgenerate

`ifdef NM_RULES
    wire sums_ok;
    channel_rules #(.WIDTH(24 * ROWS)) sums_rules (
        .clk(clk), .rst(rst), .valid(out_valid), .ready(out_ready), .data(out_sums), .ok(sums_ok)
    );
    wire unused_rules = sums_ok;
`endif

`ifdef FORMAL
    reg       started = 0;
    reg [2:0] owed;  // beats of `last` groups that came, less beats of sums that left
    always @(posedge clk) begin
        if (rst) started <= 1;
        if (rst) owed <= 0;
        else owed <= owed + (in_valid && in_ready && in_last) - (out_valid && out_ready);
    end
    always @* begin
        if (!started) assume (rst);
        if (started) begin
            assert (sums_ok);
            assert (in_ready || out_valid);  // it waits for nothing but sums that are not taken
            assert (owed == 3'd0 + (valid[1] && last[1]) + (valid[2] && last[2]) +
                            (valid[3] && last[3]) + out_valid);
        end
        cover (started && owed == 4);
    end
`endif
endmodule
`default_nettype wire
