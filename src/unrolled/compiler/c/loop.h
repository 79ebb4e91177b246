/* A run over a sequence: who works on what, and what they find at each step.
 *
 * Slices are worked on side by side. Mostly each has some of the rows, and goes its own way. Where
 * there are no more rows than threads, each may have all rows and of every width a part, and their
 * threads, the members, meet after each part of a step.
 *
 * All sequences lie packed: the rows of a step one after the other, the longest sequence first, so
 * that those which still go on are a step's first rows. */

#include <sched.h>

struct algebra;

struct call {
    long steps;
    long from, to; /* the steps to do now, counted in the order in which they are done */
    const long *starts, *counts; /* of each step: where its rows begin, and how many it has */
    long reverse;                /* from the last step to the first */
    long packed; /* whether the weights are packed already */
    long block;  /* how many steps share one product of their inputs */
    long slices;
    const long *bounds; /* slice i has rows bounds[2 * i] to bounds[2 * i + 1] */
    long shared;        /* whether every slice has all rows */
    long member, members; /* who this is of those that share the rows of its slice; 0 of 1 */
    long *arrivals;       /* at their meetings, all in all */
    const long *sizes;  /* of the width symbols */
    real *const *at;    /* the buffers */
    const long *symbols; /* the place of the one in each row of a one-hot input, or 0 */
    void (*parallel)(void (*)(void *), void *, unsigned, unsigned);
    int (*present)(void); /* how many threads have come */
    const struct algebra *algebra; /* of these numbers' type */
};

struct step {
    long time, row, count; /* when; where its rows begin; this slice's rows end at `count` */
};

static inline long smaller(long a, long b) { return a < b ? a : b; }

static inline struct step step_of(const struct call *call, long slice, long number)
{
    const long time = call->reverse ? call->steps - 1 - number : number;
    const long count = smaller(call->counts[time], call->bounds[2 * slice + 1]);
    return (struct step){time, call->starts[time], count};
}

/* The steps of a block, from the earliest to the last in time. */
struct times {
    long first, last;
};

static inline struct times times_of(const struct call *call, int backward)
{
    const long early = backward ? call->steps - call->to : call->from;
    const long late = backward ? call->steps - 1 - call->from : call->to - 1;
    return call->reverse ? (struct times){call->steps - 1 - late, call->steps - 1 - early}
                         : (struct times){early, late};
}

/* From one number to another, the end not included. */
struct part {
    long begin, end;
};

/* Rows one after the other. */
struct span {
    long begin, count;
};

/* All rows of a block. */
static inline struct span rows_of(const struct call *call, int backward)
{
    const struct times times = times_of(call, backward);
    const long begin = call->starts[times.first];
    return (struct span){begin, call->starts[times.last] + call->counts[times.last] - begin};
}

/* This slice's share of them. */
static inline struct span share_of(const struct call *call, long slice, int backward)
{
    const struct span all = rows_of(call, backward);
    const long begin = all.count * slice / call->slices;
    return (struct span){all.begin + begin, all.count * (slice + 1) / call->slices - begin};
}

/* How many rows have a step before this one. */
static inline long rows_before(const struct call *call, long time)
{
    const long earlier = call->reverse ? time + 1 : time - 1;
    return earlier < 0 || earlier >= call->steps ? 0 : call->counts[earlier];
}

/* The state before a step, row by row: of the step before, or the first; `side` is where both lie
 * together when some rows begin while others go on. */
static inline const real *state_before(
    const struct call *call, struct step now, long begin, long width, const real *first,
    const real *sequence, real *side)
{
    const long going = rows_before(call, now.time);
    if (going <= begin)
        return first;
    const real *const past =
        sequence + call->starts[call->reverse ? now.time + 1 : now.time - 1] * width;
    if (going >= now.count)
        return past;
    const size_t row = width * sizeof(real);
    memcpy(side + begin * width, past + begin * width, (going - begin) * row);
    memcpy(side + going * width, first + going * width, (now.count - going) * row);
    return side;
}

enum { LINE = 64 / sizeof(real) }; /* numbers that lie side by side in the cache */

