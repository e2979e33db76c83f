/* The program's entry; all else is in the commands. */
#include <fcntl.h>
#include <unistd.h>

#include "daemon/command/command.h"
#include "lib/base/memory.h"

/* Standard descriptors that are closed would be given to the first files that are opened, and what
 * is meant for standard error would be written to those. */
static bool open_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    memory_install_hooks();
    return open_standard_files() ? command_main(argc, argv) : EXIT_WORK_FAILED;
}
