// SPDX-License-Identifier: Apache-2.0
// One byte of codes as trits: nonzero[j], and negative[j] where trit j is -1.  Where a trit is 0
// negative[j] means nothing.
//
// Combinational.  t5 = 0: packing t4, four trits (trit 4 is 0); t5 = 1: packing t5, five trits.
// models/FORMAT.md defines both; every byte has a meaning, also those that are never written.
`default_nettype none
module nm_trits (
    input  wire       t5,
    input  wire [7:0] code,
    output wire [4:0] nonzero,
    output wire [4:0] negative
);
    // ---- t4: two bits a trit, 01 is +1, 11 is -1
    wire [4:0] nonzero4 = {1'b0, code[6], code[4], code[2], code[0]};
    wire [4:0] negative4 = {1'b0, code[7], code[5], code[3], code[1]};

    // ---- t5: a triple q, a pair p, one sign for all
    wire       escape = code[3:1] == 0;  // the pair is (0 0), its bits belong to the triple
    wire [3:0] index = escape ? {code[6:4], code[0]} : code[3:0];
    reg  [2:0] q, q_minus;  // bit 0 is trit 0
    reg  [1:0] p, p_minus;

    always @* begin
        case (index)
            4'd3:    {q, q_minus} = 6'b100_000;
            4'd4:    {q, q_minus} = 6'b110_100;
            4'd5:    {q, q_minus} = 6'b010_000;
            4'd6:    {q, q_minus} = 6'b110_000;
            4'd7:    {q, q_minus} = 6'b111_110;
            4'd8:    {q, q_minus} = 6'b011_010;
            4'd9:    {q, q_minus} = 6'b111_010;
            4'd10:   {q, q_minus} = 6'b101_100;
            4'd11:   {q, q_minus} = 6'b001_000;
            4'd12:   {q, q_minus} = 6'b101_000;
            4'd13:   {q, q_minus} = 6'b111_100;
            4'd14:   {q, q_minus} = 6'b011_000;
            4'd15:   {q, q_minus} = 6'b111_000;
            default: {q, q_minus} = 6'b000_000;
        endcase
        case (code[6:4])
            3'd0:    {p, p_minus} = 4'b11_11;
            3'd1:    {p, p_minus} = 4'b01_01;
            3'd2:    {p, p_minus} = 4'b11_01;
            3'd3:    {p, p_minus} = 4'b10_10;
            3'd4:    {p, p_minus} = 4'b10_00;
            3'd5:    {p, p_minus} = 4'b11_10;
            3'd6:    {p, p_minus} = 4'b01_00;
            default: {p, p_minus} = 4'b11_00;
        endcase
    end

    assign nonzero = t5 ? {escape ? 2'b00 : p, q} : nonzero4;
    assign negative = t5 ? {p_minus, q_minus} ^ {5{code[7]}} : negative4;
endmodule
`default_nettype wire
