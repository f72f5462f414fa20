# The accelerator core of src/rtl: what `make` and `make check` do not need.

.PHONY: rtl check-rtl mutate-rtl

rtl: src/rtl/nm_program.v ## the program ROM of the accelerator core, from src/rtl/program.txt
src/rtl/nm_program.v: src/rtl/program.txt src/rtl/assemble.awk
	@awk -f src/rtl/assemble.awk $< > $@

check-rtl: $(PROG)/nomul ## the accelerator core against the C code; verilator, iverilog, yosys
	@CC='$(CC)' sh tests/rtl/run.sh '$(BUILD)' $(RTL_PARTS)

mutate-rtl: $(PROG)/nomul ## mutation coverage of its tests: 228 faults, a quarter of an hour
	@CC='$(CC)' sh tests/rtl/run.sh '$(BUILD)' mutate
