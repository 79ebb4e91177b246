/* What all cells multiply with. */
#include "real.h"
#include "loop.h"
#include "algebra.h"
#include "product.h"
#include "outer.h"

const struct algebra algebra = {
    .panel = PANEL,
    .rows_at_once = AT_ONCE,
    .pack = pack,
    .pack_transposed = pack_transposed,
    .product = product,
    .gather = gather,
    .outer_of = outer_of,
    .add_rows = add_rows,
    .add_symbols = add_symbols,
    .add_states = add_states,
    .add_held = add_held,
};
