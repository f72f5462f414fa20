/* SPDX-License-Identifier: Apache-2.0 */
/* Two texts in two threads: they share the model, and each has a session.  threads MODEL.gguf */
#include <nomul.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

typedef struct job {
    nomul_model *model;
    const char  *prompt;
    char         story[512];
    nomul_error  err;
} job;

static void *write_story(void *argument)
{
    job                  *j = argument;
    nomul_session_options machine;
    nomul_text_options    options;
    size_t                n, used = 0;
    const char           *bytes;

    nomul_session_options_init(&machine), machine.n_threads = 1;
    nomul_text_options_init(&options), options.n_predict = 24;
    nomul_session *session = nomul_session_new(j->model, &machine, &j->err);
    nomul_text    *text = session ? nomul_text_new(session, &options, &j->err) : NULL;
    if (text) nomul_text_prompt(text, j->prompt, strlen(j->prompt), &j->err);
    while ((bytes = nomul_text_next(text, &n, &j->err)) && used + n < sizeof j->story)
        memcpy(j->story + used, bytes, n), used += n;
    nomul_text_free(text), nomul_session_free(session);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2) return fprintf(stderr, "usage: threads MODEL.gguf\n"), 2;
    job         jobs[2] = {{.prompt = "The cat"}, {.prompt = "The dog"}};
    pthread_t   threads[2];
    nomul_error err = {0};

    nomul_model *model = nomul_model_open(argv[1], NULL, &err);
    if (!model) return fprintf(stderr, "%s\n", err.text), 1;
    for (int i = 0; i < 2; i++) {
        jobs[i].model = model;
        if (pthread_create(&threads[i], NULL, write_story, &jobs[i])) return 1;
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        if (jobs[i].err.code) return fprintf(stderr, "%s\n", jobs[i].err.text), 1;
        printf("%s%s\n", jobs[i].prompt, jobs[i].story);
    }
    nomul_model_close(model);
    return 0;
}
