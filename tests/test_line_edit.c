/* SPDX-License-Identifier: Apache-2.0 */
/* The line editor without a terminal: keys go in, its output goes to the screen of screen.h. */
#include "test.h"

#include "cli/run/line_edit.h"
#include "screen.h"

#include <stdlib.h>

static nm_history   history;
static nm_line_edit edit;
static screen       shown;

static void begin(size_t columns, size_t rows, bool plain)
{
    nm_line_edit_free(&edit);
    edit = (nm_line_edit){
        .prompt = "> ", .style = "", .columns = columns, .rows = rows, .history = &history};
    edit.plain = plain;
    nm_line_edit_begin(&edit);
    screen_begin(&shown, columns, rows);
}

static void draw(void)
{
    nomul_error err;

    CHECK_OK(nm_line_edit_draw(&edit, &err), err);
    screen_write(&shown, edit.screen.data, edit.screen.n_bytes);
    edit.screen.n_bytes = 0;
    CHECK_STR(shown.wrong, "");
}

/* Keys, each byte drawn as if it had come alone. */
static void type(const char *keys)
{
    nomul_error err;

    for (size_t i = 0; keys[i] && !edit.end; i++) {
        CHECK_OK(nm_line_edit_key(&edit, keys[i], &err), err);
        draw();
    }
}

/* The text, and the cursor's place in it as "|". */
static const char *text(void)
{
    static char out[4096];
    int         n = (int)edit.text.n_bytes, at = (int)edit.cursor;

    snprintf(out, sizeof out, "%.*s|%.*s", at, n ? edit.text.data : "", n - at,
             n ? edit.text.data + at : "");
    return out;
}

static void check_keys(const char *keys, const char *want)
{
    begin(40, 5, false);
    type(keys);
    CHECK_STR(text(), want);
    CHECK_INT(edit.end, NM_EDIT_OPEN);
}

#define LEFT "\x1b[D"
#define RIGHT "\x1b[C"
#define UP "\x1b[A"
#define DOWN "\x1b[B"
#define E_ACUTE "e\xCC\x81" /* e, combining acute */
#define KANJI "\xE6\xBC\xA2\xE5\xAD\x97"

