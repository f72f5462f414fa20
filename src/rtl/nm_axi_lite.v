// SPDX-License-Identifier: Apache-2.0
// AXI4-Lite slave for the host port of nm_core: words of 32 bits at addresses in bytes.
//
//     0 ..                     4 times the number of a register of nm_core
//     2^(ADDRESS_BITS - 1) ..  the words of the main memory
//
// SLVERR, and nothing is done: a write of less than a word; while the core runs, the main memory
// and writes of other registers than 0.
// One transfer at a time, reads and writes in turn where both wait: a write takes 3 clocks with its
// answer, a read 9.  No output depends on an input of the same clock, as AXI demands.
//
// Proved (RTL_PARTS=formal), for any master that keeps the rules of axi_lite_rules.v: the slave's
// rules; a write that is answered with OKAY was passed on, once, as it was given; a read gives what
// the core answers to its address; the slave waits for neither BREADY nor RREADY.
`default_nettype none
module nm_axi_lite #(
    parameter ADDRESS_BITS = 20
) (
    input  wire                    clk,
    input  wire                    rst,
    // AXI4-Lite.
    input  wire                    s_axi_awvalid,
    output wire                    s_axi_awready,
    input  wire [ADDRESS_BITS-1:0] s_axi_awaddr,
    input  wire                    s_axi_wvalid,
    output wire                    s_axi_wready,
    input  wire [31:0]             s_axi_wdata,
    input  wire [3:0]              s_axi_wstrb,
    output reg                     s_axi_bvalid,
    input  wire                    s_axi_bready,
    output reg  [1:0]              s_axi_bresp,
    input  wire                    s_axi_arvalid,
    output wire                    s_axi_arready,
    input  wire [ADDRESS_BITS-1:0] s_axi_araddr,
    output reg                     s_axi_rvalid,
    input  wire                    s_axi_rready,
    output reg  [31:0]             s_axi_rdata,
    output reg  [1:0]              s_axi_rresp,
    // The core's host port.
    output wire                    host_write,
    output wire [31:0]             host_address,
    output wire [31:0]             host_data,
    input  wire [31:0]             host_read,
    input  wire                    running
);
    localparam [1:0] OKAY = 2'b00, SLVERR = 2'b10;
    localparam [2:0] READ_CLOCKS = 3'd6;  // host_read is 4 clocks late, the address one

    reg                     write, read, reads_turn;  // taken in this clock; reads come first
    reg  [2:0]              wait_step;
    reg  [ADDRESS_BITS-1:2] read_address;
    wire [ADDRESS_BITS-1:2] at = write ? s_axi_awaddr[ADDRESS_BITS-1:2] : read_address;
    wire                    memory = at[ADDRESS_BITS-1];
    wire                    allowed = !(running && (memory || (write && at[8:2] != 0)));
    wire                    idle = !write && !read && wait_step == 0 && !s_axi_bvalid &&
                                   !s_axi_rvalid;
    wire                    may_write = s_axi_awvalid && s_axi_wvalid;

    assign s_axi_awready = write;
    assign s_axi_wready = write;
    assign s_axi_arready = read;
    assign host_write = write && allowed && s_axi_wstrb == 4'hf;
    assign host_address = {memory, {34-ADDRESS_BITS{1'b0}}, at[ADDRESS_BITS-2:2]};
    assign host_data = s_axi_wdata;

    always @(posedge clk)
        if (rst) begin
            write        <= 1'b0;
            read         <= 1'b0;
            reads_turn   <= 1'b0;
            wait_step    <= 0;
            s_axi_bvalid <= 1'b0;
            s_axi_rvalid <= 1'b0;
        end else begin
            write <= idle && may_write && !(s_axi_arvalid && reads_turn);
            read  <= idle && s_axi_arvalid && !(may_write && !reads_turn);
            if (write || read) reads_turn <= write;
            if (write) s_axi_bvalid <= 1'b1;
            else if (s_axi_bready) s_axi_bvalid <= 1'b0;
            if (read) wait_step <= READ_CLOCKS;
            else if (wait_step != 0) wait_step <= wait_step - 3'd1;
            if (wait_step == 3'd1) s_axi_rvalid <= 1'b1;
            else if (s_axi_rready) s_axi_rvalid <= 1'b0;
        end
    always @(posedge clk) begin
        if (read) read_address <= s_axi_araddr[ADDRESS_BITS-1:2];
        if (write) s_axi_bresp <= host_write ? OKAY : SLVERR;
        if (wait_step == 3'd1) begin
            s_axi_rdata <= host_read;
            s_axi_rresp <= allowed ? OKAY : SLVERR;
        end
    end
    wire unused = &{1'b0, s_axi_awaddr[1:0], s_axi_araddr[1:0]};

`ifdef NM_RULES
    wire [2:0] master_ok;
    wire [3:0] slave_ok;
    wire [1:0] writes_owed, words_owed, reads_owed;
    axi_lite_rules #(.ADDRESS_BITS(ADDRESS_BITS)) rules (
        .clk(clk), .rst(rst),
        .awvalid(s_axi_awvalid), .awready(s_axi_awready), .awaddr(s_axi_awaddr),
        .wvalid(s_axi_wvalid), .wready(s_axi_wready), .wdata(s_axi_wdata), .wstrb(s_axi_wstrb),
        .bvalid(s_axi_bvalid), .bready(s_axi_bready), .bresp(s_axi_bresp),
        .arvalid(s_axi_arvalid), .arready(s_axi_arready), .araddr(s_axi_araddr),
        .rvalid(s_axi_rvalid), .rready(s_axi_rready), .rdata(s_axi_rdata), .rresp(s_axi_rresp),
        .master_ok(master_ok), .slave_ok(slave_ok), .writes_owed(writes_owed),
        .words_owed(words_owed), .reads_owed(reads_owed)
    );
    wire unused_rules = &{1'b0, master_ok, slave_ok, writes_owed, words_owed, reads_owed};
`endif

`ifdef FORMAL
    reg started = 0, passed_on, refused, due = 0;
    reg [ADDRESS_BITS-1:0] asked;
    reg [31:0] answer;
    wire [ADDRESS_BITS-1:0] wanted = write ? s_axi_awaddr : asked;
    always @(posedge clk) begin
        if (rst) started <= 1;
        if (write) passed_on <= host_write;
        if (read) asked <= s_axi_araddr;
        answer <= host_read;
        refused <= running && asked[ADDRESS_BITS-1];
        due <= !rst && (wait_step == 1 ||
                        (!write && !read && wait_step == 0 && !s_axi_bvalid && !s_axi_rvalid &&
                         ((s_axi_awvalid && s_axi_wvalid) || s_axi_arvalid)));
    end
    always @* begin
        if (!started) assume (rst);
        if (started) begin
            assume (master_ok == 3'b111);
            assert (slave_ok == 4'b1111);
            assert (3'd0 + write + read + s_axi_bvalid + s_axi_rvalid + (wait_step != 0) <= 1);
            assert (wait_step <= READ_CLOCKS);
            assert (!write || (s_axi_awvalid && s_axi_wvalid));
            assert (!read || s_axi_arvalid);
            assert (writes_owed == s_axi_bvalid && words_owed == s_axi_bvalid);
            assert (reads_owed == (s_axi_rvalid || wait_step != 0));
            assert (!host_write || (s_axi_awready && s_axi_wready && host_data == s_axi_wdata));
            if (s_axi_bvalid) assert ((s_axi_bresp == OKAY) == passed_on);
            if (write || wait_step != 0)
                assert (host_address == {wanted[ADDRESS_BITS-1], {34-ADDRESS_BITS{1'b0}},
                                         wanted[ADDRESS_BITS-2:2]});
            if (due) assert (write || read || s_axi_rvalid);
            if (due && s_axi_rvalid)
                assert (s_axi_rdata == answer && s_axi_rresp == (refused ? SLVERR : OKAY));
        end
        cover (started && s_axi_bvalid && s_axi_bresp == OKAY);
        cover (started && s_axi_rvalid && s_axi_rready);
    end
`endif
endmodule
`default_nettype wire
