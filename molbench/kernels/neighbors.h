/* How kernels see the neighbours of an atom.
 *
 * Python holds the meaning of each function: tests compare it with the plain definition in the file beside it.
 * Arrays are contiguous. An incidence list gives the neighbours of atom i, entries ptr[i] to ptr[i + 1]: `other`
 * is the neighbour, `entry` the directed edge that arrives at i, e for target <- source of edge e and e + E for
 * source <- target. Every row of a result is written by one thread, so that results do not depend on the number
 * of threads.
 */
#include "scalars.h"

/* Edge of a directed edge, and its entry in the other direction. */
#define EDGE(entry) ((entry) < E ? (entry) : (entry) - E)
#define REVERSE(entry) ((entry) < E ? (entry) + E : (entry) - E)
