/*
 * Runs the case files of one vendor: feeds its adapter what the file says and compares what the
 * adapter asked for and answered, byte for byte, with the file.
 *
 *   run_cases FOLDER            check; one line per case, a diff on failure
 *   run_cases --print FOLDER FILE
 *                               the transcript of one case, for writing a new one
 *   run_cases --torture FOLDER  each case with each of the adapter's allocations failing, once and
 *                               from then on: the adapter notices, or answers as without it
 */
#include "case.h"
#include "torture.h"

#include "base/crypto.h"
#include "vendors/vendors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 24
#define FILES_MAX 512
#define TEXT_MAX ((size_t)8 << 20)

static char *read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    struct sy_buf text;
    size_t got;

    if (!file)
        return NULL;
    sy_buf_init(&text, TEXT_MAX);
    do {
        char *to = sy_buf_reserve(&text, 65536);
        got = to ? fread(to, 1, 65536, file) : 0;
        sy_buf_grown(&text, got);
    } while (got > 0);
    fclose(file);
    *ret_len = text.len;
    return text.ptr;
}

/* Entries that only say what the adapter forgot are expectations, nothing to serve. */
static bool next_step(struct case_run *run, struct sy_json_iter *steps, struct sy_json *ret_step)
{
    struct sy_str name;

    while (sy_json_next(steps, &name, ret_step))
        if (sy_json_get_z(*ret_step, "forget").type == SY_JSON_NONE)
            return true;
    run->broken = "the adapter goes on after the last step of the case";
    return false;
}

static enum sy_step run_operation(struct case_run *run, const struct sy_operation *what,
                                  struct sy_json_iter *steps, struct sy_wish *wish, int depth);

/* Serves a NEED by the adapter's own sub-operation, with the steps nested in the file. */
static bool run_sub(struct case_run *run, const struct sy_need *need, struct sy_json step,
                    int depth, struct sy_event *event)
{
    struct sy_json_iter steps = sy_json_iter(sy_json_get_z(step, "run"));
    struct sy_operation what;
    struct sy_wish *wish = sy_arena_zalloc(&run->arena, sizeof(*wish));
    struct sy_fact *fact = sy_arena_zalloc(&run->arena, sizeof(*fact));
    enum sy_step answer;

    if (depth >= SY_FACT_DEPTH_MAX || !wish || !fact) {
        run->broken = "sub-operations are nested too deep";
        return false;
    }
    case_operation_for_need(run, need, &what);
    sy_jw_name(&run->json, "run");
    sy_jw_array(&run->json);
    answer = run_operation(run, &what, &steps, wish, depth + 1);
    sy_jw_array_end(&run->json);
    if (answer == SY_STEP_DONE) {
        *fact = (struct sy_fact){need->kind, need->key, wish->result.value, ++run->generation};
        case_add_fact(run, fact);
        *event = (struct sy_event){.kind = SY_EVENT_FACT, .fact = fact};
    } else {
        *event = (struct sy_event){.kind = SY_EVENT_FACT_FAILED, .failure = &wish->failure};
    }
    return !run->broken;
}

/* One wish and what came of it, written as one step of the transcript. */
static bool serve(struct case_run *run, enum sy_step step, const struct sy_wish *wish,
                  struct sy_json_iter *steps, int depth, struct sy_event *event)
{
    static const char *const echoed[] = {"reply", "fact", "failed", "cancelled"};
    const struct sy_need *need = step == SY_STEP_NEED ? &wish->need : NULL;
    struct sy_json given;
    bool ok;

