#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "ledger/folder.h"
#include "ledger/recover.h"
#include "registry/registry.h"

#define JOURNALS_MAX ((unsigned)GATEWAY_JOURNALS * LEDGER_LOOPS_MAX)

static const struct cli_option options[] = {
    {"--config", "FILE", "configuration (default " SY_CONFIG_FILE_DEFAULT ")", false},
    {NULL, NULL, NULL, false},
};

struct backup {
    struct cli *cli;
    const char *file;        /* where the copy goes */
    const char *partial;     /* and where it grows */
    struct sy_str store;     /* path of the store */
    struct sy_halves *loops; /* JOURNALS_MAX, as they were before the store was copied */
    unsigned unknown;        /* calls on their way */
    uint64_t bytes;
};

static int find_store(struct backup *backup, const struct sy_config *config, struct sy_err *err)
{
    struct sy_str prefix = SY_STR("sqlite:"), url = config->settings.store;
    struct sy_arena *arena = &backup->cli->arena;

    if (!sy_str_starts(url, prefix))
        return sy_err_set(err, SY_INVALID, "a store in memory has no file to back up");
    backup->store = sy_path_below(config->folder, sy_str_skip(url, prefix.len), arena);
    backup->file = sy_arena_z(arena, backup->cli->words[0]);
    backup->partial =
        sy_arena_printf(arena, "%s.partial.%ld", backup->file ? backup->file : "", (long)getpid())
            .ptr;
    backup->loops = sy_arena_zalloc(arena, JOURNALS_MAX * sizeof(*backup->loops));
    if (!backup->store.ptr || !backup->file || !backup->partial || !backup->loops)
        return sy_err_set(err, SY_NOMEM, "no memory for a backup");
    if (access(sy_arena_z(arena, backup->store), F_OK) != 0)
        return sy_err_set(err, SY_NOT_FOUND, "%.*s: %s", SY_FMT(backup->store), strerror(errno));
    if (access(backup->file, F_OK) == 0)
        return sy_err_set(err, SY_EXISTS, "%s exists: a backup overwrites nothing", backup->file);
    return SY_OK;
}

static int open_store(struct backup *backup, const char *path, bool read_only,
                      struct sy_store **ret, struct sy_err *err)
{
    struct sy_store_options what = {.read_only = read_only};

    what.url = sy_arena_printf(&backup->cli->arena, "sqlite:%s", path);
    return sy_store_open(&what, ret, err);
}

/* Those of a folder that no process has made are none. */
static int look_at_folder(struct backup *backup, unsigned index, struct sy_err *err)
{
    const char *folder = sy_gateway_journals_name(backup->store, index, &backup->cli->arena);
    int status = folder ? SY_OK : sy_err_set(err, SY_NOMEM, "no memory for a backup");

    for (unsigned i = 0; i < LEDGER_LOOPS_MAX && status == SY_OK; i++)
        status = sy_halves_look(folder, i, &backup->loops[index * LEDGER_LOOPS_MAX + i], err);
    return status;
}

/* Journals first: what leaves them afterwards has come into the store, which is copied then. */
static int copy_store(struct backup *backup, struct sy_err *err)
{
    struct sy_store *store = NULL;
    int status = SY_OK;

    for (unsigned i = 0; i < GATEWAY_JOURNALS && status == SY_OK; i++)
        status = look_at_folder(backup, i, err);
    if (status == SY_OK)
        status =
            open_store(backup, sy_arena_z(&backup->cli->arena, backup->store), true, &store, err);
    if (status != SY_OK)
        return status;
    status = store->ops->backup(store, sy_str_of(backup->partial), err);
    store->ops->close(store);
    return status;
}

/* The copy becomes what a start after a kill at this moment would make of the store. */
static int add_journals(struct backup *backup, struct sy_err *err)
{
    struct sy_store *copy = NULL;
    int status = open_store(backup, backup->partial, false, &copy, err);

    if (status != SY_OK)
        return status;
    for (unsigned i = 0; i < JOURNALS_MAX && status == SY_OK; i++)
        status = sy_halves_store(&backup->loops[i], copy, &backup->unknown, err);
    copy->ops->close(copy);
    return status;
}

/* The log is gone when closing brought all of it into the file. */
static bool is_whole(struct backup *backup)
{
    const char *log = sy_arena_printf(&backup->cli->arena, "%s-wal", backup->partial).ptr;
    struct stat st;

    return log && (stat(log, &st) != 0 || st.st_size == 0);
}

