// SPDX-License-Identifier: Apache-2.0
// Fetches the program (program.txt), runs its loops, issues vector operations strip by strip to
// nm_vector and jobs to nm_stream.
//
// A block is VL strips of LANES elements.  An operation is issued strip by strip, one a clock, and
// its results are written 8 clocks after; VL is at least that, so an operation on a whole block
// finds what the one before it wrote.  No register number is ever compared; what waits, and for
// what, depends on the operation alone:
//
//   one strip, sums, fold   until the pipeline is empty; so does the operation that follows
//   div                     strips are 4 clocks apart, as 4 lanes share a divider; 19 clocks after
//                           the last one, as a quotient takes so many more
//   after muladd            4 clocks, as its sums come so much later; none between two muladd if VL
//                           is 16
//   acc                     strip v adds to what strip v - 16 / LANES gave, which leaves the adder
//                           4 clocks after it entered: strips are STEP = 4 LANES / 16 clocks apart
//   operand tile            until nm_vector has a tile of sums
//   to q                    until nm_qpack has taken all strips before; with 16 lanes, which give q
//                           faster than it takes them, until the pipeline is empty, too
//   to out                  until the reader has taken all logits before
//   loop                    4 clocks, in which its blocks are counted
//   load, product           until the job is queued, which needs room in the queue and the address
//                           of the embedding row, which nm_limits has to allow; a product also an
//                           empty pipeline and its q packed
//   waitv, halt             loads under way; pipeline and logits
//
// Of q there are two buffers, and nothing waits for one to be free: a product needs one until its
// sums are there, and the program takes all sums of a product before it makes the q after the next.
//
// Throughput: a strip a clock, an instruction a clock.  The ROM has a register behind it, so a jump
// is followed by two empty clocks.
//
// Whether an operation may start is a register, so what others say (pipe_empty, a tile, room) is
// not on the way to the next instruction.  It costs such an operation a clock: `ready` is 0 in the
// clock in which it comes, and then says what held the clock before, when nothing was issued.
`include "nm_isa.vh"
`default_nettype none
module nm_sequencer #(
    parameter LANE_BITS = 2,
    parameter VL_BITS = 4,
    parameter G_BITS = 12,
    parameter Q_BITS = 12
) (
    input  wire        clk,
    input  wire        rst,
    // Registers of the host: nm_core has the table.
    input  wire        put,
    input  wire [6:0]  put_address,
    input  wire [31:0] put_data,
    input  wire        start,
    output reg         running,
    output wire        t5,
    // Whether the registers fit the core (nm_limits).  Nothing is loaded, so nothing written,
    // before that is known; if they do not, or the id is none of the vocabulary, `refused` is 1
    // until a reset.
    input  wire        limits_known,
    input  wire        limits_fit,
    output reg         refused,
    // A strip of an operation.
    output wire        issue,
    output wire [47:9] operation,
    output wire [VL_BITS-1:0] issue_v,
    output wire [15:0] issue_strip, // of the vector
    output reg  [17:0] issue_count, // elements of the vector
    output wire [VL_BITS-1:0] issue_ahead, // fold: A's strips are ahead of B's
    output wire [3:0]  issue_rotate,       // fold: and so many lanes
    output wire [15:0] issue_state,        // strips of all layers before
    input  wire        pipe_empty,
    // Tiles of sums.
    input  wire        tile_ready,
    output wire        tile_done,
    output wire        tile_half,   // where a tile is two blocks: which one
    // The q memory.
    input  wire        pack_idle,
    output reg         pack_flush,
    output reg  [Q_BITS:0] pack_groups,
    input  wire        pack_flushed,
    input  wire        pack_buffer,
    input  wire        out_idle,
    // Jobs.
    output wire        job_valid,
    input  wire        job_ready,
    output wire [1:0]  job_kind,
    output wire        job_half,
    output reg  [31:0] job_address,
    output reg  [15:0] job_tiles,
    output reg  [7:0]  job_blocks,
    output reg  [5:0]  job_rest,
    output wire        job_buffer,
    output reg  [15:0] job_strips,
    output wire [G_BITS-1:0] job_to,
    input  wire        vector_done,
    output wire [3:0]  rec_address,  // of the record: a word below 16
    input  wire [31:0] rec_data
);
    localparam VB_BITS = VL_BITS + LANE_BITS;    // elements of a block: 64 or 128
    localparam [VL_BITS-1:0] SUMS = 1 << (4 - LANE_BITS); // strips that the 16 lanes of a sum take
    localparam [2:0] STEP = 1 << (LANE_BITS - 2);  // clocks between strips of a sum in order
    localparam [17:0] LAST_LANE = (1 << LANE_BITS) - 1;
    localparam [1:0] JOB_PRODUCT = 2'd0, JOB_VECTOR = 2'd1, JOB_RECORD = 2'd2;

    // ---- Registers of the host
    reg [17:0] id;  // bit 17: the number is larger
    reg [9:0]  layers;
    reg [31:0] record_base, embedding_base;
    reg [15:0] embedding_row;
    reg [1:0]  flags;
    reg [17:0] count_d, count_e, count_n, count_vocab, count_gate_up;
    reg [13:0] blocks_d, blocks_e, blocks_n;
    reg [G_BITS-1:0] gain_base [0:3];

    always @(posedge clk)
        if (rst) flags <= 0;
        else if (put)
            case (put_address)
                7'h01: id <= {put_data[31:17] != 0, put_data[16:0]};
                7'h02: layers <= put_data[9:0];
                7'h03: record_base <= put_data;
                7'h04: embedding_base <= put_data;
                7'h05: embedding_row <= put_data[15:0];
                7'h06: flags <= put_data[1:0];
                7'h08: count_d <= put_data[17:0];
                7'h09: count_e <= put_data[17:0];
                7'h0a: count_n <= put_data[17:0];
                7'h0b: count_vocab <= put_data[17:0];
                7'h0c: count_gate_up <= put_data[17:0];
                7'h10: blocks_d <= put_data[13:0];
                7'h11: blocks_e <= put_data[13:0];
                7'h12: blocks_n <= put_data[13:0];
                7'h14, 7'h15, 7'h16, 7'h17: gain_base[put_address[1:0]] <= put_data[G_BITS-1:0];
                default: ;
            endcase
    assign t5 = flags[0];

    // ---- Fetch.  After ir, the instruction at hand, come `fetched`, in the register behind the
    // ROM, and the one at pc, in the ROM's own; a jump makes both void
    reg  [8:0]  pc, loop_pc, return_pc, target;
    reg         ends, jumps;
    reg         jumped;  // in the clock before: `fetched` is void still
    wire        advance = ends || !running;
    wire [8:0]  next_pc = !running ? 9'd0 : jumps ? target : pc + 9'd1;
    wire [47:0] fetched;
    nm_program program_rom (
        .clk(clk), .move(advance), .address(next_pc), .instruction(fetched)
    );
    always @(posedge clk)
        if (advance) begin
            pc     <= next_pc;
            jumped <= jumps || !running;
        end
    wire        is_void = jumps || jumped;
    wire [8:0]  fetched_pc = pc - 9'd1;  // unless it is void

    reg  [47:0] ir;
    assign      operation = ir[47:9];
    wire [4:0]  op = ir[47:43];
    wire        is_vector = !op[4];
    wire [5:0]  a_index = ir[40:35], b_index = ir[32:27];
    wire [1:0]  strips_kind = ir[8:7];
    wire [3:0]  fold = ir[6:3];
    wire        acc = ir[9];

    // ---- Elements of a class, and the blocks of a loop over it
    // All that a function reads is an argument: a simulator does not look inside for changes.
    wire [89:0] counts = {count_gate_up, count_vocab, count_n, count_e, count_d};
    function [17:0] count_of(input [2:0] which, input [89:0] all);
        case (which)
            3'd0:    count_of = all[17:0];
            3'd1:    count_of = all[35:18];
            3'd2:    count_of = all[53:36];
            3'd3:    count_of = all[71:54];
            3'd4:    count_of = all[89:72];
            default: count_of = all[53:36];
        endcase
    endfunction
    function [11:0] blocks_of(input [17:0] count);
        blocks_of = {{VB_BITS-6{1'b0}}, count[17:VB_BITS]} + {11'b0, count[VB_BITS-1:0] != 0};
    endfunction

    // The number of blocks is known two clocks after `loop` is, whether there are any in the third.
    wire [2:0]  loop_class = a_index[2:0];
    reg  [17:0] class_count;
    reg  [11:0] blocks_of_n, blocks_of_up, class_blocks;
    reg  [1:0]  age;     // clocks since the instruction came, at most 3
    always @(posedge clk) begin
        class_count  <= count_of(loop_class, counts);
        class_blocks <= blocks_of(class_count);
        blocks_of_n  <= blocks_of(count_n);
        blocks_of_up <= blocks_of(count_gate_up) - blocks_of_n;
        age          <= ends ? 2'd0 : age == 2'd3 ? 2'd3 : age + 2'd1;
    end
    reg  [11:0] block, end_block, all_blocks;
    wire [11:0] first_block = loop_class == 3'd6 ? blocks_of_up : 12'd0;
    wire [11:0] last_block = loop_class == 3'd4 ? blocks_of_n
                           : loop_class == 3'd5 ? blocks_of_up : class_blocks;
    reg         tile_used, tile_odd;  // the loop's first block is the second one of a tile
    reg  [15:0] state_strips;
    reg  [9:0]  layer;

    // ---- A vector operation
    reg  [VL_BITS-1:0] v;
    reg  [4:0]  wait_step;
    reg         waits;   // wait_step is not 0
    reg  [2:0]  settle;  // clocks since muladd
    reg         alone;   // the operation before has to be finished first
    reg         ready;   // the operation may start, or has started
    wire        fold_rotates = fold < LANE_BITS;
    wire [VL_BITS-1:0] fold_strips = {{VL_BITS-1{1'b0}}, 1'b1} << (fold - LANE_BITS);
    // The last strip, and whether there is none, are found out while the instruction comes.
    reg  [VL_BITS-1:0] last_v;
    reg         at_last, fold_skips;
    function [VL_BITS-1:0] last_of(input [1:0] kind, input [3:0] n);
        case (kind)
            `STRIPS_ALL:  last_of = {VL_BITS{1'b1}};
            `STRIPS_ONE:  last_of = 0;
            `STRIPS_SUMS: last_of = SUMS - 1'b1;
            default:      last_of = n < LANE_BITS ? 0 : ~({VL_BITS{1'b1}} << (n - LANE_BITS));
        endcase
    endfunction
    always @(posedge clk)
        if (ends) begin
            last_v     <= last_of(fetched[8:7], fetched[6:3]);
            at_last    <= last_of(fetched[8:7], fetched[6:3]) == 0;
            fold_skips <= fetched[8:7] == `STRIPS_FOLD && fetched[6:3] >= VB_BITS;
        end else if (issue) at_last <= v + 1'b1 == last_v;
    wire plain = strips_kind == `STRIPS_ALL;
    wire from_tile = ir[42:41] == `A_TILE;
    // What the others say, a clock later: it stays so until an operation has begun and ended.
    reg  tile_here, q_free, out_free;
    always @(posedge clk) begin
        tile_here <= tile_ready;
        q_free    <= pack_idle;
        out_free  <= out_idle;
    end
    // With 16 lanes nm_qpack is slower than q comes: what is under way has to arrive first.
    wire q_taken = q_free && (VL_BITS == 4 || pipe_empty);
    // Between two muladd nothing has to settle if a block takes longer.
    function chains(input [4:0] which);
        chains = which == `OP_MULADD && VL_BITS == 4;
    endfunction
    wire may_start = (settle < 3'd2 || chains(op)) && (!(alone || !plain) || pipe_empty) &&
                     (!from_tile || tile_here) && (!ir[23] || q_taken) && (!ir[22] || out_free);
    // An operation that waits for none of these is ready when it comes.
    wire comes_ready = !fetched[47] && fetched[8:7] == `STRIPS_ALL && fetched[42:41] != `A_TILE &&
                       fetched[23:22] == 0 && !(is_vector ? !plain : alone) &&
                       ((settle < 3'd2 && op != `OP_MULADD) || chains(fetched[47:43]));
    always @(posedge clk)
        if (advance) ready <= running && !is_void && comes_ready;
        else if (is_vector && !fold_skips && may_start) ready <= 1'b1;

    assign issue = running && ready && !waits;
    assign issue_v = v;
    wire [15:0] block_strip = {4'b0, block} << VL_BITS;
    assign issue_strip = block_strip | {{16-VL_BITS{1'b0}}, issue_v};
    wire   fold_here = strips_kind == `STRIPS_FOLD;
    assign issue_ahead = fold_here && !fold_rotates ? fold_strips : 0;
    assign issue_rotate = fold_here && fold_rotates ? 4'd1 << fold : 4'd0;
    assign issue_state = state_strips;
    wire   vector_ends = fold_skips || (issue && at_last);

    // ---- Jobs.  The address of an embedding row is base + id row, a bit of id a clock
    reg  [4:0]  id_bit;
    reg  [31:0] row_address, row_shifted;
    reg  [31:0] record_address;
    reg  [3:0]  n_vectors;  // under way
    reg         job_prepared;
    reg         allowed, forbidden;
    always @(posedge clk) begin
        allowed   <= limits_known && limits_fit && id < count_vocab;
        forbidden <= limits_known && !(limits_fit && id < count_vocab);
        refused   <= !rst && running && id_bit == 5'd17 && forbidden;
    end
    wire        is_embedding = op == `OP_LOAD && a_index == 6'd32;
    wire        is_record = op == `OP_LOAD && a_index == 6'd33;
    wire        is_job = op == `OP_LOAD || op == `OP_PRODUCT;
    wire [1:0]  col_class = b_index[1:0];  // d, e or n
    wire [2:0]  row_class = b_index[5:3];
    wire [13:0] col_blocks = col_class[1] ? blocks_n : col_class[0] ? blocks_e : blocks_d;
    wire [15:0] groups = (t5 ? {4'b0, col_blocks[7:0], 4'b0} + {3'b0, col_blocks[7:0], 5'b0}
                             : {2'b0, col_blocks[7:0], 6'b0} - {6'b0, col_blocks[7:0], 2'b0}) +
                         {10'b0, col_blocks[13:8]};
    wire [17:0] rows = count_of(row_class, counts);
    wire [17:0] length = count_of(ir[2:0], counts);
    wire [17:0] rows_up = rows + 18'd127, length_up = length + LAST_LANE;

    assign rec_address = a_index[3:0];
    assign job_kind = op == `OP_PRODUCT ? JOB_PRODUCT : is_record ? JOB_RECORD : JOB_VECTOR;
    assign job_half = is_embedding && flags[1];
    assign job_buffer = pack_buffer;
    assign job_to = gain_base[b_index[1:0]];
    assign job_valid = running && job_prepared &&
                       (op == `OP_PRODUCT ? pack_flushed : op == `OP_LOAD);
    wire   pushed = job_valid && job_ready;

    always @(posedge clk)
        if (rst || !running || !is_job || pushed) begin
            job_prepared <= 1'b0;
            pack_flush   <= 1'b0;
        end else begin
            job_prepared <= id_bit == 5'd17 && allowed;
            pack_flush   <= op == `OP_PRODUCT && job_prepared && pipe_empty && job_ready;
            job_address  <= is_embedding ? row_address : is_record ? record_address : rec_data;
            job_tiles    <= {5'b0, rows_up[17:7]};
            job_blocks   <= col_blocks[7:0];
            job_rest     <= col_blocks[13:8];
            job_strips   <= {{LANE_BITS-2{1'b0}}, length_up[17:LANE_BITS]};
            pack_groups  <= groups[Q_BITS:0];
        end

    always @(posedge clk)
        if (rst || !running) n_vectors <= 0;
        else n_vectors <= n_vectors + {3'b0, pushed && op == `OP_LOAD} - {3'b0, vector_done};

    always @(posedge clk)
        if (start) begin
            id_bit      <= 0;
            row_address <= embedding_base;
            row_shifted <= {16'b0, embedding_row};
        end else if (id_bit != 5'd17) begin
            id_bit      <= id_bit + 5'd1;
            row_shifted <= row_shifted << 1;
            if (id[id_bit]) row_address <= row_address + row_shifted;
        end

    // ---- What ends a control instruction, and where the program goes on
    // A body takes more clocks than these registers.
    reg  another_block, another_layer, ends_vector, no_blocks;
    always @(posedge clk) begin
        no_blocks     <= first_block == last_block;
        another_block <= block + 12'd1 != end_block;
        ends_vector   <= block + 12'd1 == all_blocks;
        another_layer <= layer + 10'd1 != layers;
    end
    always @* begin
        ends   = 1'b1;
        jumps  = 1'b0;
        target = ir[8:0];
        case (op)
            `OP_LOOP:    begin ends = age == 2'd3; jumps = no_blocks; end
            `OP_END:     begin jumps = another_block; target = loop_pc; end
            `OP_CALL:    jumps = 1'b1;
            `OP_RET:     begin jumps = 1'b1; target = return_pc; end
            `OP_LOAD, `OP_PRODUCT: ends = pushed;
            `OP_WAITV:   ends = n_vectors <= a_index[3:0];
            `OP_LAYER:   jumps = another_layer;
            `OP_HALT:    ends = pipe_empty && out_free;
            `OP_NOP:     ;
            default:    ends = vector_ends;
        endcase
    end

    wire half_ends = VB_BITS == 7 || block[0] != tile_odd;
    wire at_end = running && op == `OP_END;
    assign tile_half = VB_BITS == 7 ? 1'b0 : block[0] != tile_odd;
    assign tile_done = at_end && tile_used && (half_ends || ends_vector);

    always @(posedge clk)
        if (rst) begin
            running <= 1'b0;
            ir      <= {`OP_NOP, 43'd0};
        end else if (!running) begin
            running        <= start;
            ir             <= {`OP_NOP, 43'd0};
            v              <= 0;
            wait_step      <= 0;
            waits          <= 1'b0;
            settle         <= 0;
            alone          <= 1'b0;
            layer          <= 0;
            state_strips   <= 0;
            record_address <= record_base;
            tile_used      <= 1'b0;
            block          <= 0;
        end else begin
            // Strips.
            if (waits) begin
                wait_step <= wait_step - 5'd1;
                waits     <= wait_step != 5'd1;
            end else if (issue) begin
                v         <= vector_ends ? 0 : v + 1'b1;
                wait_step <= op == `OP_DIV ? (vector_ends ? 5'd19 : 5'd3)
                           : acc && !vector_ends ? {2'b0, STEP} - 5'd1 : 5'd0;
                waits     <= op == `OP_DIV || (acc && !vector_ends && STEP != 3'd1);
                if (vector_ends) alone <= !plain;
                if (from_tile) tile_used <= 1'b1;
            end
            if (issue && op == `OP_MULADD) settle <= 3'd4;
            else if (settle != 0) settle <= settle - 3'd1;
            // The next instruction.
            if (ends) begin
                ir <= is_void ? {`OP_NOP, 43'd0} : fetched;
                case (op)
                    `OP_LOOP: begin
                        loop_pc     <= fetched_pc;
                        block       <= first_block;
                        end_block   <= last_block;
                        all_blocks  <= loop_class == 3'd5 ? blocks_of_up : class_blocks;
                        tile_odd    <= loop_class == 3'd5 && blocks_of_n[0];
                        issue_count <= class_count;
                        tile_used   <= 1'b0;
                    end
                    `OP_END: begin
                        block     <= block + 12'd1;
                        tile_used <= 1'b0;
                    end
                    `OP_CALL: return_pc <= fetched_pc;
                    `OP_LOAD: if (is_record) record_address <= record_address + 32'd8;
                    `OP_LAYER: begin
                        layer        <= layer + 10'd1;
                        state_strips <= state_strips + state_step;
                    end
                    `OP_HALT: running <= 1'b0;
                    default: ;
                endcase
            end
        end
    wire [17:0] count_e_up = count_e + LAST_LANE;
    wire [15:0] state_step = {{LANE_BITS-2{1'b0}}, count_e_up[17:LANE_BITS]};
    wire        unused = &{1'b0, rows_up[6:0], length_up[LANE_BITS-1:0], count_e_up[LANE_BITS-1:0],
                           a_index[5:4], b_index[2], groups};
endmodule
`default_nettype wire
