// SPDX-License-Identifier: Apache-2.0
// The rule of a valid/ready channel: what is offered stays, unchanged, until it is taken; a reset
// takes it back.  For proofs, which assert `ok` of their own side and assume it of the other one,
// and for benches alike, which stop where it is broken (NM_RULES_STOP).
`default_nettype none
module channel_rules #(
    parameter WIDTH = 1
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             valid,
    input  wire             ready,
    input  wire [WIDTH-1:0] data,
    output wire             ok
);
    reg             offered;  // and not taken, in the clock before
    reg [WIDTH-1:0] last;

    assign ok = !offered || (valid && data == last);
    always @(posedge clk) begin
        offered <= !rst && valid && !ready;
        last    <= data;
    end
`ifdef NM_RULES_STOP
    reg started;
    initial started = 0;
    always @(posedge clk) begin
        if (rst) started <= 1;
        if (started && !rst && !ok) begin
            $display("FAIL %m: an offer does not stay");
            $stop;
        end
    end
`endif
endmodule
`default_nettype wire
