/* Reads the file SELF twice more, once for each type: REAL is the type, NAMED(f) is f_float or f_double. */
#define REAL float
#define NAMED(name) name##_float
#include SELF
#undef REAL
#undef NAMED
#define REAL double
#define NAMED(name) name##_double
#include SELF
