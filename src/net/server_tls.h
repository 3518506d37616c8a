/*
 * Inbound TLS: the certificate and key that listeners present, and how they change while clients
 * are connected.
 *
 * TLS 1.2 and 1.3, forward secrecy and AEAD only, ALPN http/1.1, no renegotiation, no compression.
 * Sessions resume by tickets; the ticket keys live in memory, one set a context, and a context
 * lives until the next pair or SY_TLS_CONTEXT_MS, so that they rotate. A connection keeps the
 * context it began with.
 */
#ifndef SY_NET_SERVER_TLS_H
#define SY_NET_SERVER_TLS_H

#include "base/err.h"
#include "base/str.h"

#define SY_TLS_CONTEXT_MS ((int64_t)12 * 3600 * 1000)

struct sy_tls;      /* shared by all listeners and loops of the process */
struct sy_tls_pair; /* a certificate chain and its key, read and found to belong together */

/*
 * Reads both PEM files. Blocks; not on a loop. SY_INVALID says which file and what: unreadable, no
 * PEM, an encrypted key, a key that is not the certificate's.
 */
int sy_tls_pair_read(struct sy_str certificate, struct sy_str key, struct sy_tls_pair **ret,
                     struct sy_err *err);
void sy_tls_pair_free(struct sy_tls_pair *pair);
/* What an operator should hear of a pair that can be used: an expired certificate, a key file that
 * everybody can read. "" if nothing; lives as long as the pair. */
const char *sy_tls_pair_warning(const struct sy_tls_pair *pair);

/* Both take the pair over. */
int sy_tls_create(struct sy_tls_pair *pair, struct sy_tls **ret, struct sy_err *err);
/* New connections present this pair from now on. One thread, the one that asks what is below. */
void sy_tls_put(struct sy_tls *tls, struct sy_tls_pair *pair);
/* After its last server. */
void sy_tls_free(struct sy_tls *tls);

/* Whether the files are others than when they were last read or looked at here, or the context is
 * old: time for sy_tls_pair_read. Looks at the files without holding up loops. */
bool sy_tls_is_stale(struct sy_tls *tls, int64_t now_ms);
/* End of the presented certificate's validity, Unix seconds. */
int64_t sy_tls_expires_s(struct sy_tls *tls);

#endif
