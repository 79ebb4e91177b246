/* Threads that ThreadSanitizer can see, in place of an OpenMP team that was not built for it. */
#include <pthread.h>

enum { MOST = 16 };

struct job {
    void (*body)(void *);
    void *given;
    int count;
};

static __thread int came;

static void *help(void *given)
{
    const struct job *const job = given;
    came = job->count;
    job->body(job->given);
    return 0;
}

void parallel(void (*body)(void *), void *given, unsigned count, unsigned flags)
{
    pthread_t helpers[MOST];
    struct job job = {body, given, count};
    (void)flags;
    for (unsigned i = 1; i < count; i++)
        pthread_create(&helpers[i], 0, help, &job);
    help(&job);
    for (unsigned i = 1; i < count; i++)
        pthread_join(helpers[i], 0);
}

int present(void) { return came; }
