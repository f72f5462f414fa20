// SPDX-License-Identifier: Apache-2.0
// One lane of the vector engine: y = a op b.
//
// Latency 4 clocks, one result a clock.  `op` comes with the operands, `op_out` with the result.
// Division and square root are not here: nm_vector has fewer of them than lanes.
//
//   muladd  a b + c, rounded twice: the product enters the adder, the sum comes out 4 clocks later;
//           c comes with op_out.  The adder has to be free then
//   max     b > a ? b : a, as in C: a if one is a NaN; the same for min, b < a ? b : a
//   mov     a
//
// With `ahead` the sum that comes out now is added to a instead of b (`ahead` with op = add).
`include "nm_isa.vh"
`default_nettype none
module nm_lane (
    input  wire        clk,
    input  wire [4:0]  op,
    input  wire        ahead,
    input  wire [31:0] a,
    input  wire [31:0] b,
    input  wire [4:0]  op_out,
    input  wire        chain,  // op_out is muladd
    input  wire [31:0] c,
    output wire [31:0] y
);
    // ---- Comparison: as signed magnitudes, larger is the adder's
    wire larger;
    wire a_whole = a[22:0] == 0, b_whole = b[22:0] == 0;
    wire a_nan = a[30:23] == 8'hff && !a_whole, b_nan = b[30:23] == 8'hff && !b_whole;
    wire both_zero = a[30:23] == 0 && b[30:23] == 0 && a_whole && b_whole;
    wire ordered = !a_nan && !b_nan && !both_zero;
    // Where a and b are equal, it does not matter which one.
    wire b_greater = a[31] != b[31] ? a[31] : larger != a[31];
    wire select = op == `OP_MAX || op == `OP_MIN || op == `OP_MOV;
    wire pick = ordered && op != `OP_MOV && b_greater != (op == `OP_MIN);

    wire [31:0] sum, product;
    nm_fadd add (
        .clk(clk), .a(chain ? product : a),
        .b(chain ? c : ahead ? sum : {b[31] ^ (op == `OP_SUB), b[30:0]}), .y(sum),
        .select(select && !chain), .pick(pick), .larger(larger)
    );
    nm_fmul mul (.clk(clk), .a(a), .b(b), .y(product));

    assign y = op_out == `OP_MUL ? product : sum;
endmodule
`default_nettype wire