    if (!next_step(run, steps, &given))
        return false;
    sy_jw_object(&run->json);
    if (need)
        case_write_need(run, need);
    else
        case_write_request(run, &wish->request);
    for (size_t i = 0; i < SY_ARRAY_LEN(echoed); i++)
        if (sy_json_get_z(given, echoed[i]).type != SY_JSON_NONE)
            sy_jw_member_raw(&run->json, echoed[i],
                             case_compact(run, sy_json_get_z(given, echoed[i]).raw));
    if (need && sy_json_get_z(given, "run").type == SY_JSON_ARRAY)
        ok = run_sub(run, need, given, depth, event);
    else
        ok = case_event(run, given, need, event);
    if (sy_json_is_true(sy_json_get_z(given, "spec")))
        sy_jw_member_bool(&run->json, "spec", true);
    sy_jw_object_end(&run->json);
    if (!ok && !run->broken)
        run->broken = "the step of the case does not fit what the adapter asks for";
    return ok;
}

static void write_forget(struct case_run *run, const struct sy_forget *forget)
{
    const struct {
        bool is;
        const char *name;
    } all[] = {{forget->token, "token"},
               {forget->accounts, "accounts"},
               {forget->tool, "tool"},
               {forget->auth_config, "auth_config"},
               {forget->link, "link"}};
    bool any = false;

    for (size_t i = 0; i < SY_ARRAY_LEN(all); i++) {
        if (!all[i].is)
            continue;
        if (!any) {
            sy_jw_object(&run->json);
            sy_jw_name(&run->json, "forget");
            sy_jw_array(&run->json);
        }
        any = true;
        sy_jw_z(&run->json, all[i].name);
    }
    if (any) {
        sy_jw_array_end(&run->json);
        sy_jw_object_end(&run->json);
    }
}

static enum sy_step start(struct case_run *run, void *op, const struct sy_operation *what,
                          struct sy_wish *wish)
{
    enum sy_step step;

    torture_begin();
    step = run->vendor->start(op, what, &run->facts, wish);
    torture_end();
    return step;
}

static enum sy_step resume(struct case_run *run, void *op, const struct sy_operation *what,
                           const struct sy_event *event, struct sy_wish *wish)
{
    enum sy_step step;

    torture_begin();
    step = run->vendor->resume(op, what, event, &run->facts, wish);
    torture_end();
    return step;
}

static enum sy_step run_operation(struct case_run *run, const struct sy_operation *what,
                                  struct sy_json_iter *steps, struct sy_wish *wish, int depth)
{
    void *op = sy_arena_zalloc(&run->arena, run->vendor->op_size + 1);
    struct sy_operation asked = run->what;
    struct sy_event *event;
    enum sy_step step;
    int sends = 0;

    run->what = *what;
    step = start(run, op, what, wish);
    /* An adapter that found no memory is not listened to: the core answers in its place. */
    for (int i = 0;
         i < STEPS_MAX && !run->mem.failed && (step == SY_STEP_SEND || step == SY_STEP_NEED); i++) {
        struct sy_wish *now = sy_arena_zalloc(&run->arena, sizeof(*now));
        event = sy_arena_zalloc(&run->arena, sizeof(*event));
        if (step == SY_STEP_SEND && ++sends > SY_OPERATION_SENDS_MAX)
            run->broken = "more requests than an operation may send";
        write_forget(run, &wish->forget);
        if (run->broken || !now || !event || !serve(run, step, wish, steps, depth, event))
            break;
        *wish = *now;
        step = resume(run, op, what, event, wish);
    }
    write_forget(run, &wish->forget);
    run->what = asked;
    return step;
}

/* Steps that the file holds and the transcript lacks are echoed nowhere and so differ. */
static struct sy_str transcript(struct case_run *run)
{
    struct sy_json_iter steps = sy_json_iter(sy_json_get_z(run->file, "steps"));
    struct sy_wish wish = {0};
    enum sy_step step;

    sy_buf_init_arena(&run->out, &run->arena, TEXT_MAX);
    sy_jw_init(&run->json, &run->out);
    sy_jw_object(&run->json);
    sy_jw_name(&run->json, "steps");
    sy_jw_array(&run->json);
    step = run_operation(run, &run->what, &steps, &wish, 0);
    sy_jw_array_end(&run->json);
    if (!run->broken)
        case_write_outcome(run, step, &wish);
    sy_jw_object_end(&run->json);
    if (run->arena.failed || !sy_buf_ok(&run->out))
        run->broken = "the case is larger than the runner's memory";
    return sy_buf_str(&run->out);
}

