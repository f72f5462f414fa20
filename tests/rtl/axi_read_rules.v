// SPDX-License-Identifier: Apache-2.0
// The rules of AXI4's read channels as both sides have to keep them, one id, INCR bursts of whole
// beats: for proofs, which assert one side's and assume the other's, and for benches alike.
//
//   master_ok  0  an offered address stays until it is taken     1  no burst crosses 4 KB
//              2  nothing is offered in the clock after a reset
//   slave_ok   0  an offered beat stays until it is taken
//              1  no beat that is not owed: none in a clock after a reset, none before the address
//              2  RLAST comes with the last beat, and with no other
//   owed       bursts, at most 7, whose address was taken and whose RLAST was not
`default_nettype none
module axi_read_rules #(
    parameter LANES = 4
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                arvalid,
    input  wire                arready,
    input  wire [35:0]         araddr,
    input  wire [7:0]          arlen,
    input  wire                rvalid,
    input  wire                rready,
    input  wire [32*LANES-1:0] rdata,
    input  wire [1:0]          rresp,
    input  wire                rlast,
    output wire [2:0]          master_ok,
    output wire [2:0]          slave_ok,
    output reg  [2:0]          owed
);
    localparam BYTES = 4 * LANES;

    reg         after_reset;
    reg [7:0]   lengths [0:7], beat;
    reg [2:0]   head;
    wire [2:0]  tail = head + owed;
    wire        ask = arvalid && arready, end_burst = rvalid && rready && rlast;
    wire [14:0] size = ({7'd0, arlen} + 15'd1) * BYTES[14:0];

    channel_rules #(.WIDTH(44)) ar (
        .clk(clk), .rst(rst), .valid(arvalid), .ready(arready), .data({araddr, arlen}),
        .ok(master_ok[0])
    );
    channel_rules #(.WIDTH(32 * LANES + 3)) r (
        .clk(clk), .rst(rst), .valid(rvalid), .ready(rready), .data({rdata, rresp, rlast}),
        .ok(slave_ok[0])
    );
    assign master_ok[1] = !arvalid || {3'd0, araddr[11:0]} + size <= 15'd4096;
    assign master_ok[2] = !after_reset || !arvalid;
    assign slave_ok[1] = !rvalid || (owed != 0 && !after_reset);
    assign slave_ok[2] = !rvalid || rlast == (beat == lengths[head]);

    always @(posedge clk) begin
        after_reset <= rst;
        if (ask) lengths[tail] <= arlen;
        if (rst) begin
            owed <= 0;
            head <= 0;
            beat <= 0;
        end else begin
            owed <= owed + {2'd0, ask} - {2'd0, end_burst};
            if (end_burst) head <= head + 3'd1;
            if (rvalid && rready) beat <= rlast ? 8'd0 : beat + 8'd1;
        end
    end
`ifdef NM_RULES_STOP
    reg started;
    initial started = 0;
    always @(posedge clk) begin
        if (rst) started <= 1;
        // The benches' memory breaks rule 2 on purpose.
        if (started && !rst && (master_ok[2:1] != 2'b11 || !slave_ok[1])) begin
            $display("FAIL %m: master %b, slave %b", master_ok, slave_ok);
            $stop;
        end
    end
`endif
endmodule
`default_nettype wire
