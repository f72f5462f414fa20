# The accelerator core of src/rtl: what `make` and `make check` do not need.

.PHONY: rtl check-rtl

check-rtl: $(PROG)/libnomul.a ## the accelerator core against the C code; verilator, iverilog, yosys
	@sh tests/rtl/run.sh '$(BUILD)' $(RTL_PARTS)
