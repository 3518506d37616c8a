#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void answer_reset(struct answer *answer)
{
    answer->left = 0;
    answer->line_len = 0;
    answer->place = ANSWER_LINE;
    answer->status = 0;
    answer->chunked = false;
    answer->closes = false;
}

static bool is_field(const struct answer *answer, const char *name, const char **value)
{
    size_t len = strlen(name);

    if (strncasecmp(answer->line, name, len) != 0 || answer->line[len] != ':')
        return false;
    *value = answer->line + len + 1 + strspn(answer->line + len + 1, " \t");
    return true;
}

static enum answer_progress end_of_head(struct answer *answer)
{
    if (answer->status == 100) {
        answer_reset(answer);
        return ANSWER_MORE;
    }
    if (answer->chunked)
        answer->place = ANSWER_CHUNK_SIZE;
    else if (answer->left > 0)
        answer->place = ANSWER_BODY;
    else
        return ANSWER_WHOLE;
    return ANSWER_MORE;
}

static enum answer_progress head_line(struct answer *answer)
{
    const char *value;

    if (answer->status == 0) {
        if (strncmp(answer->line, "HTTP/1.", 7) != 0 || answer->line_len < 12)
            return ANSWER_BROKEN;
        answer->status = (int)strtol(answer->line + 9, NULL, 10);
        return answer->status >= 100 ? ANSWER_MORE : ANSWER_BROKEN;
    }
    if (answer->line_len == 0)
        return end_of_head(answer);
    if (is_field(answer, "content-length", &value))
        answer->left = strtoull(value, NULL, 10);
    else if (is_field(answer, "transfer-encoding", &value))
        answer->chunked = strcasecmp(value, "chunked") == 0;
    else if (is_field(answer, "connection", &value))
        answer->closes = strcasecmp(value, "close") == 0;
    return ANSWER_MORE;
}

static enum answer_progress line_read(struct answer *answer)
{
    enum answer_progress progress = ANSWER_MORE;

    if (answer->line_len > 0 && answer->line[answer->line_len - 1] == '\r')
        answer->line_len--;
    answer->line[answer->line_len] = 0;
    if (answer->place == ANSWER_LINE) {
        progress = head_line(answer);
    } else if (answer->place == ANSWER_CHUNK_SIZE) {
        uint64_t size = strtoull(answer->line, NULL, 16);

        answer->left = size + 2;
        answer->place = size ? ANSWER_CHUNK : ANSWER_TRAILER;
    } else if (answer->line_len == 0) {
        progress = ANSWER_WHOLE;
    }
    answer->line_len = 0;
    return progress;
}

enum answer_progress answer_feed(struct answer *answer, const char *bytes, size_t len)
{
    enum answer_progress progress = ANSWER_MORE;
    size_t at = 0;

    while (at < len && progress == ANSWER_MORE) {
        if (answer->place == ANSWER_BODY || answer->place == ANSWER_CHUNK) {
            size_t step = len - at < answer->left ? len - at : (size_t)answer->left;

            at += step;
            answer->left -= step;
            if (answer->left > 0)
                break;
            if (answer->place == ANSWER_BODY)
                progress = ANSWER_WHOLE;
            answer->place = ANSWER_CHUNK_SIZE;
        } else if (bytes[at] == '\n') {
            progress = line_read(answer);
            at++;
        } else {
            /* Of a long line only the beginning matters. */
            if (answer->line_len < sizeof(answer->line) - 2)
                answer->line[answer->line_len++] = bytes[at];
            at++;
        }
    }
    return progress == ANSWER_WHOLE && at < len ? ANSWER_BROKEN : progress;
}
