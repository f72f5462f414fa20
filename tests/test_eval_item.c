/* SPDX-License-Identifier: Apache-2.0 */
/* Items of nomul eval: what each task's template makes of a line, and what is wrong with a line. */
#include "test.h"

#include "cli/eval/eval_item.h"

static nm_eval_item item; /* too large for some stacks */

static nm_span span(const char *text)
{
    return (nm_span){text, strlen(text)};
}

static bool read_item(nm_eval_task task, const char *line, nomul_error *err)
{
    return nm_eval_item_read(&item, task, span(line), NULL, err);
}

static void check_part(nm_eval_part part, const char *want)
{
    CHECK_INT(part.n_bytes, strlen(want));
    if (part.n_bytes == strlen(want) && *want)
        CHECK_MEM(item.bytes.data + part.at, want, part.n_bytes, want);
}

static void check_choice(size_t index, const char *context, const char *continuation,
                         size_t n_chars, size_t n_bytes)
{
    CHECK(index < item.n_choices);
    check_part(item.choices[index].context, context);
    check_part(item.choices[index].continuation, continuation);
    CHECK_INT(item.choices[index].n_chars, n_chars);
    CHECK_INT(item.choices[index].n_bytes, n_bytes);
}

static void takes(nm_eval_task task, const char *line, size_t n_choices, size_t gold)
{
    nomul_error err;

    CHECK_OK(read_item(task, line, &err), err);
    CHECK_INT(item.n_choices, n_choices);
    CHECK_INT(item.gold, gold);
}

static void test_lines(void)
{
    test_case("a line: a query and choices, with or without their space");
    takes(NM_EVAL_LINES,
          "{\"query\":\"Q:\\n\",\"choices\":[\"a\",\" b\\u00e9\"],\"gold\":1,\"x\":[{}]}", 2, 1);
    CHECK(item.one_context);
    check_choice(0, "Q:\n", " a", 1, 1);
    check_choice(1, "Q:\n", " b\xc3\xa9", 2, 3);

    test_case("a line: contexts and a continuation");
    takes(NM_EVAL_LINES,
          "{\"context_options\":[\"The cat\",\"The dog\"],\"continuation\":\"is "
          "in.\",\"gold\":\"0\"}",
          2, 0);
    CHECK(!item.one_context);
    check_choice(0, "The cat", " is in.", 6, 6);
    check_choice(1, "The dog", " is in.", 6, 6);
}

static void test_questions(void)
{
    static const char original[] = "{\"id\":\"1\",\"question\":{\"stem\":\"Why?\",\"choices\":[{"
                                   "\"text\":\"so\",\"label\":\"A\"},"
                                   "{\"label\":\"B\",\"text\":\" no\"}]},\"answerKey\":\"B\"}";
    static const char hub[] =
        "{\"question\":\"Why?\",\"choices\":{\"text\":[\"so\",\" no\"],\"label\":[\"A\",\"B\"]},"
        "\"answerKey\":\"B\"}";

    test_case("ARC: both forms; a choice keeps its own space");
    for (size_t i = 0; i < 2; i++) {
        takes(NM_EVAL_ARC, i ? hub : original, 2, 1);
        check_choice(0, "Question: Why?\nAnswer:", " so", 2, 2);
        check_choice(1, "Question: Why?\nAnswer:", "  no", 3, 3);
    }

    test_case("OpenBookQA: the stem alone");
    takes(NM_EVAL_OPENBOOKQA, original, 2, 1);
    check_choice(0, "Why?", " so", 2, 2);

    test_case("ARC: digits as labels, three or five choices, a key with an escape in it");
    takes(NM_EVAL_ARC,
          "{\"\\u0071uestion\":\"Q\",\"choices\":{\"text\":[\"a\",\"b\",\"c\"],"
          "\"label\":[\"1\",\"2\",\"3\"]},\"answerKey\":\"3\"}",
          3, 2);
    takes(NM_EVAL_ARC,
          "{\"question\":\"Q\",\"choices\":{\"label\":[\"A\",\"B\",\"C\",\"D\",\"E\"],"
          "\"text\":[\"a\",\"b\",\"c\",\"d\",\"\"]},\"answerKey\":\" E\"}",
          5, 4);
    check_choice(4, "Question: Q\nAnswer:", " ", 0, 0);

    test_case("PIQA: the label is in the line or in a file of its own");
    static const char piqa[] = "{\"goal\":\"go\",\"sol2\":\"b\",\"sol1\":\"a\"}";
    nm_span           label = span("1 ");
    nomul_error       err;
    CHECK_OK(nm_eval_item_read(&item, NM_EVAL_PIQA, span(piqa), &label, &err), err);
    CHECK_INT(item.gold, 1);
    check_choice(0, "Question: go\nAnswer:", " a", 1, 1);
    check_choice(1, "Question: go\nAnswer:", " b", 1, 1);
    takes(NM_EVAL_PIQA, "{\"goal\":\"go\",\"sol1\":\"a\",\"sol2\":\"b\",\"label\":0}", 2, 0);
}

