/*
 * edge-mutate: mutated requests at a live server on loopback, pipelined over several connections,
 * from a seed, so that every run sends the same.
 *
 * What the server must answer is known beforehand: the pure parser reads the same bytes first. A
 * connection's batch ends with the mutation that the parser refuses, that ends the connection or
 * that is not whole. --exact asks for as many answers as the parser finds requests, and the
 * refusal's status; without it (a gateway may refuse more: keys, routes, sizes) there must be no
 * more answers than that. In neither case may there be a 500, 502, 503 or 504; 501 and 505 are
 * refusals of a method, a coding, a version. One unfinished connection in fifty is left alone, to
 * see that the server ends it.
 *
 * Prints "name value" lines; exit code 1 when something of the above did not hold.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define print_message(...) fprintf(stderr, __VA_ARGS__)
#define skip() abort()

#include "../unit/http/corpus.h"
#include "../unit/http/mutate.h"
#include "../unit/http/simulator.h"

#define FLIGHTS_MAX 256u
#define BATCH_MAX 12u
#define BATCH_BYTES 16384u /* one write takes it, so that the server sees it whole */
#define SEED_MAX 4096u     /* longer seeds are runs of like bytes */
#define ANSWER_MAX (256u << 10)
#define PATIENCE_MS 10000
#define ABANDON_EVERY 50u
#define ABANDONED_MAX 500u
#define ABANDONED_WAIT_MS 15000
#define SHOWN_MAX 20u
#define TLS_HANDSHAKE 0x16

struct options {
    struct sockaddr_in address;
    uint64_t count;
    uint64_t seed;
    unsigned connections;
    bool exact;
    struct sy_str key;
};

struct flight {
    int fd; /* -1: free */
    struct sy_buf sent;
    char *got; /* ANSWER_MAX bytes */
    size_t len;
    unsigned expected; /* final answers */
    unsigned most;     /* the same, when a head alone may be answered */
    int refusal;       /* status of the last of them, 0 when none is a refusal for sure */
    bool ends;         /* the server closes by itself */
    bool finished;     /* our side is shut */
    bool heads[SIM_STATUSES_MAX];
    int64_t since_ms;
};

