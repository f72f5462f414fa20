// SPDX-License-Identifier: Apache-2.0
// The four arithmetic units side by side, and two lanes that compare, for float_sim.cpp.
`include "nm_isa.vh"
`default_nettype none
module float_units (
    input  wire        clk,
    input  wire        rst,
    input  wire [31:0] a,
    input  wire [31:0] b,
    input  wire        start,
    output wire [31:0] sum,
    output wire [31:0] product,
    output wire [31:0] quotient,
    output wire [31:0] root,
    output wire        done,
    output wire [31:0] most,  // b > a ? b : a
    output wire [31:0] least
);
    wire larger;
    wire unused = larger;
    nm_fadd add (
        .clk(clk), .a(a), .b(b), .select(1'b0), .pick(1'b0), .larger(larger), .y(sum)
    );
    nm_fmul mul (.clk(clk), .a(a), .b(b), .y(product));
    nm_fdiv div (.clk(clk), .a(a), .b(b), .y(quotient));
    nm_fsqrt sqrt (.clk(clk), .rst(rst), .start(start), .a(a), .done(done), .y(root));
    nm_lane max (
        .clk(clk), .op(`OP_MAX), .ahead(1'b0), .a(a), .b(b), .op_out(`OP_MAX), .chain(1'b0),
        .c(32'd0), .y(most)
    );
    nm_lane min (
        .clk(clk), .op(`OP_MIN), .ahead(1'b0), .a(a), .b(b), .op_out(`OP_MIN), .chain(1'b0),
        .c(32'd0), .y(least)
    );
endmodule
`default_nettype wire
