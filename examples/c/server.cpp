// A game server on the list, in C++11: ./server-cpp HOST:PORT FINGERPRINT. Ctrl-C takes it off.
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <metaserve.h>
#include <string>
#include <thread>

static volatile std::sig_atomic_t stopped;
struct Close { void operator()(ms_server *server) const { ms_server_close(server, 500); } };

int main(int argc, char **argv) {
    if (argc != 3) return std::cerr << "usage: server-cpp HOST:PORT FINGERPRINT\n", 2;
    ms_options options{};
    options.size = sizeof options, options.game = "example", options.port = 7779;
    options.daemon = argv[1], options.fingerprint = argv[2];
    ms_server *opened;
    if (ms_server_open(&options, &opened) < 0) return std::cerr << ms_error() << '\n', 1;
    std::unique_ptr<ms_server, Close> server(opened);
    for (int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int which) { stopped = which; });
    for (int players = 0; !stopped; players = (players + 1) % 8) {
        std::string info = "{\"name\":\"C++\",\"players\":" + std::to_string(players) + "}";
        if (ms_server_heartbeat(server.get(), info.data(), info.size()) == MS_ENDED) break;
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
    const char *why;
    if (ms_server_state(server.get(), &why) == MS_ENDED) return std::cerr << why << '\n', 1;
}