struct run {
    struct options options;
    struct corpus seeds;
    struct flight flights[FLIGHTS_MAX];
    int abandoned[ABANDONED_MAX];
    unsigned abandoned_count;
    size_t own_seeds; /* the first of them: requests that are right */
    uint64_t seed;
    uint64_t requests, connections, answers, bytes;
    uint64_t refused, unfinished, completed; /* how batches end */
    uint64_t statuses[600];
    uint64_t wrong, silent, unconnected, resets;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void add_seed(struct run *run, const char *method, const char *target, const char *body)
{
    struct sy_buf buf;

    sy_buf_init_arena(&buf, &run->seeds.arena, SEED_MAX);
    sy_buf_printf(&buf, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, target);
    if (run->options.key.len)
        sy_buf_printf(&buf, "Authorization: Bearer %.*s\r\n", SY_FMT(run->options.key));
    if (body && strlen(body) % 2)
        sy_buf_printf(&buf,
                      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "%zx\r\n%s\r\n0\r\n\r\n",
                      strlen(body), body);
    else if (body)
        sy_buf_printf(&buf, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                      strlen(body), body);
    else
        sy_buf_append(&buf, SY_STR("\r\n"));
    corpus_add(&run->seeds, SY_STR("own"), sy_buf_str(&buf));
}

/* Requests that get past the front. */
static void add_own_seeds(struct run *run)
{
    static const char call[] = "{\"tool\":\"gmail_fetch_emails\",\"user_id\":\"user_123\","
                               "\"arguments\":{\"max_results\":2,\"x\":[1,2.5e3,\"\\u00e9\"]}}";

    add_seed(run, "GET", "/healthz", NULL);
    add_seed(run, "HEAD", "/readyz", NULL);
    add_seed(run, "OPTIONS", "/v1/execute", NULL);
    add_seed(run, "GET", "/v1/resolve?tool=gmail_fetch_emails&explain=true", NULL);
    add_seed(run, "GET", "/v1/toolkits?limit=2&search=%67mail", NULL);
    add_seed(run, "POST", "/v1/execute", call);
    add_seed(run, "POST", "/v1/unknown", "{\"a\":[true,false,null]}");
    add_seed(run, "PUT", "/v1/unknown", "[]");
    run->own_seeds = run->seeds.count;
}

static void load_seeds(struct run *run)
{
    corpus_init(&run->seeds);
    add_own_seeds(run);
    if (!getenv("SY_SHARED_DIR"))
        return;
    corpus_llhttp(&run->seeds);
    corpus_probe(&run->seeds);
    corpus_guardian(&run->seeds, false);
    corpus_garden(&run->seeds, GARDEN_WITH_HOST);
    corpus_garden(&run->seeds, GARDEN_AS_POST);
    corpus_smuggler(&run->seeds, SMUGGLER_TE_FIRST);
}

/* Half of them are right before they are mutated: most of the corpora is refused as it is. */
static struct sy_str pick(struct run *run)
{
    for (;;) {
        bool own = mutate_below(&run->seed, 2) == 0;
        size_t at = mutate_below(&run->seed, own ? run->own_seeds : run->seeds.count);
        struct sy_str bytes = run->seeds.items[at].bytes;

        if (bytes.len > 0 && bytes.len <= SEED_MAX)
            return bytes;
    }
}

/* Feeds one more mutation to `sim` and the flight; notes which answers are to a HEAD. */
static void add_mutation(struct run *run, struct flight *flight, struct sim *sim)
{
    size_t from = flight->sent.len;
    unsigned before = sim->status_count;
    struct sy_buf one;

    sy_buf_init(&one, 1u << 20);
    sy_buf_append(&one, pick(run));
    mutate(&one, pick(run), &run->seed);
    sy_buf_append(&flight->sent, sy_buf_str(&one));
    sim_feed(sim, sy_str_skip(sy_buf_str(&flight->sent), from));
    sy_buf_release(&one);
    for (; before < sim->status_count; before++)
        flight->heads[before] = sim->was_head[before];
    run->requests++;
}

static bool is_open(const struct sim *sim)
{
    return sim->phase == SIM_HEAD && sim->len == 0 && sim->status_count < BATCH_MAX;
}

static void build(struct run *run, struct flight *flight)
{
    struct sim sim;

    sy_buf_clear(&flight->sent);
    sim_init(&sim);
    sim.limits.body_bytes = 4u << 20;
    for (unsigned i = 0; i < BATCH_MAX && flight->sent.len < BATCH_BYTES && is_open(&sim); i++)
        add_mutation(run, flight, &sim);
    flight->expected = sim.status_count;
    flight->most = sim.heads > sim.status_count ? sim.heads : sim.status_count;
    flight->ends = sim.phase == SIM_REFUSED || sim.phase == SIM_CLOSED;
    flight->refusal = sim.phase == SIM_REFUSED ? sim.refusal.status : 0;
    if (flight->sent.len > 0 && flight->sent.ptr[0] == TLS_HANDSHAKE) {
        /* A server that speaks plain text hangs up on it: TLS has no use for a status. */
        flight->expected = 0;
        flight->refusal = 0;
    }
    run->refused += sim.phase == SIM_REFUSED;
    run->completed += sim.phase == SIM_CLOSED || (sim.phase == SIM_HEAD && sim.len == 0);
    run->unfinished += !flight->ends && !(sim.phase == SIM_HEAD && sim.len == 0);
    sim_release(&sim);
}

static bool launch(struct run *run, struct flight *flight)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0}; /* no port waits behind the test */
    int one = 1;

    build(run, flight);
    flight->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (flight->fd < 0 || connect(flight->fd, (const struct sockaddr *)&run->options.address,
                                  sizeof(run->options.address)) < 0) {
        perror("edge-mutate: connect");
        run->unconnected++;
        if (flight->fd >= 0)
            close(flight->fd);
        flight->fd = -1;
        return false;
    }
    (void)setsockopt(flight->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    (void)setsockopt(flight->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)fcntl(flight->fd, F_SETFL, O_NONBLOCK);
    flight->len = 0;
    flight->finished = false;
    flight->since_ms = now_ms();
    run->connections++;
    run->bytes += flight->sent.len;
    /* A socket just opened takes a batch at once. */
    if (send(flight->fd, flight->sent.ptr, flight->sent.len, MSG_NOSIGNAL) !=
        (ssize_t)flight->sent.len)
        run->unconnected++;
    return true;
}