/* The file's half of the comparison: its steps and its outcome. */
static struct sy_str expectation(struct case_run *run)
{
    static const char *const parts[] = {"steps", "done", "fail"};
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init_arena(&out, &run->arena, TEXT_MAX);
    sy_jw_init(&w, &out);
    sy_jw_object(&w);
    for (size_t i = 0; i < SY_ARRAY_LEN(parts); i++) {
        struct sy_json part = sy_json_get_z(run->file, parts[i]);
        if (part.type != SY_JSON_NONE)
            sy_jw_member_raw(&w, parts[i], case_compact(run, part.raw));
    }
    sy_jw_object_end(&w);
    return sy_buf_str(&out);
}

static void print_difference(struct sy_str expected, struct sy_str actual)
{
    size_t at = 0;
    size_t from;

    while (at < expected.len && at < actual.len && expected.ptr[at] == actual.ptr[at])
        at++;
    from = at > 120 ? at - 120 : 0;
    printf("  first difference at byte %zu\n", at);
    printf("  the case says  …%.*s\n", SY_FMT(sy_str_head(sy_str_skip(expected, from), 320)));
    printf("  the adapter    …%.*s\n", SY_FMT(sy_str_head(sy_str_skip(actual, from), 320)));
}

static void case_open(struct case_run *run)
{
    sy_arena_init(&run->arena, (size_t)64 << 20);
    sy_arena_init(&run->mem, (size_t)64 << 20);
}

static void case_close(struct case_run *run)
{
    sy_arena_release(&run->mem);
    sy_arena_release(&run->arena);
}

/* One run with one failure. True when it went well: noticed, or without consequence. */
static bool survives(const struct sy_vendor *vendor, struct sy_json defaults, struct sy_str text,
                     unsigned nth, bool for_good)
{
    struct case_run run = {.vendor = vendor, .defaults = defaults};
    struct sy_str actual;
    bool ok;

    case_open(&run);
    torture_arm(nth, for_good);
    ok = sy_json_read(text, SY_JSON_DEPTH_MAX, &run.file, NULL) == 0 && case_input(&run);
    if (ok) {
        actual = transcript(&run);
        ok = run.mem.failed || (!run.broken && sy_str_eq(actual, expectation(&run)));
    }
    case_close(&run);
    return ok;
}

static bool torture_case(const struct sy_vendor *vendor, struct sy_json defaults, const char *name,
                         struct sy_str text)
{
    unsigned points = 0;

    for (int for_good = 0; for_good < 2; for_good++) {
        for (unsigned nth = 1;; nth++) {
            if (!survives(vendor, defaults, text, nth, for_good)) {
                printf("  allocation %u fails%s, and the adapter goes on with less than it asked\n",
                       nth, for_good ? " for good" : "");
                printf("[  FAILED  ] torture_%s_%s\n", vendor->name, name);
                return false;
            }
            if (!torture_struck())
                break;
            points++;
        }
    }
    printf("[       OK ] torture_%s_%.*s: %u failures\n", vendor->name,
           SY_FMT(sy_str_head(sy_str_of(name), strlen(name) - strlen(".json"))), points);
    return true;
}

static bool run_case(const struct sy_vendor *vendor, struct sy_json defaults, const char *name,
                     struct sy_str text, bool print)
{
    struct case_run run = {.vendor = vendor, .defaults = defaults};
    struct sy_str actual, expected;
    bool ok = false;

