/*
 * How a transfer ended. libcurl's numbers do not tell faults apart (a reset, a bad chunk and a
 * flood of headers are all 56), so they only choose between what our own state leaves open.
 */
#include <errno.h>

#include "base/log.h"
#include "net/transfers_int.h"

struct verdict {
    enum sy_net_failure failure;
    enum sy_cause cause;
};

#define VERDICT(failure, cause) ((struct verdict){SY_NET_##failure, SY_CAUSE_##cause})

/* Beyond this the body goes out after the head, and libcurl's clock of the first byte starts with
 * what is sent. */
#define SENT_WITH_HEAD_MAX 65536

bool sy_transfer_was_answered(const struct sy_transfer *transfer)
{
    const struct sy_request *request = transfer->what.request;
    curl_off_t first = 0;
    size_t sent = 0;

    if (transfer->reply.head_total > 0)
        return true;
    /* HTTP/2 frames of the connection start libcurl's clock, too. */
    if (transfer->host && transfer->host->multiplexed)
        return false;
    for (unsigned i = 0; i < request->body_count; i++)
        sent += request->body[i].len;
    if (sent > (transfer->url.tls ? SY_NET_SEND_BUFFER : SENT_WITH_HEAD_MAX) / 2)
        return false;
    curl_easy_getinfo(transfer->easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
    return first > 0;
}

static struct verdict not_connected(const struct sy_transfer *transfer)
{
    long number = 0;

    if (transfer->egress_refused && !transfer->dialled)
        return VERDICT(REFUSED_HERE, EGRESS_REFUSED);
    curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    return number == ETIMEDOUT ? VERDICT(TIMEOUT, CONNECT_TIMEOUT)
                               : VERDICT(UNREACHABLE, CONNECT_REFUSED);
}

/* Nothing was sent. */
static struct verdict before_start(const struct sy_transfer *transfer, CURLcode code)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return VERDICT(UNREACHABLE, DNS);
    case CURLE_COULDNT_CONNECT:
        return not_connected(transfer);
    case CURLE_OPERATION_TIMEDOUT:
        return VERDICT(TIMEOUT, CONNECT_TIMEOUT);
    case CURLE_PEER_FAILED_VERIFICATION:
        return VERDICT(UNREACHABLE, TLS_UNTRUSTED);
    case CURLE_OUT_OF_MEMORY:
        return VERDICT(OVERLOADED, MEMORY);
    default:
        return transfer->url.tls ? VERDICT(UNREACHABLE, TLS_FAILED)
                                 : VERDICT(UNREACHABLE, CONNECT_REFUSED);
    }
}

/* The connection broke, or its bytes made no sense to libcurl. */
static struct verdict broken(const struct sy_transfer *transfer)
{
    long number = 0;

    if (!sy_transfer_was_answered(transfer))
        return VERDICT(RESET, RESET);
    curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    /* A broken connection leaves its number; over TLS it does not, and a cut is the likelier. */
    if (transfer->reply.chunked && number != ECONNRESET && number != ETIMEDOUT &&
        !transfer->url.tls)
        return VERDICT(PROTOCOL, BAD_FRAMING);
    return VERDICT(PROTOCOL, TRUNCATED);
}

static struct verdict after_start(const struct sy_transfer *transfer, CURLcode code)
{
    const struct sy_net_reply *reply = &transfer->reply;

    /* An HTTP/2 connection that dies before any answer. */
    if (code == CURLE_PARTIAL_FILE && reply->head_total == 0)
        return VERDICT(RESET, EMPTY_REPLY);
    switch ((int)code) {
    case CURLE_GOT_NOTHING: /* also for half a status line */
        return VERDICT(RESET, EMPTY_REPLY);
    case CURLE_UNSUPPORTED_PROTOCOL:
        return VERDICT(PROTOCOL, NOT_HTTP);
    case CURLE_WEIRD_SERVER_REPLY: /* below a status line it is a field that makes no sense */
        return reply->in_head ? VERDICT(PROTOCOL, BAD_FRAMING) : VERDICT(PROTOCOL, NOT_HTTP);
    case CURLE_PARTIAL_FILE:
        return VERDICT(PROTOCOL, TRUNCATED);
    case CURLE_OPERATION_TIMEDOUT:
        return sy_transfer_was_answered(transfer) ? VERDICT(TIMEOUT, TOTAL)
                                                  : VERDICT(TIMEOUT, FIRST_BYTE);
    case CURLE_OUT_OF_MEMORY: /* C7: also a header line over 100 kB */
    case 100:                 /* CURLE_TOO_LARGE of later versions */
        return reply->whole_head ? VERDICT(OVERLOADED, MEMORY)
                                 : VERDICT(TOO_LARGE, HEADERS_TOO_LARGE);
    case CURLE_BAD_CONTENT_ENCODING:
        return VERDICT(PROTOCOL, BAD_ENCODING);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: /* a resend that found no connection */
        return VERDICT(RESET, EMPTY_REPLY);
    default:
        return broken(transfer);
    }
}

static struct verdict check_whole(const struct sy_transfer *transfer)
{
    const struct sy_net_reply *reply = &transfer->reply;

    if (!reply->whole_head)
        return VERDICT(PROTOCOL, TRUNCATED);
    if (reply->coding == SY_NET_CODING_GZIP && reply->inflate.in > 0 && !reply->inflate.ended)
        return VERDICT(PROTOCOL, TRUNCATED);
    return VERDICT(OK, NONE);
}

static struct verdict judge(const struct sy_transfer *transfer, CURLcode code)
{
    if (transfer->result.failure != SY_NET_OK)
        return (struct verdict){transfer->result.failure, transfer->result.cause};
    if (transfer->resend_refused)
        return VERDICT(RESET, EMPTY_REPLY);
    if (code == CURLE_OK)
        return check_whole(transfer);
    return transfer->started ? after_start(transfer, code) : before_start(transfer, code);
}

void sy_transfer_judge(struct sy_transfer *transfer, CURLcode code)
{
    struct verdict verdict = judge(transfer, code);
    const struct sy_net_reply *reply = &transfer->reply;
    struct sy_transfer_result *result = &transfer->result;

    result->failure = verdict.failure;
    result->cause = verdict.cause;
    if (verdict.failure == SY_NET_OK) {
        result->status = reply->status;
        result->headers = reply->headers;
        result->header_count = reply->header_count;
        result->body = sy_str_from(reply->body ? reply->body : "", reply->body_len);
    } else if (sy_log_enabled(SY_LOG_DEBUG)) {
        struct sy_log_field fields[] = {
            {.name = "vendor", .text = transfer->what.vendor},
            {.name = "cause", .text = sy_str_of(sy_cause_word(verdict.cause))},
            {.name = "libcurl", .number = (int64_t)code},
        };

        sy_log(SY_LOG_DEBUG, "transfer_failed", fields, SY_ARRAY_LEN(fields));
    }
}