/* The number of final answers in what came; their statuses into `ret`. */
static unsigned read_answers(const struct flight *flight, int ret[SIM_STATUSES_MAX + 1])
{
    struct sy_str rest = sy_str_from(flight->got, flight->len);
    unsigned count = 0;

    while (count <= SIM_STATUSES_MAX && sy_str_starts(rest, SY_STR("HTTP/1.1 "))) {
        size_t end = sy_str_find(rest, SY_STR("\r\n\r\n"));
        struct sy_str head = sy_str_head(rest, end == (size_t)-1 ? rest.len : end);
        size_t at = sy_str_find_nocase(head, SY_STR("\r\ncontent-length: "));
        struct sy_str length = sy_str_skip(head, at + 18);
        uint64_t number = 0;
        uint64_t status = 0;

        (void)sy_str_to_u64(sy_str_head(sy_str_skip(rest, 9), 3), &status);
        if (end == (size_t)-1)
            break;
        rest = sy_str_skip(rest, end + 4);
        if (status < 200)
            continue;
        if (at != (size_t)-1)
            (void)sy_str_to_u64(sy_str_head(length, sy_str_find(length, SY_STR("\r"))), &number);
        if (count < SIM_STATUSES_MAX && flight->heads[count] && count + 1 < flight->expected)
            number = 0;
        if (status < 600)
            ret[count++] = (int)status;
        rest = sy_str_skip(rest, number < rest.len ? (size_t)number : rest.len);
    }
    return count;
}

static void complain(struct run *run, const struct flight *flight, const char *what, unsigned count)
{
    if (run->wrong + run->silent >= SHOWN_MAX)
        return;
    fprintf(stderr, "%s: %u answers, %u expected\n--- sent\n%.*s\n--- got\n%.*s\n---\n", what,
            count, flight->expected, SY_FMT(sy_buf_str(&flight->sent)), (int)flight->len,
            flight->got);
}

static bool is_failure(int status)
{
    return status >= 500 && status != 501 && status != 505;
}

/* The server has closed, or we have waited long enough. */
static void judge(struct run *run, const struct flight *flight, bool closed)
{
    int statuses[SIM_STATUSES_MAX + 1];
    unsigned count = read_answers(flight, statuses);
    bool wrong = count > flight->most;

    for (unsigned i = 0; i < count; i++) {
        run->statuses[statuses[i]]++;
        wrong = wrong || is_failure(statuses[i]);
    }
    run->answers += count;
    if (run->options.exact)
        wrong = wrong || count != flight->expected ||
                (flight->refusal && statuses[count - 1] != flight->refusal);
    if (!closed) {
        complain(run, flight, "not closed", count);
        run->silent++;
    } else if (wrong) {
        complain(run, flight, "wrong", count);
        run->wrong++;
    }
}

static void end_flight(struct run *run, struct flight *flight, bool closed)
{
    judge(run, flight, closed);
    close(flight->fd);
    flight->fd = -1;
}

static bool abandon(struct run *run, struct flight *flight)
{
    if (flight->expected || run->abandoned_count == ABANDONED_MAX ||
        mutate_below(&run->seed, ABANDON_EVERY))
        return false;
    run->abandoned[run->abandoned_count++] = flight->fd;
    flight->fd = -1;
    return true;
}

/* All answers that can come are here: our side is shut, and the server has to end it. */
static void maybe_finish(struct run *run, struct flight *flight)
{
    int statuses[SIM_STATUSES_MAX + 1];

    if (flight->ends || flight->finished || read_answers(flight, statuses) < flight->expected ||
        abandon(run, flight))
        return;
    flight->finished = true;
    (void)shutdown(flight->fd, SHUT_WR);
}

static void progress(struct run *run, struct flight *flight)
{
    ssize_t got = recv(flight->fd, flight->got + flight->len, ANSWER_MAX - flight->len, 0);

    if (got > 0) {
        flight->len += (size_t)got;
        maybe_finish(run, flight);
    } else if (got == 0 || errno != EAGAIN) {
        if (got < 0)
            run->resets++;
        end_flight(run, flight, true);
    }
}

static void turn(struct run *run)
{
    struct pollfd polls[FLIGHTS_MAX];
    unsigned count = run->options.connections;
    int64_t now;

    for (unsigned i = 0; i < count; i++) {
        struct flight *flight = &run->flights[i];

        if (flight->fd < 0 && run->requests < run->options.count && launch(run, flight))
            maybe_finish(run, flight);
        polls[i] = (struct pollfd){.fd = flight->fd, .events = POLLIN};
    }
    if (poll(polls, count, 100) < 0)
        return;
    now = now_ms();
    for (unsigned i = 0; i < count; i++) {
        struct flight *flight = &run->flights[i];

        if (polls[i].fd >= 0 && polls[i].revents)
            progress(run, flight);
        else if (flight->fd >= 0 && now - flight->since_ms > PATIENCE_MS)
            end_flight(run, flight, false);
    }
}