static void test_sentences(void)
{
    test_case("HellaSwag: brackets and double spaces go, ctx_b is capitalized");
    takes(NM_EVAL_HELLASWAG,
          "{\"activity_label\":\" Mixing\",\"ctx_a\":\"[header] How [title] Stir [x] it.\","
          "\"ctx_b\":\"the COOK\",\"endings\":[\"eats. [title] Ends\",\" [step] a  b \"],"
          "\"label\":\"1\"}",
          2, 1);
    check_choice(0, "Mixing: How. Stir it. The cook", " eats.. Ends", 11, 11);
    check_choice(1, "Mixing: How. Stir it. The cook", "  a b", 4, 4);

    test_case("WinoGrande: the option is in the context, the rest of the sentence is scored");
    takes(NM_EVAL_WINOGRANDE,
          "{\"sentence\":\"The _  is _ in. \",\"option1\":\"cat\",\"option2\":\"d\\u00f6g\","
          "\"answer\":\"2\"}",
          2, 1);
    CHECK(!item.one_context);
    check_choice(0, "The cat", " is _ in.", 8, 8);
    check_choice(1, "The d\xc3\xb6g", " is _ in.", 8, 8);
}

static void refuses(nm_eval_task task, const char *line, const char *words)
{
    nomul_error err;

    CHECK_FAILS(read_item(task, line, &err), err, words);
}

