// SPDX-License-Identifier: Apache-2.0
// AXI4 read master for the memory port of nm_core.
//
// A request of the core, 1 to 480 beats, becomes bursts (INCR) of at most 256 beats that do not
// cross a boundary of 4 KB; up to four are outstanding, in order, all of one id.
//
// Latency: a request is offered to the bus 2 clocks after it was taken; data pass through without a
// register, 0 clocks.  Throughput a request in as many clocks as it has bursts and one, a burst a
// clock, a beat a clock.
//
// The core gets exactly the beats that it asked for, whatever the memory answers; r_error marks
//
//   - a beat whose RRESP is SLVERR or DECERR
//   - the last beat of a burst without RLAST; the memory's surplus up to RLAST is dropped
//   - a beat with RLAST before the burst's last one, and the missing beats, made up here
//   - all beats after a request whose address is not a multiple of a beat, until `clear`
//
// `rst` is that of the bus.  `clear` goes with a reset of the core, at any clock: a bus that is
// still working cannot be reset, so an offered burst stays offered, the beats of outstanding ones
// are dropped, and until the last of them is there no request is taken.
//
// Proved (RTL_PARTS=formal), for any memory that keeps the rules of axi_read_rules.v but those
// about RLAST: the master's rules; the beats given and those still to come are those asked for; an
// offered beat stays until it is taken; a burst is offered whether ARREADY is 1 or not.
`default_nettype none
module nm_axi_read #(
    parameter LANES = 4  // 4, 8 or 16: 128, 256 or 512 bits
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                clear,
    // The core's memory port.
    input  wire                ar_valid,
    output wire                ar_ready,
    input  wire [35:0]         ar_address,
    input  wire [8:0]          ar_beats,
    output wire                r_valid,
    input  wire                r_ready,
    output wire [32*LANES-1:0] r_data,
    output wire                r_error,
    // AXI4.
    output reg                 m_axi_arvalid,
    input  wire                m_axi_arready,
    output reg  [35:0]         m_axi_araddr,
    output reg  [7:0]          m_axi_arlen,
    output wire [2:0]          m_axi_arsize,
    output wire [1:0]          m_axi_arburst,
    input  wire                m_axi_rvalid,
    output wire                m_axi_rready,
    input  wire [32*LANES-1:0] m_axi_rdata,
    input  wire [1:0]          m_axi_rresp,
    input  wire                m_axi_rlast
);
    localparam SIZE = LANES == 16 ? 6 : LANES == 8 ? 5 : 4;  // a beat is 2^SIZE bytes
    localparam [8:0] PAGE = 1 << (12 - SIZE);                // beats of 4 KB
    // How the beats of the first outstanding burst come: from the bus; made up, as RLAST came too
    // early; or not at all, as they are more than were asked for.
    localparam [1:0] FLOW = 2'd0, FILL = 2'd1, SURPLUS = 2'd2;

    assign m_axi_arsize = SIZE;
    assign m_axi_arburst = 2'b01;

    // ---- Requests become bursts
    reg  [8:0]       left;  // beats of the request for which no burst has been offered
    reg  [35:SIZE]   at;
    reg              dropping, misaligned;
    reg  [2:0]       n_bursts;
    wire [8:0]       room = PAGE - {{SIZE-3{1'b0}}, at[11:SIZE]};
    wire [8:0]       beats = left < room ? left : room;
    wire [8:0]       length = beats - 9'd1;
    wire             offer = left != 0 && (!m_axi_arvalid || m_axi_arready) && n_bursts != 3'd4 &&
                             !clear;
    wire             accept = ar_valid && ar_ready;

    // What is misaligned waits: no beat of an earlier request is marked while it is offered.
    wire             aligned = ar_address[SIZE-1:0] == 0;
    assign ar_ready = left == 0 && !dropping && !clear && (aligned || n_bursts == 0);

    always @(posedge clk)
        if (rst) begin
            left          <= 0;
            misaligned    <= 1'b0;
            m_axi_arvalid <= 1'b0;
        end else begin
            if (clear) left <= 0;
            else if (accept) left <= ar_beats;
            else if (offer) left <= left - beats;
            if (clear) misaligned <= 1'b0;
            else if (accept && !aligned) misaligned <= 1'b1;
            if (offer) m_axi_arvalid <= 1'b1;
            else if (m_axi_arready) m_axi_arvalid <= 1'b0;
        end
    always @(posedge clk) begin
        if (accept) at <= ar_address[35:SIZE];
        else if (offer) at <= at + {{27-SIZE{1'b0}}, beats};
        if (offer) begin
            m_axi_araddr <= {at, {SIZE{1'b0}}};
            m_axi_arlen  <= length[7:0];
        end
    end

    // ---- The lengths of the outstanding bursts; the first one's is lowest
    reg  [31:0] lengths;
    wire        done;  // with the first of them
    wire [2:0]  kept = n_bursts - {2'b0, done};
    wire [31:0] kept_lengths = done ? {8'd0, lengths[31:8]} : lengths;

    always @(posedge clk)
        if (rst) n_bursts <= 0;
        else begin
            n_bursts <= kept + {2'b0, offer};
            lengths  <= kept_lengths;
            if (offer) lengths[8*kept[1:0]+:8] <= length[7:0];
        end

    // ---- Beats
    reg  [1:0] flow;
    reg  [7:0] given;  // of the first burst
    wire       open = !dropping && !clear;
    wire       expected = given == lengths[7:0];  // to be the last one
    wire       give = r_valid && r_ready;
    wire       last_taken = m_axi_rvalid && m_axi_rready && m_axi_rlast;

    assign r_valid = open && (flow == FILL || (flow == FLOW && m_axi_rvalid && n_bursts != 0));
    assign r_data = m_axi_rdata;
    assign r_error = misaligned || flow == FILL || m_axi_rresp[1] || m_axi_rlast != expected;
    assign m_axi_rready = flow == SURPLUS || (flow == FLOW && n_bursts != 0 &&
                                              (dropping || (open && r_ready)));
    assign done = dropping ? flow == FILL || (flow == FLOW && last_taken) : give && expected;

    always @(posedge clk)
        if (rst) begin
            flow     <= FLOW;
            given    <= 0;
            dropping <= 1'b0;
        end else begin
            if (clear) dropping <= 1'b1;
            else if (n_bursts == 0 && flow == FLOW) dropping <= 1'b0;
            if (clear || dropping || (give && expected)) given <= 0;
            else if (give) given <= given + 8'd1;
            if (dropping ? done : give && expected && (flow == FILL || m_axi_rlast)) flow <= FLOW;
            else if (give && expected) flow <= SURPLUS;
            else if (give && m_axi_rlast && flow == FLOW) flow <= FILL;
            else if (flow == SURPLUS && last_taken) flow <= FLOW;
        end
    wire unused = &{1'b0, m_axi_rresp[0], length[8]};

`ifdef NM_RULES
    wire [2:0] master_ok, slave_ok, owed;
    axi_read_rules #(.LANES(LANES)) rules (
        .clk(clk), .rst(rst), .arvalid(m_axi_arvalid), .arready(m_axi_arready),
        .araddr(m_axi_araddr), .arlen(m_axi_arlen), .rvalid(m_axi_rvalid), .rready(m_axi_rready),
        .rdata(m_axi_rdata), .rresp(m_axi_rresp), .rlast(m_axi_rlast),
        .master_ok(master_ok), .slave_ok(slave_ok), .owed(owed)
    );
    wire unused_rules = &{1'b0, master_ok, slave_ok, owed};
`endif

`ifdef FORMAL
    // Beats asked for and not yet given; beats of the bursts in `lengths`.
    reg         started = 0, offered = 0, split = 0, unaligned = 0, due = 0;
    reg  [11:0] asked, outstanding;
    reg  [32*LANES:0] shown;
    integer     k;

    always @(posedge clk) begin
        if (rst) started <= 1;
        if (rst || clear) asked <= 0;
        else asked <= asked + (accept ? ar_beats : 0) - give;
        if (rst || clear) unaligned <= 0;
        else if (accept && ar_address[SIZE-1:0] != 0) unaligned <= 1;
        split <= !accept && (split || (offer && beats != left));
        offered <= !rst && !clear && r_valid && !r_ready && flow == FLOW;
        shown <= {r_error, r_data};
        due <= !rst && !clear && left != 0 && !m_axi_arvalid && n_bursts != 4;
    end
    always @* begin
        outstanding = 0;
        for (k = 0; k < 4; k = k + 1)
            if (k < n_bursts) outstanding = outstanding + lengths[8*k+:8] + 1;
        if (!started) assume (rst);
        if (started) begin
            assume (slave_ok[1:0] == 2'b11);
            assume (ar_beats >= 1 && ar_beats <= 480);
            assert (master_ok == 3'b111);
            assert (!due || m_axi_arvalid);  // without waiting for ARREADY
            assert (n_bursts <= 4 && flow <= SURPLUS);
            assert (n_bursts == 0 || given <= lengths[7:0]);
            assert (n_bursts != 0 || given == 0);
            assert (flow != FILL || (n_bursts != 0 && (given != 0 || dropping)));
            // The bus owes what is outstanding, but what is offered, ended too early or too long.
            assert (4'd0 + owed + m_axi_arvalid + (flow == FILL) == n_bursts + (flow == SURPLUS));
            assert (!m_axi_arvalid || n_bursts != 0);
            assert (dropping ? left == 0 && given == 0 && asked == 0
                             : asked + given == left + outstanding);
            assert (misaligned == unaligned);
            if (unaligned && r_valid) assert (r_error);
            if (offered && open) assert (r_valid && {r_error, r_data} == shown);
        end
        cover (started && split && give && asked == 1);
        cover (started && flow == FILL && give && asked == 1);
        cover (started && dropping && n_bursts == 1 && last_taken);
    end
`endif
endmodule
`default_nettype wire
