// SPDX-License-Identifier: Apache-2.0
// The core behind standard buses: AXI4-Lite for its registers and state (nm_axi_lite has the
// addresses), AXI4 to read memory (nm_axi_read), an AXI4-Stream of logits without TLAST, whose
// TKEEP marks the bytes that count.  `running` is a level: its end may interrupt the host.
//
// Latency of the adapters: 2 clocks for a request, none for its data; a write of a register takes 3
// clocks, a read 9.  Throughput a beat a clock, of weights and logits.
//
// `rst` resets all; a reset by the host, which writes bit 1 of register 0, the core alone: the
// adapters finish what they have begun on their buses.
`default_nettype none
module nm_axi_core #(
    parameter LANES = 4,
    parameter M_STRIPS = 1024,
    parameter G_STRIPS = 256,
    parameter Q_GROUPS = 256,
    parameter WAIT_BITS = 20,
    parameter ADDRESS_BITS = 20  // 2^(ADDRESS_BITS - 3) words of main memory can be reached
) (
    input  wire                    clk,
    input  wire                    rst,
    // AXI4-Lite slave.
    input  wire                    s_axi_awvalid,
    output wire                    s_axi_awready,
    input  wire [ADDRESS_BITS-1:0] s_axi_awaddr,
    input  wire                    s_axi_wvalid,
    output wire                    s_axi_wready,
    input  wire [31:0]             s_axi_wdata,
    input  wire [3:0]              s_axi_wstrb,
    output wire                    s_axi_bvalid,
    input  wire                    s_axi_bready,
    output wire [1:0]              s_axi_bresp,
    input  wire                    s_axi_arvalid,
    output wire                    s_axi_arready,
    input  wire [ADDRESS_BITS-1:0] s_axi_araddr,
    output wire                    s_axi_rvalid,
    input  wire                    s_axi_rready,
    output wire [31:0]             s_axi_rdata,
    output wire [1:0]              s_axi_rresp,
    // AXI4 read master.
    output wire                    m_axi_arvalid,
    input  wire                    m_axi_arready,
    output wire [35:0]             m_axi_araddr,
    output wire [7:0]              m_axi_arlen,
    output wire [2:0]              m_axi_arsize,
    output wire [1:0]              m_axi_arburst,
    input  wire                    m_axi_rvalid,
    output wire                    m_axi_rready,
    input  wire [32*LANES-1:0]     m_axi_rdata,
    input  wire [1:0]              m_axi_rresp,
    input  wire                    m_axi_rlast,
    // AXI4-Stream master.
    output wire                    m_axis_tvalid,
    input  wire                    m_axis_tready,
    output wire [32*LANES-1:0]     m_axis_tdata,
    output wire [4*LANES-1:0]      m_axis_tkeep,
    output wire                    running
);
    wire                host_write, ar_valid, ar_ready, r_valid, r_ready, r_error;
    wire [31:0]         host_address, host_data, host_read;
    wire [35:0]         ar_address;
    wire [8:0]          ar_beats;
    wire [32*LANES-1:0] r_data;
    wire [LANES-1:0]    keep;

    // The core is in reset in the clock after that in which the host asked for it.
    wire clearing = host_write && !host_address[31] && host_address[6:0] == 0 && host_data[1];
    reg  cleared;
    always @(posedge clk) cleared <= clearing;

    nm_axi_lite #(.ADDRESS_BITS(ADDRESS_BITS)) lite (
        .clk(clk), .rst(rst),
        .s_axi_awvalid(s_axi_awvalid), .s_axi_awready(s_axi_awready), .s_axi_awaddr(s_axi_awaddr),
        .s_axi_wvalid(s_axi_wvalid), .s_axi_wready(s_axi_wready), .s_axi_wdata(s_axi_wdata),
        .s_axi_wstrb(s_axi_wstrb), .s_axi_bvalid(s_axi_bvalid), .s_axi_bready(s_axi_bready),
        .s_axi_bresp(s_axi_bresp), .s_axi_arvalid(s_axi_arvalid), .s_axi_arready(s_axi_arready),
        .s_axi_araddr(s_axi_araddr), .s_axi_rvalid(s_axi_rvalid), .s_axi_rready(s_axi_rready),
        .s_axi_rdata(s_axi_rdata), .s_axi_rresp(s_axi_rresp),
        .host_write(host_write), .host_address(host_address), .host_data(host_data),
        .host_read(host_read), .running(running)
    );
    nm_axi_read #(.LANES(LANES)) read (
        .clk(clk), .rst(rst), .clear(clearing || cleared),
        .ar_valid(ar_valid), .ar_ready(ar_ready), .ar_address(ar_address), .ar_beats(ar_beats),
        .r_valid(r_valid), .r_ready(r_ready), .r_data(r_data), .r_error(r_error),
        .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready), .m_axi_araddr(m_axi_araddr),
        .m_axi_arlen(m_axi_arlen), .m_axi_arsize(m_axi_arsize), .m_axi_arburst(m_axi_arburst),
        .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready), .m_axi_rdata(m_axi_rdata),
        .m_axi_rresp(m_axi_rresp), .m_axi_rlast(m_axi_rlast)
    );
    nm_core #(
        .LANES(LANES), .M_STRIPS(M_STRIPS), .G_STRIPS(G_STRIPS), .Q_GROUPS(Q_GROUPS),
        .WAIT_BITS(WAIT_BITS)
    ) core (
        .clk(clk), .rst(rst), .host_write(host_write), .host_address(host_address),
        .host_data(host_data), .host_read(host_read),
        .ar_valid(ar_valid), .ar_ready(ar_ready), .ar_address(ar_address), .ar_beats(ar_beats),
        .r_valid(r_valid), .r_ready(r_ready), .r_data(r_data), .r_error(r_error),
        .out_valid(m_axis_tvalid), .out_ready(m_axis_tready), .out_data(m_axis_tdata),
        .out_keep(keep), .running(running)
    );
    genvar l;
    generate
        for (l = 0; l < LANES; l = l + 1) begin : bytes
            assign m_axis_tkeep[4*l+:4] = {4{keep[l]}};
        end
    endgenerate
endmodule
`default_nettype wire
