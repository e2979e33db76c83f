/* measure: runs a command and writes what it cost as one line of JSON.
 *
 *     measure FILE COMMAND [ARGUMENT...]
 *
 * A process of its own, because the peak of a child's memory counts what its parent held when it
 * was forked: a Python that has made a large event would be measured instead. The line goes to FILE
 * when the command has ended; the command's process id goes there first, so that it can be watched
 * and stopped. The exit status is the command's. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits for the child and writes its costs. Returns its exit status, 128 + N for a signal. */
static int account_for(pid_t child, double began, FILE *to)
{
    struct rusage used;
    int status;
    if (wait4(child, &status, 0, &used) != child) {
        perror("measure: wait4");
        return 127;
    }
    double wall = now() - began;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    fprintf(to,
            "{\"status\": %d, \"began\": %.6f, \"wall_s\": %.6f, \"user_s\": %.6f, \"system_s\": "
            "%.6f, \"peak_kib\": %ld}\n",
            code, began, wall, seconds(&used.ru_utime), seconds(&used.ru_stime), used.ru_maxrss);
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: measure FILE COMMAND [ARGUMENT...]\n");
        return 2;
    }
    FILE *to = fopen(argv[1], "we");
    if (!to) {
        perror(argv[1]);
        return 127;
    }
    double began = now();
    pid_t child = fork();
    if (child < 0) {
        perror("measure: fork");
        fclose(to);
        return 127;
    }
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    fprintf(to, "{\"pid\": %ld}\n", (long)child);
    fflush(to);
    int code = account_for(child, began, to);
    return fclose(to) == 0 ? code : 127;
}
