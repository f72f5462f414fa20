/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's bytes against bytes spelled out, and against the reader. */
#include "test.h"

#include "base/bytes.h"
#include "format/gguf_write.h"

static nomul_error err;

/* clang-format off */
static const char want[] =
    "GGUF" "\3\0\0\0"
    "\3\0\0\0\0\0\0\0" /* tensors */
    "\x8\0\0\0\0\0\0\0" /* keys */
    "\x11\0\0\0\0\0\0\0" "general.alignment" "\4\0\0\0" "\x40\0\0\0"
    "\5\0\0\0\0\0\0\0" "a.u32" "\4\0\0\0" "\x04\x03\x02\x81"
    "\5\0\0\0\0\0\0\0" "a.u64" "\xA\0\0\0" "\x08\x07\x06\x05\x04\x03\x02\x81"
    "\5\0\0\0\0\0\0\0" "a.f32" "\6\0\0\0" "\0\0\xC0\xBF" /* -1.5 */
    "\6\0\0\0\0\0\0\0" "a.bool" "\7\0\0\0" "\1"
    "\6\0\0\0\0\0\0\0" "a.text" "\x8\0\0\0" "\3\0\0\0\0\0\0\0" "a\0b"
    "\6\0\0\0\0\0\0\0" "a.list" "\x9\0\0\0" "\x8\0\0\0" "\2\0\0\0\0\0\0\0"
        "\1\0\0\0\0\0\0\0" "x" "\0\0\0\0\0\0\0\0"
    "\7\0\0\0\0\0\0\0" "a.bytes" "\x9\0\0\0" "\0\0\0\0" "\3\0\0\0\0\0\0\0" "abc"
    "\3\0\0\0\0\0\0\0" "t.1" "\2\0\0\0" "\3\0\0\0\0\0\0\0" "\6\0\0\0\0\0\0\0"
        "\0\0\0\0" "\0\0\0\0\0\0\0\0" /* F32 at 0 */
    "\3\0\0\0\0\0\0\0" "t.2" "\1\0\0\0" "\x40\0\0\0\0\0\0\0"
        "\x18\0\0\0" "\x80\0\0\0\0\0\0\0" /* I8 at 128 */
    "\3\0\0\0\0\0\0\0" "t.3" "\1\0\0\0" "\1\0\0\0\0\0\0\0"
        "\x18\0\0\0" "\xC0\0\0\0\0\0\0\0"; /* I8 at 192 */
/* clang-format on */

enum { WANT = sizeof want - 1, HEADER = (WANT + 63) / 64 * 64 };

static void put_all(nm_gguf_writer *w)
{
    nm_gguf_writer_init(w, 64);
    nm_gguf_put_bits(w, "a.u32", NOMUL_VALUE_U32, 0x81020304);
    nm_gguf_put_bits(w, "a.u64", NOMUL_VALUE_U64, 0x8102030405060708);
    nm_gguf_put_bits(w, "a.f32", NOMUL_VALUE_F32, nm_bits_of_float(-1.5f));
    nm_gguf_put_bits(w, "a.bool", NOMUL_VALUE_BOOL, true);
    nm_gguf_put_string(w, "a.text", "a\0b", 3);
    nm_gguf_put_array(w, "a.list", NOMUL_VALUE_STRING, 2);
    nm_gguf_put_element_string(w, "x", 1);
    nm_gguf_put_element_string(w, NULL, 0);
    nm_gguf_put_array(w, "a.bytes", NOMUL_VALUE_U8, 3);
    nm_gguf_put_bytes(w, "abc", 3);
    CHECK_OK(nm_gguf_put_tensor(w, "t.1", NM_GGUF_F32, 2, (uint64_t[]){3, 6}, &err), err);
    CHECK_OK(nm_gguf_put_tensor(w, "t.2", NM_GGUF_I8, 1, (uint64_t[]){64}, &err), err);
    CHECK_OK(nm_gguf_put_tensor(w, "t.3", NM_GGUF_I8, 1, (uint64_t[]){1}, &err), err);
    CHECK_OK(nm_gguf_writer_finish(w, &err), err);
}

static void test_bytes(void)
{
    nm_gguf_writer writer;
    nm_gguf        gguf;
    uint8_t        file[HEADER + 256] = {0};

    test_case("the header, byte by byte");
    put_all(&writer);
    CHECK_INT(writer.n_bytes, HEADER);
    CHECK_INT(writer.data_bytes, 256);
    if (writer.n_bytes == HEADER) {
        CHECK_MEM(writer.bytes, want, WANT, "header");
        CHECK_MEM(writer.bytes + WANT, file, HEADER - WANT, "padding");
        memcpy(file, writer.bytes, HEADER);
    }
    nm_gguf_writer_free(&writer);
    nm_gguf_writer_free(&writer);

    test_case("the reader reads it");
    CHECK_OK(nm_gguf_open(&gguf, file, sizeof file, NULL, &err), err);
    CHECK_INT(gguf.n_keys, 8);
    const nm_gguf_tensor *tensor = nm_gguf_find_tensor(&gguf, "t.3");
    CHECK(tensor && tensor->data == file + HEADER + 192 && tensor->n_bytes == 1);
    nm_gguf_close(&gguf);
}

static void test_growth(void)
{
    nm_gguf_writer writer;
    char           text[1000];

    test_case("the block grows and keeps what it holds");
    nm_gguf_writer_init(&writer, 32);
    size_t before = writer.n_bytes;
    for (int i = 0; i < 100; i++) {
        memset(text, 'a' + i % 26, sizeof text);
        nm_gguf_put_bytes(&writer, text, sizeof text);
    }
    CHECK_INT(writer.n_bytes, before + 100 * sizeof text);
    for (size_t i = 0; i < 100 * sizeof text; i++)
        CHECK_INT(writer.bytes[before + i], 'a' + i / sizeof text % 26);
    nm_gguf_writer_free(&writer);
}

static void test_failures(void)
{
    nm_gguf_writer writer;

    test_case("tensors that cannot be");
    nm_gguf_writer_init(&writer, 64);
    CHECK_FAILS(nm_gguf_put_tensor(&writer, "t", NM_GGUF_Q8_0, 1, (uint64_t[]){33}, &err), err,
                "tensor t: no Q8_0 tensor has these dimensions");
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_FAILS(nm_gguf_put_tensor(&writer, "t", NM_GGUF_I8, 1, (uint64_t[]){UINT64_MAX}, &err),
                err, "tensor t: no I8 tensor has these dimensions");

    test_case("no memory once, no success after");
    nm_gguf_put_bytes(&writer, "", SIZE_MAX / 2);
    nm_gguf_put_bits(&writer, "k", NOMUL_VALUE_U32, 1);
    CHECK(!nm_gguf_writer_finish(&writer, &err));
    CHECK_INT(err.code, NOMUL_E_MEMORY);
    nm_gguf_writer_free(&writer);
}

void test_gguf_write(void)
{
    test_bytes();
    test_growth();
    test_failures();
}
