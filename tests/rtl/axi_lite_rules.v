// SPDX-License-Identifier: Apache-2.0
// The rules of AXI4-Lite as both sides have to keep them: for proofs, which assert one side's and
// assume the other's, and for benches alike.
//
//   master_ok    0, 1, 2  an offered write address, word, read address stays until it is taken
//   slave_ok     0, 1     an offered answer to a write, to a read stays until it is taken
//                2, 3     nothing is answered that was not asked
//   writes_owed, words_owed, reads_owed   whose answer is to come, at most 3
`default_nettype none
module axi_lite_rules #(
    parameter ADDRESS_BITS = 20
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire                    awvalid,
    input  wire                    awready,
    input  wire [ADDRESS_BITS-1:0] awaddr,
    input  wire                    wvalid,
    input  wire                    wready,
    input  wire [31:0]             wdata,
    input  wire [3:0]              wstrb,
    input  wire                    bvalid,
    input  wire                    bready,
    input  wire [1:0]              bresp,
    input  wire                    arvalid,
    input  wire                    arready,
    input  wire [ADDRESS_BITS-1:0] araddr,
    input  wire                    rvalid,
    input  wire                    rready,
    input  wire [31:0]             rdata,
    input  wire [1:0]              rresp,
    output wire [2:0]              master_ok,
    output wire [3:0]              slave_ok,
    output reg  [1:0]              writes_owed,
    output reg  [1:0]              words_owed,
    output reg  [1:0]              reads_owed
);
    channel_rules #(.WIDTH(ADDRESS_BITS)) aw (
        .clk(clk), .rst(rst), .valid(awvalid), .ready(awready), .data(awaddr), .ok(master_ok[0])
    );
    channel_rules #(.WIDTH(36)) w (
        .clk(clk), .rst(rst), .valid(wvalid), .ready(wready), .data({wdata, wstrb}),
        .ok(master_ok[1])
    );
    channel_rules #(.WIDTH(ADDRESS_BITS)) ar (
        .clk(clk), .rst(rst), .valid(arvalid), .ready(arready), .data(araddr), .ok(master_ok[2])
    );
    channel_rules #(.WIDTH(2)) b (
        .clk(clk), .rst(rst), .valid(bvalid), .ready(bready), .data(bresp), .ok(slave_ok[0])
    );
    channel_rules #(.WIDTH(34)) r (
        .clk(clk), .rst(rst), .valid(rvalid), .ready(rready), .data({rdata, rresp}),
        .ok(slave_ok[1])
    );
    assign slave_ok[2] = !bvalid || (writes_owed != 0 && words_owed != 0);
    assign slave_ok[3] = !rvalid || reads_owed != 0;

    always @(posedge clk)
        if (rst) {writes_owed, words_owed, reads_owed} <= 0;
        else begin
            writes_owed <= writes_owed + {1'b0, awvalid && awready} - {1'b0, bvalid && bready};
            words_owed <= words_owed + {1'b0, wvalid && wready} - {1'b0, bvalid && bready};
            reads_owed <= reads_owed + {1'b0, arvalid && arready} - {1'b0, rvalid && rready};
        end
`ifdef NM_RULES_STOP
    reg started;
    initial started = 0;
    always @(posedge clk) begin
        if (rst) started <= 1;
        if (started && !rst && slave_ok[3:2] != 2'b11) begin
            $display("FAIL %m: an answer that was not asked");
            $stop;
        end
    end
`endif
endmodule
`default_nettype wire
