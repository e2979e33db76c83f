/* Exit statuses of the program. */
#ifndef HGAUTOD_DAEMON_EXIT_STATUS_H
#define HGAUTOD_DAEMON_EXIT_STATUS_H

enum exit_status {
    EXIT_DONE = 0,
    EXIT_WORK_FAILED = 1,
    /* Wrong usage or configuration: trying again will not help. */
    EXIT_USAGE = 2,
};

#endif