/* Under its own name only when all of it is on the disk; a name that came up since stays. */
static int publish(struct backup *backup, struct sy_err *err)
{
    bool whole = is_whole(backup);
    int fd = open(backup->partial, O_RDONLY | O_CLOEXEC);
    struct stat st = {0};
    int status = SY_OK;

    if (!whole)
        status = sy_err_set(err, SY_UNAVAILABLE, "%s: the copy cannot be completed", backup->file);
    else if (fd < 0 || fstat(fd, &st) != 0 || fsync(fd) != 0)
        status = sy_err_set(err, SY_UNAVAILABLE, "%s: %s", backup->partial, strerror(errno));
    else if (link(backup->partial, backup->file) != 0)
        status =
            errno == EEXIST
                ? sy_err_set(err, SY_EXISTS, "%s exists: a backup overwrites nothing", backup->file)
                : sy_err_set(err, SY_UNAVAILABLE, "%s: %s", backup->file, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (status == SY_OK && unlink(backup->partial) != 0)
        status = sy_err_set(err, SY_UNAVAILABLE, "%s: %s", backup->partial, strerror(errno));
    if (status == SY_OK)
        status = sy_folder_sync_above(backup->file, err);
    backup->bytes = (uint64_t)st.st_size;
    return status;
}

/* SQLite leaves its log and index beside a copy whose closing failed. */
static void remove_partial(struct backup *backup)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};

    for (size_t i = 0; backup->partial && i < SY_ARRAY_LEN(ends); i++) {
        const char *name =
            sy_arena_printf(&backup->cli->arena, "%s%s", backup->partial, ends[i]).ptr;

        if (name)
            unlink(name);
    }
}

static void tell(struct backup *backup, int64_t took_ms)
{
    struct cli *cli = backup->cli;
    struct sy_json_writer w;
    struct sy_buf out;

    if (!cli->json) {
        cli_printf(cli, "%s: %llu bytes in %lld ms\n", backup->file,
                   (unsigned long long)backup->bytes, (long long)took_ms);
        if (backup->unknown)
            cli_note(cli, "%u call%s on the way: in the copy with outcome unknown", backup->unknown,
                     backup->unknown == 1 ? " was" : "s were");
        return;
    }
    cli_writer(cli, &out, &w);
    sy_jw_object(&w);
    sy_jw_member_z(&w, "file", backup->file);
    sy_jw_member_i64(&w, "bytes", (int64_t)backup->bytes);
    sy_jw_member_i64(&w, "took_ms", took_ms);
    sy_jw_member_i64(&w, "calls_unknown", backup->unknown);
    sy_jw_object_end(&w);
    cli_print_json(cli, sy_buf_str(&out));
}

static int load(struct cli *cli, struct sy_config *config)
{
    struct sy_str file = cli_get(cli, "--config");
    struct sy_faults faults;
    int status;

    sy_faults_init(&faults);
    status = sy_config_load(file.ptr ? file : SY_STR(SY_CONFIG_FILE_DEFAULT), config, &faults);
    fprintf(stderr, "%.*s", SY_FMT(sy_buf_str(&faults.text)));
    sy_faults_release(&faults);
    return status;
}

static int run(struct cli *cli)
{
    struct backup backup = {.cli = cli};
    struct sy_err err = SY_ERR_INIT;
    int64_t began_ms = sy_clock_ms();
    struct sy_config config;
    int status;

    if (load(cli, &config) != SY_OK) {
        sy_config_release(&config);
        return SY_EXIT_FAILED;
    }
    status = find_store(&backup, &config, &err);
    if (status == SY_OK) {
        status = copy_store(&backup, &err);
        if (status == SY_OK)
            status = add_journals(&backup, &err);
        if (status == SY_OK)
            status = publish(&backup, &err);
        for (unsigned i = 0; i < JOURNALS_MAX; i++)
            sy_halves_free(&backup.loops[i]);
        if (status != SY_OK)
            remove_partial(&backup);
    }
    if (status == SY_OK)
        tell(&backup, sy_clock_ms() - began_ms);
    else
        cli_fail(cli, "%s", err.text);
    sy_config_release(&config);
    return status == SY_OK ? SY_EXIT_DONE : SY_EXIT_FAILED;
}

const struct cli_command cli_backup = {
    .name = "backup",
    .arguments = "FILE",
    .summary = "Copies the store into a new file; the gateway may be running.",
    .details =
        "The copy holds every registry, key and tenant change and every call that was answered\n"
        "when the command began, those still in the journals, too. A call on its way then is in\n"
        "it with outcome unknown and holds its idempotency key. FILE must not exist; it appears\n"
        "when all of it is on the disk. To restore, stop the gateway, put FILE in the store's\n"
        "place without -wal, -shm and any .journal folder beside it, and start.",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
