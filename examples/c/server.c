/* A game server on the list: server DAEMON FINGERPRINT. It stays there until it is interrupted. */
#include <metaserve.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

static volatile sig_atomic_t stopped;
static void stop(int signal) { (void)signal; stopped = 1; }

int main(int argc, char **argv) {
    ms_options options = {.size = sizeof options, .game = "example", .port = 7777};
    ms_server *server;
    int players = 0;
    if (argc != 3) return fprintf(stderr, "usage: server HOST:PORT FINGERPRINT\n"), 2;
    options.daemon = argv[1];
    options.fingerprint = argv[2];
    if (ms_server_open(&options, &server) < 0) return fprintf(stderr, "%s\n", ms_error()), 1;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    while (!stopped && ms_server_state(server, NULL) != MS_ENDED) {
        struct timespec second = {1, 0};
        char says[80];
        int length = snprintf(says, sizeof says, "{\"name\":\"C\",\"players\":%d}", players++ % 8);
        ms_server_heartbeat(server, says, (size_t)length);
        nanosleep(&second, NULL);
    }
    ms_server_close(server, 500);
    return 0;
}
