/* The program's entry; all else is in the commands. */
#include "daemon/command.h"

int main(int argc, char **argv)
{
    return command_main(argc, argv);
}
