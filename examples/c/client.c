/* Prints the list of servers, and then each change: ./client HOST:PORT FINGERPRINT. Ctrl-C ends it. */
#include <metaserve.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

static volatile sig_atomic_t stopped;
static void stop(int signal) { stopped = signal; }

int main(int argc, char **argv) {
    ms_options options = {.size = sizeof options, .game = "example"};
    ms_entry entry = {.size = sizeof entry};
    ms_list *list;
    if (argc != 3) return fprintf(stderr, "usage: client HOST:PORT FINGERPRINT\n"), 2;
    options.daemon = argv[1], options.fingerprint = argv[2];
    if (ms_list_open(&options, &list) < 0) return fprintf(stderr, "%s\n", ms_error()), 1;
    signal(SIGINT, stop), signal(SIGTERM, stop);
    while (!stopped && ms_list_state(list, NULL) != MS_ENDED) {
        if (ms_list_poll(list) == 1) {
            for (int kind; (kind = ms_list_next_change(list, &entry)) > 0;)
                printf("%c %s %.*s\n", " +~-"[kind], entry.address, (int)entry.heartbeat_len,
                       (const char *)entry.heartbeat);
            printf("= servers: %d\n", ms_list_count(list));
            fflush(stdout);
        }
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    const char *why;
    int ended = ms_list_state(list, &why) == MS_ENDED;
    if (ended) fprintf(stderr, "%s\n", why);
    ms_list_close(list);
    return ended;
}
