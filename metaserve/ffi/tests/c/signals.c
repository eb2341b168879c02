/* A signal that a game waits for is not taken by a thread of the library that was there before. */
#define _POSIX_C_SOURCE 200809L
#include <metaserve.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    ms_options options = {0};
    ms_list *list;
    sigset_t wanted, now;
    char daemon[64];
    int tries, got = 0;
    struct timespec moment = {0, 2000000};
    if (argc != 3) return 2;
    /* By its name, which another thread looks up. */
    snprintf(daemon, sizeof daemon, "localhost:%s", strrchr(argv[1], ':') + 1);
    options.size = sizeof options;
    options.daemon = daemon;
    options.fingerprint = argv[2];
    if (ms_list_open(&options, &list)) return printf("%s\n", ms_error()), 1;
    for (tries = 0; ms_list_poll(list) != 1; tries++) {
        if (tries == 30000) return printf("no list\n"), 1;
        nanosleep(&moment, NULL);
    }
    sigemptyset(&wanted);
    if (pthread_sigmask(SIG_SETMASK, NULL, &now) || sigismember(&now, SIGTERM))
        return printf("the mask of the game has changed\n"), 1;
    sigaddset(&wanted, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &wanted, NULL);
    /* Where another thread accepts it, this ends the process. */
    kill(getpid(), SIGTERM);
    if (sigwait(&wanted, &got) || got != SIGTERM) return printf("another signal\n"), 1;
    ms_list_close(list);
    return 0;
}