/* This member's part of so many numbers, which are not cut but where a `grain` ends. */
static inline struct part part_of(const struct call *call, long numbers, long grain)
{
    const long grains = (numbers + grain - 1) / grain;
    const long begin = grains * call->member / call->members * grain;
    const long end = grains * (call->member + 1) / call->members * grain;
    return (struct part){smaller(begin, numbers), smaller(end, numbers)};
}

/* This member's part of some rows, for work that takes a row whole. */
static inline struct part rows_apart(const struct call *call, long begin, long end)
{
    const struct part part = part_of(call, end > begin ? end - begin : 0, 1);
    return (struct part){begin + part.begin, begin + part.end};
}

/* Keep the states of rows whose last step this is. */
static inline void keep_last(
    const struct call *call, struct step now, long begin, long width, const real *states,
    real *last)
{
    const long next = now.time + 1;
    const long going = call->reverse ? (now.time > 0 ? now.count : 0)
                                     : (next < call->steps ? call->counts[next] : 0);
    const struct part rows = rows_apart(call, going > begin ? going : begin, now.count);
    for (long r = rows.begin; r < rows.end; r++)
        memcpy(last + r * width, states + r * width, width * sizeof(real));
}

static inline void copy_rows(
    const struct call *call, real *to, const real *from, long begin, long end, long width)
{
    const struct part rows = rows_apart(call, begin, end);
    const size_t size = (rows.end - rows.begin) * width * sizeof(real);
    memcpy(to + rows.begin * width, from + rows.begin * width, size);
}

/* Begin sums at zero, before the first step; those of slices that nobody took, too. */
static inline void clear(const struct call *call, long slice, real *sums, long width)
{
    const long taken = call->shared ? call->members : call->slices;
    for (long s = slice; s < call->slices && call->from == 0; s += taken)
        memset(sums + s * width, 0, width * sizeof(real));
}

/* Sums over the rows of a step go to the sums over all steps: fewer roundings than one long sum. */
static inline void add_up(real *total, real *of_step, long width)
{
    #pragma omp simd
    for (long j = 0; j < width; j++) {
        total[j] += of_step[j];
        of_step[j] = 0;
    }
}

typedef void (*slice_body)(const struct call *, long slice);

struct work {
    const struct call *call;
    slice_body body;
    long next; /* the first slice that nobody has taken */
};

static void take_slices(void *given)
{
    struct work *const work = given;
    long slice;
    while ((slice = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED)) < work->call->slices)
        work->body(work->call, slice);
}

/* All slices, by as many threads as come to help. */
static void run(const struct call *call, slice_body body)
{
    struct work work = {call, body, 0};
    if (call->slices > 1 && call->parallel)
        call->parallel(take_slices, &work, call->slices, 0);
    else
        take_slices(&work);
}

enum { PATIENCE = 2000 }; /* turns of waiting, after which another thread may have the core */

/* Wait until all members have come as far as this. */
static inline void meet(const struct call *call)
{
    if (call->members == 1)
        return;
    const long mine = __atomic_add_fetch(call->arrivals, 1, __ATOMIC_ACQ_REL);
    const long all = (mine + call->members - 1) / call->members * call->members;
    for (long turns = 0; __atomic_load_n(call->arrivals, __ATOMIC_ACQUIRE) < all; turns++)
        if (turns > PATIENCE)
            sched_yield();
}

static void become_member(void *given)
{
    struct work *const work = given;
    struct call mine = *work->call;
    mine.member = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED);
    mine.members = mine.present();
    work->body(&mine, mine.member);
}

/* Some steps of all slices: by threads that share every row, or each slice by one. */
static void run_steps(const struct call *call, slice_body body)
{
    if (!call->shared) {
        run(call, body);
        return;
    }
    long arrivals = 0;
    struct call meeting = *call;
    meeting.arrivals = &arrivals;
    struct work work = {&meeting, body, 0};
    call->parallel(become_member, &work, call->slices, 0);
}

/* All steps, block after block: what all rows of a block do together `ahead` of its steps or
 * `behind` them, and the steps. */
static void run_in_blocks(
    const struct call *call, slice_body ahead, slice_body steps, slice_body behind)
{
    struct call now = *call;
    for (now.from = call->from; now.from < call->to; now.from += call->block) {
        now.to = smaller(now.from + call->block, call->to);
        if (ahead)
            run(&now, ahead);
        run_steps(&now, steps);
        if (behind)
            run(&now, behind);
    }
}
