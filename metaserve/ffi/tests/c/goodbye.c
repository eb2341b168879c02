/* A server that is the only thing open: at the end of its input it is closed, without waiting. */
#include <metaserve.h>
#include <stdio.h>

int main(int argc, char **argv) {
    ms_options options = {0};
    ms_server *server;
    if (argc != 3) return 2;
    options.size = sizeof options;
    options.daemon = argv[1];
    options.fingerprint = argv[2];
    options.game = "ffi";
    options.port = 7777;
    if (ms_server_open(&options, &server)) return printf("%s\n", ms_error()), 1;
    ms_server_heartbeat(server, "here", 4);
    while (getchar() != EOF) continue;
    ms_server_close(server, 0);
    return 0;
}
