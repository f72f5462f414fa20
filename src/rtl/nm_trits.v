// SPDX-License-Identifier: Apache-2.0
// One byte of codes as trits: plus[j] where trit j is +1, minus[j] where it is -1.
//
// Combinational.  t5 = 0: packing t4, four trits (trit 4 is 0); t5 = 1: packing t5, five trits.
// models/FORMAT.md defines both; every byte has a meaning, also those that are never written.
`default_nettype none
module nm_trits (
    input  wire       t5,
    input  wire [7:0] code,
    output wire [4:0] plus,
    output wire [4:0] minus
);
    // ---- t4: two bits a trit
    wire [4:0] plus4 = {1'b0, code[7:6] == 2'b01, code[5:4] == 2'b01, code[3:2] == 2'b01,
                        code[1:0] == 2'b01};
    wire [4:0] minus4 = {1'b0, code[7:6] == 2'b11, code[5:4] == 2'b11, code[3:2] == 2'b11,
                         code[1:0] == 2'b11};

    // ---- t5: a triple q, a pair p, one sign for all
    wire       escape = code[3:1] == 0;  // the pair is (0 0), its bits belong to the triple
    wire [3:0] index = escape ? {code[6:4], code[0]} : code[3:0];
    reg  [2:0] q_plus, q_minus;  // bit 0 is trit 0
    reg  [1:0] p_plus, p_minus;

    always @* begin
        case (index)
            4'd3:    {q_plus, q_minus} = 6'b100_000;
            4'd4:    {q_plus, q_minus} = 6'b010_100;
            4'd5:    {q_plus, q_minus} = 6'b010_000;
            4'd6:    {q_plus, q_minus} = 6'b110_000;
            4'd7:    {q_plus, q_minus} = 6'b001_110;
            4'd8:    {q_plus, q_minus} = 6'b001_010;
            4'd9:    {q_plus, q_minus} = 6'b101_010;
            4'd10:   {q_plus, q_minus} = 6'b001_100;
            4'd11:   {q_plus, q_minus} = 6'b001_000;
            4'd12:   {q_plus, q_minus} = 6'b101_000;
            4'd13:   {q_plus, q_minus} = 6'b011_100;
            4'd14:   {q_plus, q_minus} = 6'b011_000;
            4'd15:   {q_plus, q_minus} = 6'b111_000;
            default: {q_plus, q_minus} = 6'b000_000;
        endcase
        case (code[6:4])
            3'd0:    {p_plus, p_minus} = 4'b00_11;
            3'd1:    {p_plus, p_minus} = 4'b00_01;
            3'd2:    {p_plus, p_minus} = 4'b10_01;
            3'd3:    {p_plus, p_minus} = 4'b00_10;
            3'd4:    {p_plus, p_minus} = 4'b10_00;
            3'd5:    {p_plus, p_minus} = 4'b01_10;
            3'd6:    {p_plus, p_minus} = 4'b01_00;
            default: {p_plus, p_minus} = 4'b11_00;
        endcase
    end

    wire [4:0] up = {escape ? 2'b00 : p_plus, q_plus};
    wire [4:0] down = {escape ? 2'b00 : p_minus, q_minus};

    assign plus = !t5 ? plus4 : code[7] ? down : up;
    assign minus = !t5 ? minus4 : code[7] ? up : down;
endmodule
`default_nettype wire
