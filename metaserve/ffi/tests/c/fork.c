/* A child can use nothing of its parent's; the parent goes on; after the last close a child can. */
#define _POSIX_C_SOURCE 200809L
#include <metaserve.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(it) do { if (!(it)) { printf("line %d: %s\n", __LINE__, ms_error()); fflush(stdout); _exit(1); } } while (0)

static ms_options options;

static int child_is_refused(ms_list *list, ms_server *server) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        ms_list *other = NULL;
        ms_entry entry = {0};
        entry.size = sizeof entry;
        CHECK(ms_list_open(&options, &other) == MS_E_SYSTEM && other == NULL);
        CHECK(strstr(ms_error(), "forked"));
        CHECK(ms_list_poll(list) == MS_E_SYSTEM);
        CHECK(ms_list_next(list, &entry) == MS_E_SYSTEM);
        CHECK(ms_server_heartbeat(server, "child", 5) == MS_E_SYSTEM);
        ms_list_rewind(list);
        ms_list_close(list);
        ms_server_close(server, 60000);
        CHECK(ms_list_poll(list) == MS_E_SYSTEM);
        _exit(0);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void wait_for(ms_list *list, int servers) {
    struct timespec moment = {0, 2000000};
    int tries;
    for (tries = 0; tries < 30000; tries++) {
        ms_list_poll(list);
        if (ms_list_count(list) == servers) return;
        nanosleep(&moment, NULL);
    }
    CHECK(!"the list is as expected");
}

int main(int argc, char **argv) {
    ms_list *list;
    ms_server *server;
    int status;
    pid_t child;
    if (argc != 3) return 2;
    options.size = sizeof options;
    options.daemon = argv[1];
    options.fingerprint = argv[2];
    options.game = "ffi";
    options.port = 7777;
    CHECK(ms_list_open(&options, &list) == 0 && ms_server_open(&options, &server) == 0);
    CHECK(child_is_refused(list, server));
    CHECK(ms_server_heartbeat(server, "parent", 6) >= 0);
    wait_for(list, 1);
    CHECK(child_is_refused(list, server));
    ms_server_close(server, 10000);
    wait_for(list, 0);
    ms_list_close(list);
    /* Nothing is open: a child is a process like any other. */
    child = fork();
    if (child == 0) {
        CHECK(ms_list_open(&options, &list) == 0 && ms_server_open(&options, &server) == 0);
        CHECK(ms_server_heartbeat(server, "child", 5) >= 0);
        wait_for(list, 1);
        ms_server_close(server, 10000);
        ms_list_close(list);
        _exit(0);
    }
    return !(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
