/*
 * Reading files for the command line: whole, bounded, with errors people can act on.
 */
#ifndef SY_CLI_FILES_H
#define SY_CLI_FILES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "policy/policy.h"

#define SY_POLICY_FILES_MAX 64

/* The whole file (at most `max` bytes) into `arena`. "-" is standard input. */
int sy_file_read(struct sy_str path, size_t max, struct sy_arena *arena, struct sy_str *ret_text,
                 struct sy_err *err);
/* The same for what is read again at every reload: only a regular file, because a pipe without a
 * writer would hold the process for ever, and one with a writer is empty the second time. */
int sy_file_read_kept(struct sy_str path, size_t max, struct sy_arena *arena,
                      struct sy_str *ret_text, struct sy_err *err);
/* Replaces or creates, 0600 when `secret` else 0644; refuses an existing file unless `replace`. */
int sy_file_write(struct sy_str path, struct sy_str text, bool secret, bool replace,
                  struct sy_err *err);
/* `path` if absolute, else below `folder`. */
struct sy_str sy_path_below(struct sy_str folder, struct sy_str path, struct sy_arena *arena);
/* The folder part of a path; "." without one. */
struct sy_str sy_path_folder(struct sy_str path);
/* Creates the folder and its parents, 0700. */
int sy_folder_make(struct sy_str path, struct sy_err *err);
/*
 * A policy file, or the *.yaml directly inside a folder in byte order. SY_NOT_FOUND if the path
 * does not exist (the caller then uses the built-in policy).
 */
int sy_policy_files(struct sy_str path, struct sy_arena *arena,
                    struct sy_policy_source sources[SY_POLICY_FILES_MAX], size_t *ret_count,
                    struct sy_err *err);

#endif
