/* crowd N: so many idle children, and nothing else. They share every page, so that 20,000 fit into a small machine. */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int count, char **words) {
    for (int left = count > 1 ? atoi(words[1]) : 0; left > 1; left--)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
    for (;;)
        pause();
}
