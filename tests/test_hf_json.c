/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "convert/hf_json.h"
#include "hf_directory.h"

#include <stddef.h>

typedef struct all {
    uint64_t   whole;
    double     number;
    bool       flag;
    nm_hf_text text;
    nm_json    value;
} all;

static const nm_hf_field fields[] = {
    {"whole", NM_HF_WHOLE, offsetof(all, whole), true},
    {"number", NM_HF_NUMBER, offsetof(all, number), false},
    {"flag", NM_HF_BOOL, offsetof(all, flag), false},
    {"text", NM_HF_TEXT, offsetof(all, text), false},
    {"value", NM_HF_VALUE, offsetof(all, value), false},
};

static bool read(const char *text, all *out, nomul_error *err)
{
    *out = (all){.whole = 7};
    return nm_hf_read_text(text, strlen(text), fields, 5, out, err);
}

static void test_fields(void)
{
    all         a;
    nomul_error err;
    uint64_t    inside;

    test_case("every type of field, among members that nobody reads");
    CHECK_OK(read("{\"other\": {\"whole\": 1}, \"whole\": 12, \"number\": -2.5e1, \"flag\": true,"
                  " \"text\": \"a\\u0000\\n\", \"value\": [3, {}], \"last\": []}",
                  &a, &err),
             err);
    CHECK_INT(a.whole, 12);
    CHECK(a.number == -25 && a.flag);
    CHECK(a.text.given && a.text.size == 3 && memcmp(a.text.data, "a\0\n", 4) == 0);
    CHECK(a.value.type == NM_JSON_ARRAY && nm_hf_given(&a.value));
    CHECK(nm_json_next(&a.value) == NM_JSON_NUMBER && nm_json_u64(&a.value, &inside) &&
          inside == 3);

    test_case("what is absent or null stays as it was");
    CHECK_OK(read("{\"whole\": null, \"value\": null}", &a, &err), err);
    CHECK_INT(a.whole, 7);
    CHECK(a.value.type == NM_JSON_NULL && !nm_hf_given(&a.value) && !a.text.given);
    CHECK_OK(read("{}", &a, &err), err);
    CHECK(a.value.type == NM_JSON_ERROR && !nm_hf_given(&a.value));
}

static void test_refused(void)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "line 1: empty"},
        {"3", "the whole is 3, expected an object"},
        {"{} {}", "line 1: text after the value"},
        {"{\"other\": [}", "line 1: a value expected"},
        {"{\"flag\": true,\n\"fl\\u0061g\": true}", "line 2: flag occurs twice"},
        {"{\"whole\": true}", "whole is true, expected a whole number from 0 up"},
        {"{\"whole\": 1e1}", "whole is 1e1, expected a whole number from 0 up"},
        {"{\"number\": null}", "number is null, expected a number"},
        {"{\"number\": 1e999}", "number is 1e999, expected a number"},
        {"{\"x\": [NaN, Infinity], \"number\": -Infinity}",
         "number is -Infinity, expected a number"},
        {"{\"flag\": {}}", "flag is an object, expected true or false"},
        {"{\"text\": false}", "text is false, expected a string"},
    };
    all         a;
    nomul_error err;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_case("must fail: %s", cases[i].says);
        CHECK_FAILS(read(cases[i].text, &a, &err), err, cases[i].says);
    }
}

static void test_long(void)
{
    char        text[4096], path[NM_HF_PATH], folder[NM_HF_PATH];
    all         a;
    nomul_error err;

    test_case("a text of 255 bytes fits, one of 256 and one of 4000 don't");
    for (int n = 255; n < 4001; n = n == 255 ? 256 : n == 256 ? 4000 : 4001) {
        snprintf(text, sizeof text, "{\"text\": \"%0*d\"}", n, 0);
        if (n == 255)
            CHECK_OK(read(text, &a, &err), err);
        else
            CHECK_FAILS(read(text, &a, &err), err, "text is longer than 255 bytes");
    }

    test_case("a path of 4095 bytes fits, one of 4096 doesn't");
    memset(folder, 'x', sizeof folder);
    folder[NM_HF_PATH - 3] = '\0';
    CHECK_OK(nm_hf_path(path, folder, "y", &err), err);
    CHECK_INT(strlen(path), NM_HF_PATH - 1);
    CHECK(!nm_hf_path(path, folder, "yy", &err));
    CHECK_INT(err.code, NOMUL_E_ARG);

    test_case("the directory of no name is not the root");
    CHECK_FAILS(nm_hf_path(path, "", "config.json", &err), err, "the directory name is empty");
}

static void test_directory(void)
{
    hf_directory d;
    nomul_error  err;
    char         out[NM_HF_PATH];

    hf_directory_init(&d, "hub");
    test_case("the directory with config.json is itself");
    const char *found = nm_hf_directory(out, d.path, &err);
    CHECK_STR(found, d.path);

    test_case("the hub's outer folder leads to its snapshot");
    hf_directory_remove(&d, "config.json");
    CHECK(test_new_folder(hf_directory_path(&d, "refs")));
    hf_directory_write(&d, "refs/main", "0123abcd\n");
    found = nm_hf_directory(out, d.path, &err);
    CHECK_STR(found, hf_directory_path(&d, "snapshots/0123abcd"));

    test_case("a name is no path");
    hf_directory_write(&d, "refs/main", "../../etc");
    CHECK_FAILS(nm_hf_directory(out, d.path, &err), err,
                hf_with_path(&d, "@/refs/main: names no snapshot"));
    hf_directory_remove(&d, "refs/main");
    found = nm_hf_directory(out, d.path, &err);
    CHECK_STR(found, d.path);

    test_case("without refs/main the folder of the snapshots is named");
    CHECK(test_new_folder(hf_directory_path(&d, "snapshots")));
    CHECK_FAILS(nm_hf_directory(out, d.path, &err), err,
                hf_with_path(&d, "@/refs/main: missing; name a folder in @/snapshots"));
    hf_directory_free(&d);
}

void test_hf_json(void)
{
    test_directory();
    test_fields();
    test_refused();
    test_long();
}
