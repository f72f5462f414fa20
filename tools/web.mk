# The page that runs nomul in a browser: build/web holds all that a server has to serve.  zig
# compiles the library to WebAssembly: python3 -m pip install ziglang==0.15.1.

WEB       := $(BUILD)/web
WEB_OUT   := $(BUILD)/obj-web
WEB_FLAGS := -target wasm32-wasi -mexec-model=reactor -std=c11 -D_POSIX_C_SOURCE=200809L \
             -ffp-contract=off $(WARN) -Iinclude -Isrc -O2 -DNDEBUG -msimd128 \
             -fvisibility=hidden -ffunction-sections -fdata-sections
WEB_SRC   := $(LIB_SRC) $(WEB_C)
WEB_EXPORT := $(shell grep -ho 'nm_web_[a-z_]*[a-z]' src/web/*.c | sort -u)
WEB_PAGE  := $(filter-out %.c %.md,$(wildcard src/web/*))
MODEL     ?= models/stories-14m.gguf

$(WEB_OUT)/flags: FORCE
	$(call stamp,$(ZIG) $(WEB_FLAGS))
$(WEB_OUT)/%.o: %.c $(WEB_OUT)/flags
	@mkdir -p $(@D)
	@$(if $(V),,echo '  ZIG $<')
	$(Q)$(ZIG) cc $(WEB_FLAGS) -MMD -MP -c -o $@ $<
$(WEB)/nomul.wasm: $(WEB_SRC:%.c=$(WEB_OUT)/%.o)
	@mkdir -p $(@D)
	$(Q)$(ZIG) cc $(WEB_FLAGS) -s -Wl,--gc-sections $(WEB_EXPORT:%=-Wl$(comma)--export=%) -o $@ $^
$(WEB)/model.gguf: $(MODEL)
	@mkdir -p $(@D)
	$(Q)cp $< $@

web: $(WEB)/nomul.wasm $(WEB)/model.gguf ## the page: build/web, with MODEL=FILE; needs zig
	$(if $(WEB_PAGE),$(Q)cp $(WEB_PAGE) $(WEB))
check-web: web all ## the module under node and wasmtime, the page in browsers, where there are any
	@sh tests/web/run.sh $(WEB) $(PROG)/nomul

.PHONY: web check-web
-include $(wildcard $(WEB_SRC:%.c=$(WEB_OUT)/%.d))