static void test_wrong(void)
{
    test_case("what is wrong with a line");
    refuses(NM_EVAL_LINES, "", "byte 1: empty");
    refuses(NM_EVAL_LINES, "[]", "is an array, expected an object");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\"", "byte 13: ends in the middle");
    refuses(NM_EVAL_LINES, "{\"choices\":[\"a\"],\"gold\":0}", "query: is missing");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"query\":\"b\"}", "query: occurs twice");
    refuses(NM_EVAL_LINES, "{\"query\":1}", "query: is a number, expected a string");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"gold\":0}", "choices: is missing or empty");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"choices\":[],\"gold\":0}",
            "choices: is missing or empty");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"choices\":\"b\",\"gold\":0}",
            "choices: expected one array of strings");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"choices\":[[\"b\"]],\"gold\":0}",
            "choices: expected one array of strings");
    refuses(NM_EVAL_LINES, "{\"query\":[\"a\"],\"choices\":[\"b\"],\"gold\":0}",
            "query: expected a value, no array");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"choices\":[null]}",
            "choices: is null, expected a string");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"choices\":[\"b\"]}", "gold: is missing");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"choices\":[\"b\"],\"gold\":true}",
            "gold: is true, expected a string or a number");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"choices\":[\"b\"],\"gold\":1}",
            "gold: is \"1\", expected 0 to 0");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"choices\":[\"b\"],\"gold\":-1}",
            "gold: is \"-1\", expected 0 to 0");
    refuses(NM_EVAL_LINES, "{\"context_options\":[\"a\"],\"gold\":0}", "continuation: is missing");
    refuses(
        NM_EVAL_ARC,
        "{\"question\":\"a\",\"choices\":{\"text\":[\"b\"],\"label\":[\"A\"]},\"answerKey\":\"C\"}",
        "answerKey: is \"C\", which labels no choice");
    refuses(NM_EVAL_ARC,
            "{\"question\":\"a\",\"choices\":{\"text\":[\"b\"],\"label\":[]},\"answerKey\":\"C\"}",
            "choices: 0 labels for 1 text");
    refuses(NM_EVAL_ARC,
            "{\"question\":{\"stem\":\"a\",\"choices\":[{\"text\":\"b\"},{\"label\":\"A\"}]},"
            "\"answerKey\":\"A\"}",
            "question.choices: 0 labels for 1 text");
    refuses(NM_EVAL_ARC,
            "{\"question.stem\":\"a\",\"choices\":{\"text\":[\"b\"],\"label\":[\"A\"]}}",
            "question: is missing");
    refuses(NM_EVAL_ARC,
            "{\"question\\u0000\":\"a\",\"choices\":{\"text\":[\"b\"],\"label\":[\"A\"]}}",
            "question: is missing");
    refuses(NM_EVAL_LINES, "{\"query\":\"a\",\"choices\":[\"b\"],\"choices\":[\"c\"],\"gold\":1}",
            "choices: occurs twice");
    refuses(
        NM_EVAL_ARC,
        "{\"question\":\"a\",\"choices\":{\"text\":[\"b\"],\"text\":[\"c\"]},\"answerKey\":\"A\"}",
        "choices.text: occurs twice");
    refuses(NM_EVAL_ARC,
            "{\"choices\":{\"text\":[\"b\"],\"label\":[\"A\"]},"
            "\"question\":{\"stem\":\"a\",\"choices\":[{\"text\":\"c\",\"label\":\"B\"}]}}",
            "question.choices.text: occurs twice");
    refuses(NM_EVAL_PIQA, "{\"goal\":\"a\",\"sol2\":\"b\",\"label\":0}", "sol1: is missing");
    refuses(NM_EVAL_PIQA, "{\"goal\":\"a\",\"sol1\":\"b\",\"sol2\":\"c\",\"sol2\":\"d\"}",
            "sol2: occurs twice");
    refuses(NM_EVAL_PIQA, "{\"goal\":\"a\",\"sol1\":\"b\",\"sol2\":\"c\"}",
            "label: is missing; --labels names a file with the answers");
    refuses(NM_EVAL_HELLASWAG, "{\"ctx_a\":\"a\",\"ctx_b\":\"b\",\"endings\":[\"c\"]}",
            "activity_label: is missing");
    refuses(NM_EVAL_HELLASWAG, "{\"activity_label\":\"a\",\"ctx_a\":\"a\",\"ctx_b\":\"b\"}",
            "endings: is missing or empty");
    refuses(NM_EVAL_WINOGRANDE, "{\"sentence\":\"a\",\"option1\":\"b\",\"option2\":\"c\"}",
            "sentence: has no _ in it");
    refuses(NM_EVAL_WINOGRANDE,
            "{\"sentence\":\"_\",\"option1\":\"b\",\"option2\":\"c\",\"answer\":\"0\"}",
            "answer: is \"0\", expected 1 to 2");

    test_case("a hundred choices, and no more");
    char        line[2000];
    nomul_error err;
    for (size_t n = NM_EVAL_MAX_CHOICES; n <= NM_EVAL_MAX_CHOICES + 1; n++) {
        size_t at = (size_t)sprintf(line, "{\"query\":\"a\",\"gold\":99,\"choices\":[\"b\"");
        for (size_t i = 1; i < n; i++) at += (size_t)sprintf(line + at, ",\"b\"");
        sprintf(line + at, "]}");
        if (n == NM_EVAL_MAX_CHOICES)
            takes(NM_EVAL_LINES, line, n, 99);
        else
            CHECK_FAILS(read_item(NM_EVAL_LINES, line, &err), err, "choices: more than 100");
    }

    test_case("keys of any length and depth");
    memset(line, 0, sizeof line);
    size_t at = (size_t)sprintf(line, "{\"query\":\"a\",\"choices\":[\"b\"],\"gold\":0,\"");
    memset(line + at, 'k', 500);
    strcat(line, "\":{\"query\":[[{\"query\":\"c\"}]]}}");
    takes(NM_EVAL_LINES, line, 1, 0);
    check_choice(0, "a", " b", 1, 1);
}

void test_eval_item(void)
{
    test_lines();
    test_questions();
    test_sentences();
    test_wrong();
    nm_eval_item_free(&item);
}
