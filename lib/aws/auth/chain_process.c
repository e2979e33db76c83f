/* credential_process: a program of the operator that prints credentials.
 *
 * It is started directly, without a shell, in its own process group, so that everything it started
 * ends with it at the deadline. Its standard error is discarded, as in the SDKs: it may contain
 * secrets. Source: AWS SDKs and Tools Reference Guide, "Process credential provider". */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/aws/auth/chain_link.h"
#include "lib/aws/auth/command_line.h"
#include "lib/aws/auth/creds_json.h"
#include "lib/base/wipe.h"
#include "lib/json/jpath.h"

#define OUTPUT_MAX (64u << 10)

extern char **environ;

struct process {
    pid_t pid;
    /* A pidfd, readable when the program has ended. */
    int exited;
    /* The reading end of its standard output; -1 after the end. */
    int output;
};

/* Signals as a program expects them: none blocked, none ignored by inheritance. */
static bool process_set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP) == 0 &&
           posix_spawnattr_setsigmask(attributes, &none) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &all) == 0 &&
           posix_spawnattr_setpgroup(attributes, 0) == 0;
}

static bool process_set_files(posix_spawn_file_actions_t *files, int output)
{
    return posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_adddup2(files, output, 1) == 0 &&
           posix_spawn_file_actions_addopen(files, 2, "/dev/null", O_WRONLY, 0) == 0;
}

/* Starts the program with `output` as its standard output. Returns 0 or an errno. */
static int process_spawn(const struct aws_command_line *line, int output, pid_t *pid)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    int problem = posix_spawnattr_init(&attributes);
    if (problem)
        return problem;
    problem = posix_spawn_file_actions_init(&files);
    if (problem == 0) {
        problem = ENOMEM;
        if (process_set_attributes(&attributes) && process_set_files(&files, output))
            problem = posix_spawnp(pid, line->argv[0], &files, &attributes, line->argv, environ);
        posix_spawn_file_actions_destroy(&files);
    }
    posix_spawnattr_destroy(&attributes);
    return problem;
}

/* A shortage may pass; a missing program is final. */
static enum err_kind process_err_kind(int problem)
{
    bool passes = problem == EAGAIN || problem == ENOMEM || problem == EMFILE || problem == ENFILE;
    return passes ? ERR_TRANSIENT : ERR_CREDENTIALS;
}

static bool process_start(const struct aws_command_line *line, struct process *p, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_set(err, process_err_kind(errno), "",
                       "credential_process: cannot create a pipe: %s", strerror(errno));
    int problem = process_spawn(line, ends[1], &p->pid);
    close(ends[1]);
    if (problem) {
        close(ends[0]);
        return err_set(err, process_err_kind(problem), "", "credential_process: cannot run %s: %s",
                       line->argv[0], strerror(problem));
    }
    p->output = ends[0];
    p->exited = pidfd_open(p->pid, 0);
    if (p->exited < 0) {
        problem = errno;
        kill(-p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        close(p->output);
        return err_set(err, process_err_kind(problem), "",
                       "credential_process: cannot watch the program: %s", strerror(problem));
    }
    return true;
}

/* Reads what the program has printed. False if it is too much. */
static bool process_read_output(struct process *p, struct buf *to)
{
    char part[4096];
    ssize_t n = read(p->output, part, sizeof part);
    bool fits = n <= 0 || buf_add(to, part, (size_t)n);
    wipe(part, sizeof part);
    if (n == 0 || (n < 0 && errno != EINTR)) {
        close(p->output);
        p->output = -1;
    }
    return fits;
}

/* Reads until the program has ended and its output has been read. A child that it left behind may
 * keep the pipe open and is not waited for. */
static bool process_wait(struct process *p, const struct clock *clock, int timeout_ms,
                         struct buf *to, struct err *err)
{
    int64_t deadline = clock->mono_ms(clock) + timeout_ms;
    for (;;) {
        struct pollfd fds[2] = {{.fd = p->output, .events = POLLIN},
                                {.fd = p->exited, .events = POLLIN}};
        int64_t left = deadline - clock->mono_ms(clock);
        int n = left > 0 ? poll(fds, 2, (int)left) : 0;
        if (n == 0)
            return err_set(err, ERR_TRANSIENT, "",
                           "credential_process: the program did not end within %d ms", timeout_ms);
        if (n < 0 && errno != EINTR)
            return err_set(err, process_err_kind(errno), "",
                           "credential_process: cannot wait for the program: %s", strerror(errno));
        if (n > 0 && fds[0].revents) {
            if (!process_read_output(p, to))
                return err_set(err, ERR_CREDENTIALS, "",
                               "credential_process: the program printed more than 64 KiB");
        } else if (n > 0 && fds[1].revents) {
            return true;
        }
    }
}

/* Ends what is left of the program. Returns its exit status; -1 if a signal ended it. */
static int process_end(struct process *p)
{
    int status = -1;
    kill(-p->pid, SIGKILL);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(p->exited);
    if (p->output >= 0)
        close(p->output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool process_run(const struct link_params *params, const char *command, int timeout_ms,
                        struct buf *output, struct err *err)
{
    struct aws_command_line line;
    struct process p = {.exited = -1, .output = -1};
    struct err why = ERR_INIT;
    if (!aws_command_line_split(command, &line, &why))
        return err_set(err, ERR_CREDENTIALS, "",
                       "credential_process is not a valid command line: %s", why.message);
    bool ok = line.count > 0 || err_set(err, ERR_CREDENTIALS, "", "credential_process is empty");
    ok = ok && process_start(&line, &p, err);
    if (ok) {
        ok = process_wait(&p, params->clock, timeout_ms, output, err);
        int status = process_end(&p);
        if (ok && status != 0)
            ok = err_set(err, ERR_TRANSIENT, "",
                         status < 0 ? "credential_process: %s was killed by a signal"
                                    : "credential_process: %s ended with exit status %d",
                         line.argv[0], status);
    }
    aws_command_line_free(&line);
    return ok;
}

enum link_result link_process(const struct link_params *params, const char *command, int timeout_ms,
                              struct aws_creds **creds, struct err *err)
{
    struct buf output = buf_make_secret(OUTPUT_MAX);
    json_t *object = NULL;
    if (process_run(params, command, timeout_ms, &output, err))
        object = secret_parse_json(&output, "credential_process", err);
    if (object && jint(object, "Version", 0) != 1) {
        err_set(err, ERR_CREDENTIALS, "",
                "the output of the credential_process has no \"Version\": 1");
    } else if (object) {
        *creds = aws_creds_from_json(object, "SessionToken", false, "credential_process", err);
    }
    json_decref(object);
    buf_free(&output);
    return *creds ? LINK_FOUND : LINK_BROKEN;
}
