/* Truncated backpropagation through time in one call: layers of compiled cells, one on the other,
 * read a text chunk by chunk and learn from each which symbol comes next. The state goes on from
 * chunk to chunk, and no gradient follows it back. */
#include "real.h"
#include "loop.h"
#include "algebra.h"

/* What is learned: some numbers, their gradients, and the sums of their gradients' squares. */
struct parameter {
    real *numbers, *gradients, *squares;
    long count;
};

struct block {
    real *numbers;
    long count;
};

struct learner {
    long layers;
    void (*const *forward)(const struct call *); /* of each layer */
    void (*const *backward)(const struct call *);
    struct call *const *calls; /* of each layer: a chunk forward, then a chunk backward */
    long rows; /* of a chunk: its steps, each of so many sequences */
    long batch;
    long states; /* of all layers together: the last ones become the first ones of the next chunk */
    real *const *first, *const *last;
    const long *widths;
    long blocks; /* what must be zero before each chunk goes backward */
    const struct block *zeros;
    long parameters;
    const struct parameter *learned;
    /* The readout. */
    const real *output; /* of the highest layer: rows x output_size */
    real *owed;         /* its gradient */
    const real *weight, *bias; /* symbols x output_size, symbols */
    real *weight_gradient, *bias_gradient;
    long output_size, symbols;
    real *packed, *packed_back, *panels, *scores; /* scores: rows x symbols */
};

struct rule {
    double rate, eps; /* Adagrad's */
    double clip;      /* of each gradient, by value; 0 for none */
};

/* The loss of one row, in nats; its scores become their gradients: probabilities, less one where
 * the symbol is that came next. */
static double loss_of(real *scores, long symbols, long next)
{
    real largest = scores[0], total = 0;
    #pragma omp simd reduction(max : largest)
    for (long s = 1; s < symbols; s++)
        largest = scores[s] > largest ? scores[s] : largest;
    const real own = scores[next] - largest;
    #pragma omp simd
    for (long s = 0; s < symbols; s++)
        scores[s] = real_exp(scores[s] - largest);
    #pragma omp simd reduction(+ : total)
    for (long s = 0; s < symbols; s++)
        total += scores[s];
    #pragma omp simd
    for (long s = 0; s < symbols; s++)
        scores[s] /= total;
    scores[next] -= 1;
    return log((double)total) - (double)own;
}

/* Scores of all rows, the sum of their losses, and the gradients of all that the readout read. */
static double read_out(const struct learner *of, const long *next)
{
    const long size = of->output_size, symbols = of->symbols;
    const struct algebra *const algebra = of->calls[0]->algebra;
    algebra->pack(of->packed, of->weight, size, symbols, size, 0, 1);
    for (long r = 0; r < of->rows; r++)
        memcpy(of->scores + r * symbols, of->bias, symbols * sizeof(real));
    algebra->product(
        of->scores, symbols, of->output, size, of->rows, of->packed, (struct part){0, symbols},
        size, 1);

    double loss = 0;
    memset(of->bias_gradient, 0, symbols * sizeof(real));
    memset(of->weight_gradient, 0, symbols * size * sizeof(real));
    for (long r = 0; r < of->rows; r++) {
        real *const scores = of->scores + r * symbols;
        loss += loss_of(scores, symbols, next[r]);
        #pragma omp simd
        for (long s = 0; s < symbols; s++)
            of->bias_gradient[s] += scores[s];
    }

    const struct call alone = {.slices = 1};
    struct outer outer = algebra->outer_of(
        &alone, 0, of->weight_gradient, symbols, size, of->scores, symbols, of->panels);
    algebra->add_rows(&outer, of->output, size, of->rows);
    algebra->add_held(&outer);
    algebra->pack_transposed(of->packed_back, of->weight, size, size, symbols, 0, 1);
    algebra->product(
        of->owed, size, of->scores, symbols, of->rows, of->packed_back, (struct part){0, size},
        symbols, 0);
    return loss;
}

/* Adagrad (Duchi et al. 2011). */
static void update(const struct parameter *of, const struct rule *rule)
{
    real *const numbers = of->numbers, *const squares = of->squares;
    const real *const gradients = of->gradients;
    const real rate = rule->rate, eps = rule->eps, most = rule->clip ? rule->clip : INFINITY;
    #pragma omp simd
    for (long i = 0; i < of->count; i++) {
        const real gradient = clamp(gradients[i], -most, most);
        squares[i] += gradient * gradient;
        numbers[i] -= rate * gradient / (real_sqrt(squares[i]) + eps);
    }
}

/* Learn from some chunks of a text, whose rows lie one after the other; the summed loss of each. */
void learn(
    const struct learner *of, const struct rule *rule, const long *text, long chunks,
    double *losses)
{
    for (long c = 0; c < chunks; c++, text += of->rows) {
        of->calls[0]->symbols = of->calls[1]->symbols = text;
        for (long l = 0; l < of->layers; l++)
            of->forward[l](of->calls[2 * l]);
        for (long b = 0; b < of->blocks; b++)
            memset(of->zeros[b].numbers, 0, of->zeros[b].count * sizeof(real));
        losses[c] = read_out(of, text + of->batch);
        for (long l = of->layers - 1; l >= 0; l--)
            of->backward[l](of->calls[2 * l + 1]);
        for (long p = 0; p < of->parameters; p++)
            update(of->learned + p, rule);
        for (long s = 0; s < of->states; s++)
            memcpy(of->first[s], of->last[s], of->widths[s] * sizeof(real));
    }
}