    case_open(&run);
    if (sy_json_read(text, SY_JSON_DEPTH_MAX, &run.file, NULL) != 0) {
        run.broken = "the case is not JSON";
        goto out;
    }
    if (!case_input(&run))
        goto out;
    actual = transcript(&run);
    expected = expectation(&run);
    ok = !run.broken && sy_str_eq(actual, expected);
    if (print)
        printf("%.*s\n", SY_FMT(actual));
    else if (!ok && !run.broken)
        print_difference(expected, actual);
out:
    if (run.broken)
        fprintf(print ? stderr : stdout, "  %s\n", run.broken);
    if (!print)
        printf("[%s] %s_%.*s\n", ok ? "       OK " : "  FAILED  ", vendor->name,
               SY_FMT(sy_str_head(sy_str_of(name), strlen(name) - strlen(".json"))));
    case_close(&run);
    return ok;
}

static int is_case(const struct dirent *entry)
{
    struct sy_str name = sy_str_of(entry->d_name);

    return sy_str_ends(name, SY_STR(".json")) && !sy_str_eq(name, SY_STR("defaults.json"));
}

static const struct sy_vendor *vendor_of(const char *folder)
{
    struct sy_str name = sy_str_of(folder);
    size_t count, at;
    const struct sy_vendor *const *vendors = sy_vendors(&count);

    while (name.len && name.ptr[name.len - 1] == '/')
        name.len--;
    while ((at = sy_str_find_char(name, '/')) != (size_t)-1)
        name = sy_str_skip(name, at + 1);
    for (size_t i = 0; i < count; i++)
        if (sy_str_eq(name, sy_str_of(vendors[i]->name)))
            return vendors[i];
    return NULL;
}

enum mode { CHECK, PRINT, TORTURE };

static bool run_file(const struct sy_vendor *vendor, struct sy_json defaults, const char *folder,
                     const char *name, enum mode mode)
{
    char path[4096];
    size_t len = 0;
    char *text;
    bool ok;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    text = read_file(path, &len);
    if (mode == TORTURE)
        ok = text && torture_case(vendor, defaults, name, sy_str_from(text, len));
    else
        ok = text && run_case(vendor, defaults, name, sy_str_from(text, len), mode == PRINT);
    if (!text)
        printf("FAIL %s cannot be read\n", path);
    free(text);
    return ok;
}

int main(int argc, char **argv)
{
    enum mode mode = argc == 4 && strcmp(argv[1], "--print") == 0     ? PRINT
                     : argc == 3 && strcmp(argv[1], "--torture") == 0 ? TORTURE
                                                                      : CHECK;
    const char *folder = mode != CHECK ? argv[2] : argc == 2 ? argv[1] : NULL;
    const struct sy_vendor *vendor = folder ? vendor_of(folder) : NULL;
    struct dirent **entries = NULL;
    struct sy_json defaults = {0};
    size_t len = 0, failed = 0;
    char path[4096];
    char *text;
    int count;

    if (!vendor || sy_crypto_init() != 0) {
        fprintf(stderr, "usage: run_cases FOLDER | --torture FOLDER | --print FOLDER FILE\n"
                        "FOLDER is named after a vendor\n");
        return 2;
    }
    snprintf(path, sizeof(path), "%s/defaults.json", folder);
    text = read_file(path, &len);
    if (!text || sy_json_read(sy_str_from(text, len), 64, &defaults, NULL) != 0) {
        fprintf(stderr, "%s: no defaults\n", path);
        free(text);
        return 2;
    }
    if (mode == PRINT) {
        failed = run_file(vendor, defaults, folder, argv[3], mode) ? 0 : 1;
        count = 1;
    } else {
        count = scandir(folder, &entries, is_case, alphasort);
        for (int i = 0; i < count; i++) {
            failed += run_file(vendor, defaults, folder, entries[i]->d_name, mode) ? 0 : 1;
            free(entries[i]);
        }
        free(entries);
        printf("%d cases, %zu failed\n", count, failed);
    }
    free(text);
    return failed || count <= 0 ? 1 : 0;
}