static bool in_flight(const struct run *run)
{
    for (unsigned i = 0; i < run->options.connections; i++) {
        if (run->flights[i].fd >= 0)
            return true;
    }
    return false;
}

/* How many of the connections left alone the server has not ended in time. */
static unsigned await_abandoned(struct run *run)
{
    int64_t end = now_ms() + ABANDONED_WAIT_MS;
    unsigned open = 0;

    for (unsigned i = 0; i < run->abandoned_count; i++) {
        struct pollfd one = {.fd = run->abandoned[i], .events = POLLIN};
        char block[4096];
        bool ended = false;

        while (!ended && now_ms() < end) {
            int left = (int)(end - now_ms());

            if (poll(&one, 1, left > 0 ? left : 0) > 0)
                ended = recv(one.fd, block, sizeof(block), 0) <= 0;
        }
        open += !ended;
        close(one.fd);
    }
    return open;
}

static int print_run(struct run *run, int64_t ms)
{
    unsigned open = await_abandoned(run);
    uint64_t failures = 0;

    printf("requests %" PRIu64 "\nconnections %" PRIu64 "\nanswers %" PRIu64 "\nbytes %" PRIu64
           "\nseconds %.1f\nrefused %" PRIu64 "\ncompleted %" PRIu64 "\nunfinished %" PRIu64 "\n",
           run->requests, run->connections, run->answers, run->bytes, (double)ms / 1000,
           run->refused, run->completed, run->unfinished);
    for (int status = 200; status < 600; status++) {
        if (run->statuses[status])
            printf("status_%d %" PRIu64 "\n", status, run->statuses[status]);
        failures += is_failure(status) ? run->statuses[status] : 0;
    }
    printf("failures %" PRIu64 "\nwrong %" PRIu64 "\nsilent %" PRIu64 "\nunconnected %" PRIu64
           "\nresets %" PRIu64 "\nabandoned %u\nabandoned_open %u\n",
           failures, run->wrong, run->silent, run->unconnected, run->resets, run->abandoned_count,
           open);
    return failures || run->wrong || run->silent || run->unconnected || open;
}

static bool number_of(const char *text, uint64_t max, uint64_t *ret)
{
    return sy_str_to_u64(sy_str_of(text), ret) && *ret > 0 && *ret <= max;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"count", required_argument, NULL, 'n'},
        {"connections", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 's'},
        {"key", required_argument, NULL, 'k'},
        {"exact", no_argument, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    uint64_t number;
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'e')
            options->exact = true;
        else if (option == 'k')
            options->key = sy_str_of(optarg);
        else if (option == 'p' && number_of(optarg, 65535, &number))
            options->address.sin_port = htons((uint16_t)number);
        else if (option == 'n' && number_of(optarg, UINT64_MAX, &number))
            options->count = number;
        else if (option == 'c' && number_of(optarg, FLIGHTS_MAX, &number))
            options->connections = (unsigned)number;
        else if (option != 's' || !number_of(optarg, UINT64_MAX, &options->seed))
            return false;
    }
    return optind == argc && options->address.sin_port && options->count;
}

int main(int argc, char **argv)
{
    struct run *run = calloc(1, sizeof(*run));
    int64_t started;
    int ret;

    if (!run)
        return 1;
    run->options = (struct options){
        .address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
        .seed = MUTATE_SEED,
        .connections = 16,
    };
    if (!parse_options(argc, argv, &run->options)) {
        fputs("usage: edge-mutate --port N --count N [--exact] [--connections N] [--seed N]\n"
              "                   [--key KEY]\n",
              stderr);
        return 2;
    }
    run->seed = run->options.seed;
    load_seeds(run);
    for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
        run->flights[i].fd = -1;
        run->flights[i].got = malloc(ANSWER_MAX);
        sy_buf_init(&run->flights[i].sent, 1u << 20);
        if (!run->flights[i].got)
            return 1;
    }
    started = now_ms();
    while (run->requests < run->options.count || in_flight(run))
        turn(run);
    ret = print_run(run, now_ms() - started);
    for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
        free(run->flights[i].got);
        sy_buf_release(&run->flights[i].sent);
    }
    corpus_release(&run->seeds);
    free(run);
    return ret;
}
