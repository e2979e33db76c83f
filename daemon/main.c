/* The entry of the program: prepares the process and calls the command. */
#include <fcntl.h>
#include <unistd.h>

#include "daemon/command/command.h"
#include "lib/base/memory.h"

/* Opens standard descriptors that are closed. Otherwise the first files that are opened would get
 * their numbers, and output for standard error would be written to these. */
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