static void test_keys(void)
{
    static const struct {
        const char *name, *keys, *want;
    } rows[] = {
        {"characters", "abc", "abc|"},
        {"left and right", "abc" LEFT LEFT "X" RIGHT "Y", "aXbY|c"},
        {"left of the beginning", "a" LEFT LEFT LEFT "b", "b|a"},
        {"right of the end", "a" RIGHT "b", "ab|"},
        {"Ctrl-B, Ctrl-F", "abc\x02\x02X\x06Y", "aXbY|c"},
        {"application mode", "abc\x1bOD\x1bODX\x1bOCY\x1bOHZ", "Z|aXbYc"},
        {"Home, End", "bc\x1b[Ha\x1b[Fd", "abcd|"},
        {"Home, End of other terminals", "bc\x1b[1~a\x1b[4~d\x1b[7~_\x1b[8~e", "_abcde|"},
        {"Ctrl-A, Ctrl-E",
         "bc\x01"
         "a\x05"
         "d",
         "abcd|"},
        {"Backspace", "abc\x7f" LEFT "\x08", "|b"},
        {"Backspace at the beginning",
         "\x7f"
         "a",
         "a|"},
        {"Delete", "abc\x01\x1b[3~", "|bc"},
        {"Delete at the end", "abc\x1b[3~", "abc|"},
        {"Ctrl-D deletes", "abc\x01\x04", "|bc"},
        {"Ctrl-K",
         "abc" LEFT "\x0b"
         "d",
         "abd|"},
        {"Ctrl-U", "abc" LEFT "\x15", "|c"},
        {"Ctrl-W", "one two  \x17x\x17\x17", "|"},
        {"words",
         "one two three\x1b[1;5D\x1b"
         "bX\x1b"
         "fY",
         "one XtwoY| three"},
        {"a word behind",
         "one two\x01\x1b"
         "d",
         "| two"},
        {"UTF-8 by character", "\xC3\xA4" KANJI LEFT "\x7f", "\xC3\xA4|\xE5\xAD\x97"},
        {"Backspace over Chinese characters",
         "a" KANJI "\x7f\x7f"
         "b",
         "ab|"},
        {"a mark goes with its letter", "a" E_ACUTE "b" LEFT "\x7f", "a|b"},
        {"... also when it is passed", "a" E_ACUTE LEFT "x", "ax|" E_ACUTE},
        {"unknown sequences", "a\x1b[5~\x1b[1;2P\x1b[[A\x1bOPb\x1b[24;5~c", "abc|"},
        {"a sequence that is too long", "a\x1b[1;1;1;1;1;1;1;1;1;1;1;1mb", "ab|"},
        {"OSC, DCS and APC",
         "a\x1b]0;title\x07"
         "b\x1bPq#1\x1b\\c\x1b_x\x1b\\d",
         "abcd|"},
        {"a charset", "a\x1b(Bb", "ab|"},
        {"C1",
         "a\xC2\x9B"
         "31mb\xC2\x9D"
         "0;x\xC2\x9C"
         "c\xC2\x85"
         "d",
         "abcd|"},
        {"ESC alone takes a letter with it, but not Enter", "ab\x1bxc", "abc|"},
        {"other control characters",
         "a\x1c\x1d\x02\x06\x07"
         "b",
         "ab|"},
        {"Tab is text", "a\tb", "a\tb|"},
        {"a paste of lines", "a\x1b[200~b\rc\r\nd\ne\x1b[201~f", "ab\nc\nd\nef|"},
        {"keys in a paste", "\x1b[200~a\x01\x7f\x1b[31mb\x1b[D\tc\x04\x1b[201~", "ab\tc|"},
        {"a byte that is not UTF-8", "a\xFF" LEFT "b", "ab|\xFF"},
        {"a character that breaks off",
         "a\xE6\xBC"
         "b",
         "a\xE6\xBC"
         "b|"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_case("%s", rows[i].name);
        check_keys(rows[i].keys, rows[i].want);
    }
}

static void test_ends(void)
{
    test_case("Enter ends the line wherever the cursor is; so does Ctrl-J, and Enter after ESC");
    for (const char *const *keys = (const char *const[]){"ab\x02\r", "ab\x02\n", "ab\x1b\r", NULL};
         *keys; keys++) {
        begin(40, 5, false);
        type(*keys);
        CHECK_INT(edit.end, NM_EDIT_LINE);
        CHECK_STR(text(), "ab|");
        CHECK_STR(screen_row(&shown, 0), "> ab");
        CHECK_INT(shown.row, 1);
        CHECK_INT(shown.column, 0);
    }
    test_case("Ctrl-D in an empty line is the end");
    begin(40, 5, false);
    type("a\x7f\x04");
    CHECK_INT(edit.end, NM_EDIT_CLOSE);
    nomul_error err;
    test_case("... also as the NUL that it is when it was typed ahead; elsewhere that is nothing");
    begin(40, 5, false);
    type("a");
    CHECK_OK(nm_line_edit_key(&edit, '\0', &err), err);
    CHECK_STR(text(), "a|");
    type("\x7f");
    CHECK_OK(nm_line_edit_key(&edit, '\0', &err), err);
    CHECK_INT(edit.end, NM_EDIT_CLOSE);
    test_case("what cannot be in a text is not in it: any bytes");
    begin(40, 5, false);
    srand(1);
    for (int i = 0; i < 200000; i++) {
        static const char often[] = "\x1b[]OP;20~01\x9b\xc2\r\xe6\xbc\xa2 ";
        char byte = (char)(rand() % 4 ? often[(size_t)rand() % (sizeof often - 1)] : rand() % 256);
        CHECK_OK(nm_line_edit_key(&edit, byte, &err), err);
        if (i % 16 == 0) draw();
        for (size_t k = 0; k < edit.text.n_bytes; k++)
            if ((unsigned char)edit.text.data[k] < 0x20 && !strchr("\t\n", edit.text.data[k]))
                test_fail(__FILE__, __LINE__, "byte %zu is 0x%02X", k, edit.text.data[k]);
        if (edit.end || edit.text.n_bytes > 300) {
            bool pasting = edit.pasting;
            begin(40, 5, false);
            edit.pasting = pasting;
        }
    }
}

/* ---- Screen ---------------------------------------------------------------------------------- */

static void check_screen(const char *keys, size_t row, size_t column, const char *const *rows)
{
    type(keys);
    for (size_t r = 0; rows[r]; r++) CHECK_STR(screen_row(&shown, r), rows[r]);
    CHECK_INT(shown.row, row);
    CHECK_INT(shown.column, column);
}

#define ROWS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_rows(void)
{
    test_case("a line longer than the screen is wide");
    begin(10, 5, false);
    check_screen("abcdefg", 0, 9, ROWS("> abcdefg", "", ""));
    check_screen("h", 1, 0, ROWS("> abcdefgh", "", ""));
    check_screen("ij", 1, 2, ROWS("> abcdefgh", "ij", ""));
    check_screen("\x01", 0, 2, ROWS("> abcdefgh", "ij", ""));
    check_screen("X", 0, 3, ROWS("> Xabcdefg", "hij", ""));
    check_screen("\x05\x7f\x7f\x7f", 1, 0, ROWS("> Xabcdefg", "", ""));
    check_screen("\x7f", 0, 9, ROWS("> Xabcdef", "", ""));
    test_case("wide characters do not straddle two rows");
    begin(9, 5, false);
    check_screen(KANJI KANJI, 1, 2, ROWS("> " KANJI "\xE6\xBC\xA2", "\xE5\xAD\x97", ""));
    check_screen(LEFT, 1, 0, ROWS("> " KANJI "\xE6\xBC\xA2", "\xE5\xAD\x97", ""));
    check_screen(LEFT, 0, 6, ROWS("> " KANJI "\xE6\xBC\xA2", "\xE5\xAD\x97", ""));
    test_case("a mark in the last column");
    begin(9, 5, false);
    check_screen("abcdef" E_ACUTE, 1, 0, ROWS("> abcdef" E_ACUTE, ""));
    check_screen("g", 1, 1, ROWS("> abcdef" E_ACUTE, "g", ""));
    check_screen(LEFT LEFT, 0, 8, ROWS("> abcdef" E_ACUTE, "g", ""));
    test_case("an emoji of four characters, and what is not shown");
    begin(20, 5, false);
    check_screen("\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB\xE2\x80\xAE\xFF|", 0, 9,
                 ROWS("> \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB??|", ""));
    test_case("tabs and pasted lines");
    begin(20, 5, false);
    check_screen("a\tb\x1b[200~\rsecond\r\rlast\x1b[201~", 3, 4,
                 ROWS("> a     b", "second", "", "last", ""));
    check_screen(UP "\x01", 0, 2, ROWS("> a     b", "second", "", "last", ""));
    test_case("a row that is full, and a newline");
    begin(6, 5, false);
    check_screen("\x1b[200~abcd\refg\x1b[201~", 1, 3, ROWS("> abcd", "efg", ""));
    test_case("more rows than the screen has: those around the cursor");
    begin(4, 3, false);
    check_screen("abcdefghijklmnop", 2, 2, ROWS("ghij", "klmn", "op"));
    check_screen("\x01", 0, 2, ROWS("> ab", "cdef", "ghij"));
    check_screen(RIGHT RIGHT RIGHT RIGHT RIGHT RIGHT RIGHT RIGHT RIGHT RIGHT, 2, 0,
                 ROWS("cdef", "ghij", "klmn"));
    test_case("... and all of them once the line is complete");
    begin(4, 3, false);
    check_screen("abcdefgh\r", 2, 0, ROWS("cdef", "gh", ""));
    test_case("a full row at the end leaves no empty one");
    begin(6, 5, false);
    check_screen("abcd\r", 1, 0, ROWS("> abcd", "", ""));
    test_case("Ctrl-L clears the screen");
    begin(10, 5, false);
    screen_write(&shown, "old\r\n", 5);
    check_screen("abc\x0c", 0, 5, ROWS("> abc", "", ""));
    test_case("another size");
    begin(10, 5, false);
    type("abcdefghij");
    screen_begin(&shown, 7, 5); /* as a terminal wraps it anew */
    screen_write(&shown, "> abcdefghij", 12);
    nm_line_edit_resize(&edit, 7, 5);
    check_screen("k", 1, 6, ROWS("> abcde", "fghijk", ""));
    test_case("the style of the text ends with it");
    begin(20, 5, false);
    edit.style = "\x1b[1;32m";
    nomul_error err;
    CHECK_OK(nm_line_edit_key(&edit, 'a', &err), err);
    CHECK_OK(nm_line_edit_draw(&edit, &err), err);
    CHECK_OK(nm_buffer_add(&edit.screen, "", 1, &err), err);
    CHECK_STR(edit.screen.data, "\r\x1b[J> \x1b[1;32ma\x1b[0m\r\x1b[3C");
    edit.screen.n_bytes = 0;
}

static void test_plain(void)
{
    test_case("without escape sequences");
    begin(40, 5, true);
    check_screen("abc\x7f", 0, 4, ROWS("> ab", ""));
    check_screen("\xE6\xBC\xA2" E_ACUTE "\x7f\x7f", 0, 4, ROWS("> ab", ""));
    check_screen(LEFT "c\x17", 0, 2, ROWS(">", ""));
    CHECK(!shown.escaped);
    check_screen("x\r", 1, 0, ROWS("> x", ""));
    CHECK(!shown.escaped);
    CHECK_STR(text(), "x|");
    test_case("for a terminal that does not echo");
    begin(40, 5, true);
    edit.silent = true;
    check_screen("abc\r", 0, 2, ROWS(">", ""));
}

/* ---- History --------------------------------------------------------------------------------- */

static void add(const char *line)
{
    nomul_error err;

    CHECK_OK(nm_history_add(&history, line, strlen(line), &err), err);
}

static void test_history(void)
{
    test_case("up and down");
    add("one"), add("two"), add("two"), add(""), add("a\nb\\n");
    CHECK_INT(history.n, 3);
    check_keys(UP, "a\nb\\n|");
    check_keys(UP UP, "two|");
    check_keys(UP UP UP UP, "one|");
    check_keys("draft" LEFT UP UP DOWN DOWN DOWN, "draft|");
    check_keys(UP UP UP "s" DOWN UP, "one|");
    check_keys("\x10\x10\x0e!", "a\nb\\n!|");
    nm_history_free(&history);
    check_keys(UP DOWN "a", "a|");
    nm_line_edit_free(&edit);
}

static void test_history_file(void)
{
    char        path[4096];
    size_t      size = 0;
    nm_history  a = {0}, b = {0};
    nomul_error err;

    test_case("the file has the lines of all sessions, the last 1000");
    snprintf(path, sizeof path, "%s", test_scratch("state/nomul/history"));
    CHECK_OK(nm_history_open(&a, path, &err), err);
    CHECK_OK(nm_history_open(&b, path, &err), err);
    CHECK_OK(nm_history_add(&a, "first", 5, &err), err);
    CHECK_OK(nm_history_add(&b, "sec\\ond\n", 8, &err), err);
    CHECK_OK(nm_history_save(&a, &err), err);
    CHECK_OK(nm_history_save(&b, &err), err);
    CHECK_OK(nm_history_save(&b, &err), err);
    char *content = test_read_file(path, &size);
    CHECK_STR(content, "first\nsec\\\\ond\\n\n");
    free(content);
    nm_history_free(&a);
    nm_history_free(&b);
    CHECK_OK(nm_history_open(&a, path, &err), err);
    CHECK_INT(a.n, 2);
    for (int i = 0; i < NM_HISTORY_MAX; i++) {
        char line[16];
        int  n = snprintf(line, sizeof line, "%d", i);
        CHECK_OK(nm_history_add(&a, line, (size_t)n, &err), err);
    }
    CHECK_OK(nm_history_save(&a, &err), err);
    content = test_read_file(path, &size);
    CHECK_INT(strncmp(content, "0\n1\n2\n", 6), 0);
    free(content);
    nm_history_free(&a);
    test_case("no file; a folder is refused, and nothing is kept");
    CHECK_OK(nm_history_open(&a, "", &err), err);
    CHECK(!a.path);
    CHECK(!nm_history_open(&a, test_path("golden"), &err));
    CHECK(strstr(err.text, "golden"));
    CHECK(!a.path);
}

static void test_widths(void)
{
    static const struct {
        uint32_t c;
        int      width;
    } rows[] = {
        {'a', 1},     {0xE4, 1},    {0xAD, 1},     {0x300, 0},   {0x36F, 0},   {0x370, 1},
        {0x5D0, 1},   {0x5B0, 0},   {0x94D, 0},    {0xE31, 0},   {0x1100, 2},  {0x1160, 0},
        {0x200B, 0},  {0x200D, 0},  {0x2014, 1},   {0x2026, 1},  {0x231A, 2},  {0x2764, 1},
        {0x3000, 2},  {0x3042, 2},  {0x3099, 0},   {0x303F, 1},  {0x4E00, 2},  {0x9FFF, 2},
        {0xA4CF, 1},  {0xAC00, 2},  {0xD7A3, 2},   {0xF900, 2},  {0xFE0F, 0},  {0xFF21, 2},
        {0xFF61, 1},  {0xFFE6, 2},  {0x1F1E6, 1},  {0x1F600, 2}, {0x1F9FF, 2}, {0x20000, 2},
        {0x3FFFD, 2}, {0xE0020, 0}, {0x10FFFF, 1}, {0, -1},      {0x1F, -1},   {0x7F, -1},
        {0x9B, -1},   {0xA0, 1},    {0x202E, -1},  {0x2067, -1}, {0x61C, -1},  {0x200F, -1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_case("the columns of U+%04X", (unsigned)rows[i].c);
        CHECK_INT(nm_char_width(rows[i].c), rows[i].width);
    }
}

void test_line_edit(void)
{
    test_widths();
    test_keys();
    test_ends();
    test_rows();
    test_plain();
    test_history();
    test_history_file();
}
