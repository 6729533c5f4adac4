/* The neighbours of each atom, for edges.py. */
#include "neighbors.h"

/* Incidence lists of a symmetric edge list by counting; ptr has N + 1 entries and starts as zeros. */
void incidence(integer E, integer N, const integer *source, const integer *target, integer *ptr, integer *other,
               integer *entry) {
    for (integer e = 0; e < E; e++) {
        ptr[source[e]]++;
        ptr[target[e]]++;
    }
    for (integer i = 0, total = 0; i <= N; i++) {
        const integer count = ptr[i];
        ptr[i] = total;
        total += count;
    }
    for (integer e = 0; e < E; e++) {
        const integer s = source[e], t = target[e];
        integer at = ptr[t]++;
        other[at] = s, entry[at] = e;
        at = ptr[s]++;
        other[at] = t, entry[at] = e + E;
    }
    for (integer i = N; i > 0; i--) ptr[i] = ptr[i - 1];
    ptr[0] = 0;
}
