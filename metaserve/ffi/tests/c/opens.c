/* Opens and closes a server and a list 1,000 times: no thread and no descriptor is left. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <metaserve.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int count(const char *path) {
    DIR *directory = opendir(path);
    int entries = 0;
    while (readdir(directory)) entries++;
    closedir(directory);
    return entries;
}

/* How many threads have this name. */
static int threads(const char *wanted) {
    DIR *directory = opendir("/proc/self/task");
    struct dirent *entry;
    int found = 0;
    while ((entry = readdir(directory))) {
        char path[300], name[64] = "";
        FILE *file;
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        if (!(file = fopen(path, "r"))) continue;
        if (fgets(name, sizeof name, file)) name[strcspn(name, "\n")] = 0;
        fclose(file);
        found += strcmp(name, wanted) == 0;
    }
    closedir(directory);
    return found;
}

/* A thread has its name a moment after its start, and is gone a moment after its end. */
static int within_a_minute(int count(const char *), const char *of, int wanted) {
    struct timespec moment = {0, 2000000};
    int tries;
    for (tries = 0; tries < 30000; tries++) {
        if (count(of) == wanted) return 1;
        nanosleep(&moment, NULL);
    }
    return 0;
}

int main(int argc, char **argv) {
    ms_options options = {0};
    int round, tasks = 0, files = 0;
    if (argc != 3) return 2;
    options.size = sizeof options;
    options.daemon = argv[1];
    options.fingerprint = argv[2];
    options.game = "ffi";
    options.port = 7777;
    for (round = 0; round < 1000; round++) {
        ms_server *server;
        ms_list *list;
        if (ms_server_open(&options, &server) || ms_list_open(&options, &list))
            return printf("%s\n", ms_error()), 1;
        ms_server_heartbeat(server, "x", 1);
        if (round == 500 && !within_a_minute(threads, "metaserve", 1))
            return printf("%d threads\n", threads("metaserve")), 1;
        ms_list_poll(list);
        ms_list_close(list);
        ms_server_close(server, 0);
        if (round == 0) { /* What is opened once for the process is there now. */
            if (!within_a_minute(threads, "metaserve", 0)) return printf("a thread stays\n"), 1;
            tasks = count("/proc/self/task");
            files = count("/proc/self/fd");
        }
    }
    if (!within_a_minute(count, "/proc/self/task", tasks) || count("/proc/self/fd") != files)
        return printf("tasks %d %d, files %d %d\n", tasks, count("/proc/self/task"), files,
                      count("/proc/self/fd")), 1;
    return 0;
}
