/* Text written by a network: layers of a compiled cell, one on the other, and a readout whose
 * scores say how likely each symbol is to come next. A symbol that is drawn is read next. */
#include "real.h"
#include "loop.h"
#include "algebra.h"

struct network {
    long layers;
    void (*const *forward)(const struct call *); /* of each layer */
    struct call *const *calls; /* of each layer: one step of one row */
    real *input;      /* what the lowest layer reads, or 0 if it reads the symbol's place alone */
    const real *embedding; /* what it reads for each symbol, or 0 for a one-hot vector */
    long input_size;
    long states; /* of all layers together */
    real *const *first, *const *last;
    const long *widths;
    const real *output; /* of the highest layer */
    const real *weight, *bias; /* of the readout: symbols x output_size; bias may be 0 */
    real *packed, *scores;
    long output_size, symbols;
};

struct choice {
    double temperature; /* 0 takes the likeliest */
    double top_p;
    long top_k; /* 0 keeps all */
};

struct writing {
    long count;
    long *text; /* the symbol to read first, and room for `count` more */
    const double *uniform; /* a number from [0, 1) for each */
    double *chances;       /* of each symbol; their sum is not 1 */
    long *heap;            /* room for each symbol */
};

/* Let the lowest layer read a symbol. */
static void read(const struct network *network, long *symbol)
{
    const long size = network->input_size;
    real *const input = network->input;
    if (!input) {
        network->calls[0]->symbols = symbol;
    } else if (network->embedding) {
        memcpy(input, network->embedding + *symbol * size, size * sizeof(real));
    } else {
        memset(input, 0, size * sizeof(real));
        input[*symbol] = 1;
    }
}

/* One step of all layers, then the scores. */
static void advance(const struct network *network, int packed)
{
    for (long l = 0; l < network->layers; l++) {
        network->calls[l]->packed = packed;
        network->forward[l](network->calls[l]);
    }
    for (long s = 0; s < network->states; s++)
        memcpy(network->first[s], network->last[s], network->widths[s] * sizeof(real));
    const long size = network->output_size, symbols = network->symbols;
    if (network->bias)
        memcpy(network->scores, network->bias, symbols * sizeof(real));
    network->calls[0]->algebra->product(
        network->scores, symbols, network->output, size, 1, network->packed,
        (struct part){0, symbols}, size, network->bias != 0);
}

/* Of symbols that are equally likely the first counts as the likelier one. */
static int likelier(const real *scores, long a, long b)
{
    return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
}

/* Let what stands at a place of the heap sink until nothing below it is likelier. */
static void sink(long *heap, long size, long at, const real *scores)
{
    const long sinking = heap[at];
    for (long below; (below = 2 * at + 1) < size; at = below) {
        below += below + 1 < size && likelier(scores, heap[below + 1], heap[below]);
        if (!likelier(scores, heap[below], sinking))
            break;
        heap[at] = heap[below];
    }
    heap[at] = sinking;
}

/* Move the likeliest symbol of a heap behind its end. */
static long take_likeliest(long *heap, long *size, const real *scores)
{
    const long likeliest = heap[0];
    heap[0] = heap[--*size];
    heap[*size] = likeliest;
    sink(heap, *size, 0, scores);
    return likeliest;
}

/* Leave a chance to the top_k likeliest symbols; of those, to the likeliest that together have a
 * share of top_p. */
static void keep_likeliest(
    const struct choice *choice, const real *scores, long symbols, double *chances, long *heap)
{
    const long most = choice->top_k && choice->top_k < symbols ? choice->top_k : symbols;
    long size = symbols;
    for (long s = 0; s < symbols; s++)
        heap[s] = s;
    for (long at = symbols / 2; at-- > 0;)
        sink(heap, symbols, at, scores);

    double total = 0, reached = 0;
    if (most < symbols)
        for (long k = 0; k < most; k++)
            total += chances[take_likeliest(heap, &size, scores)];
    else
        for (long s = 0; s < symbols; s++)
            total += chances[s];

    long kept = 0;
    for (; kept < most && (choice->top_p == 1 || reached < choice->top_p * total); kept++) {
        if (symbols - kept == size)
            take_likeliest(heap, &size, scores);
        reached += chances[heap[symbols - 1 - kept]];
    }
    for (long rest = 0; rest < symbols - kept; rest++)
        chances[heap[rest]] = 0;
}

/* The next symbol, or -1 if the scores are no numbers. */
static long draw(
    const struct network *network, const struct choice *choice, const struct writing *writing,
    double uniform)
{
    const real *const scores = network->scores;
    const long symbols = network->symbols;
    long best = 0;
    int numbers = 1;
    for (long s = 0; s < symbols; s++) {
        best = scores[s] > scores[best] ? s : best;
        numbers &= scores[s] < (real)INFINITY;
    }
    if (!numbers || scores[best] == -(real)INFINITY)
        return -1;
    if (choice->temperature == 0)
        return best;

    double *const chances = writing->chances;
    for (long s = 0; s < symbols; s++)
        chances[s] = exp(((double)scores[s] - (double)scores[best]) / choice->temperature);
    if ((choice->top_k && choice->top_k < symbols) || choice->top_p < 1)
        keep_likeliest(choice, scores, symbols, chances, writing->heap);
    double total = 0, passed = 0;
    for (long s = 0; s < symbols; s++)
        total += chances[s];
    for (long s = 0; s < symbols; s++) {
        passed += chances[s];
        if (passed > uniform * total)
            return s;
    }
    return best;
}

/* How many symbols were written before the scores were no numbers any more. */
long write_text(
    const struct network *network, const struct choice *choice, const struct writing *writing)
{
    network->calls[0]->algebra->pack(
        network->packed, network->weight, network->output_size, network->symbols,
        network->output_size, 0, 1);
    for (long n = 0; n < writing->count; n++) {
        read(network, writing->text + n);
        advance(network, n > 0);
        const long symbol = draw(network, choice, writing, writing->uniform[n]);
        if (symbol < 0)
            return n;
        writing->text[n + 1] = symbol;
    }
    return writing->count;
}
