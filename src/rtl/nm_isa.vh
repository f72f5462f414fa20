// SPDX-License-Identifier: Apache-2.0
// The instructions of the vector engine, 48 bits each, as nm_sequencer reads and nm_vector executes
// them.  assemble.awk writes the same numbers.
//
//   47:43 operation                      11    negate operand A
//   42:41 A from  M R tile S             10    absolute value of operand B
//   40:35 A: pointer, register, scalar   9     add in order: B is what went out 16 elements before
//   34:33 B from  R G S P                8:7   strips: all, one, 16 / LANES, fold
//   32:27 B: register, pointer, scalar   6:3   fold: A is 2^n elements ahead of B
//   26:22 to  M R S q out                2:0   class of the loop, in `load` of the vector
//   21:12 pointer of M, R, S written     8:0   target of a jump
//   21:18 in muladd: the constant that is added
//
// Scalars of the record are A only, results B only.
// P is 2^(n >> 1) or, with bit 30, 2^(n - (n >> 1)), of a register that is 12582912 + n (exp.c).
`ifndef NM_ISA
`define NM_ISA
`define OP_ADD 5'd0
`define OP_SUB 5'd1
`define OP_MUL 5'd2
`define OP_DIV 5'd3
`define OP_MAX 5'd4
`define OP_MIN 5'd5
`define OP_MOV 5'd8
`define OP_SQRT 5'd9
`define OP_MULADD 5'd10
`define OP_LOOP 5'd16
`define OP_END 5'd17
`define OP_CALL 5'd18
`define OP_RET 5'd19
`define OP_LOAD 5'd20
`define OP_PRODUCT 5'd21
`define OP_WAITV 5'd22
`define OP_LAYER 5'd23
`define OP_HALT 5'd24
`define OP_NOP 5'd25
`define A_M 2'd0
`define A_R 2'd1
`define A_TILE 2'd2
`define A_S 2'd3
`define B_R 2'd0
`define B_G 2'd1
`define B_S 2'd2
`define B_P 2'd3
`define STRIPS_ALL 2'd0
`define STRIPS_ONE 2'd1
`define STRIPS_SUMS 2'd2
`define STRIPS_FOLD 2'd3
`endif
