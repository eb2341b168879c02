/* A game server on the list: ./server HOST:PORT FINGERPRINT. Ctrl-C takes it off. */
#include <metaserve.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;
static void stop(int signal) { stopped = signal; }

int main(int argc, char **argv) {
    ms_options options = {.size = sizeof options, .game = "example", .port = 7777};
    ms_server *server;
    if (argc != 3) return fprintf(stderr, "usage: server HOST:PORT FINGERPRINT\n"), 2;
    options.daemon = argv[1], options.fingerprint = argv[2];
    if (ms_server_open(&options, &server) < 0) return fprintf(stderr, "%s\n", ms_error()), 1;
    signal(SIGINT, stop), signal(SIGTERM, stop);
    for (int players = 0; !stopped; players = (players + 1) % 8) {
        char info[200];
        int length = snprintf(info, sizeof info, "{\"name\":\"C\",\"players\":%d}", players);
        if (length < 0 || length >= (int)sizeof info) return fprintf(stderr, "the heartbeat is too long\n"), 1;
        if (ms_server_heartbeat(server, info, (size_t)length) == MS_ENDED) break;
        sleep(1);
    }
    const char *why;
    int ended = ms_server_state(server, &why) == MS_ENDED;
    if (ended) fprintf(stderr, "%s\n", why);
    ms_server_close(server, 500);
    return ended;
}
