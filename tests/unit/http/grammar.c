/* The grammar-only reader, built into the tests of this folder. */
#include "../../fuzz/http_grammar.c"
