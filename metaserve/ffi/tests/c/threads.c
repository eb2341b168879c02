/* Four threads poll, walk, close and open one handle after the other, against the rules. */
#include <metaserve.h>
#include <pthread.h>
#include <stdio.h>

static ms_options options;
static ms_list *volatile shared;

static void *use(void *number) {
    int round;
    for (round = 0; round < 2000; round++) {
        ms_list *list = shared;
        ms_entry entry = {0};
        int result;
        entry.size = sizeof entry;
        result = ms_list_poll(list);
        if (result != 0 && result != 1 && result != MS_E_ARGUMENT) return number;
        ms_list_next(list, &entry); /* What it points to may be gone: another thread polls. */
        ms_list_state(list, NULL);
        if (round % 100 == 99) {
            ms_list *newer;
            ms_list_close(list);
            if (ms_list_open(&options, &newer)) return number;
            shared = newer;
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[4];
    ms_list *list;
    int at, failed = 0;
    if (argc != 3) return 2;
    options.size = sizeof options;
    options.daemon = argv[1];
    options.fingerprint = argv[2];
    if (ms_list_open(&options, &list)) return printf("%s\n", ms_error()), 1;
    shared = list;
    for (at = 0; at < 4; at++) pthread_create(&threads[at], NULL, use, &options);
    for (at = 0; at < 4; at++) {
        void *result;
        pthread_join(threads[at], &result);
        failed |= result != NULL;
    }
    if (failed) printf("%s\n", ms_error());
    return failed;
}
