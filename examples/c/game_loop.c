/* A game that is on the list and shows the list, in one loop of 60 frames a second:
 * ./game_loop HOST:PORT FINGERPRINT. Ctrl-C ends it; then it prints its longest frame. */
#include <metaserve.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

static volatile sig_atomic_t stopped;
static void stop(int signal) { stopped = signal; }

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* What the menu shows: a row for each server, by its id. */
static void draw(ms_list *list) {
    ms_entry entry = {.size = sizeof entry};
    int kind;
    while ((kind = ms_list_next_change(list, &entry)) > 0) {
        const char *does = kind == MS_ADDED ? "add" : kind == MS_UPDATED ? "redraw" : "remove";
        printf("%s row %llu: %s\n", does, (unsigned long long)entry.id, entry.address);
    }
    fflush(stdout);
}

int main(int argc, char **argv) {
    ms_options options = {.size = sizeof options, .game = "example", .port = 7778};
    ms_server *server;
    ms_list *list;
    const char *why;
    double longest = 0;
    long frame = 0;
    if (argc != 3) return fprintf(stderr, "usage: game_loop HOST:PORT FINGERPRINT\n"), 2;
    options.daemon = argv[1], options.fingerprint = argv[2];
    if (ms_server_open(&options, &server) < 0 || ms_list_open(&options, &list) < 0)
        return fprintf(stderr, "%s\n", ms_error()), 1;
    signal(SIGINT, stop), signal(SIGTERM, stop);
    while (!stopped && ms_list_state(list, NULL) != MS_ENDED) {
        double begin = now(), took;
        char info[200];
        int length = snprintf(info, sizeof info, "{\"name\":\"Loop\",\"players\":%ld}", frame++ / 120 % 8);
        if (length < 0 || length >= (int)sizeof info) return fprintf(stderr, "the heartbeat is too long\n"), 1;
        if (ms_server_heartbeat(server, info, (size_t)length) == MS_ENDED) break; /* equal ones cost nothing */
        if (ms_list_poll(list) == 1) draw(list);
        took = now() - begin;
        if (took > longest) longest = took;
        nanosleep(&(struct timespec){.tv_nsec = 16666667}, NULL); /* the game itself */
    }
    int ended = ms_server_state(server, &why) == MS_ENDED || ms_list_state(list, &why) == MS_ENDED;
    if (ended) fprintf(stderr, "%s\n", why);
    ms_list_close(list);
    ms_server_close(server, 500);
    fprintf(stderr, "the longest frame took %.3f ms\n", longest * 1000);
    return ended;
}
