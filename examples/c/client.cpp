// Prints the list each time it changes, in C++11: ./client-cpp HOST:PORT FINGERPRINT. Ctrl-C ends it.
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <metaserve.h>
#include <string>
#include <thread>

static volatile std::sig_atomic_t stopped;
struct Close { void operator()(ms_list *list) const { ms_list_close(list); } };

int main(int argc, char **argv) {
    if (argc != 3) return std::cerr << "usage: client-cpp HOST:PORT FINGERPRINT\n", 2;
    ms_options options{};
    options.size = sizeof options, options.game = "example";
    options.daemon = argv[1], options.fingerprint = argv[2];
    ms_list *opened;
    if (ms_list_open(&options, &opened) < 0) return std::cerr << ms_error() << '\n', 1;
    std::unique_ptr<ms_list, Close> list(opened);
    for (int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int which) { stopped = which; });
    ms_entry entry{};
    entry.size = sizeof entry;
    for (; !stopped; std::this_thread::sleep_for(std::chrono::milliseconds(50))) {
        const char *why;
        if (ms_list_state(list.get(), &why) == MS_ENDED) return std::cerr << why << '\n', 1;
        if (ms_list_poll(list.get()) != 1) continue;
        std::cout << "= servers: " << ms_list_count(list.get()) << '\n';
        while (ms_list_next(list.get(), &entry) == 1)
            std::cout << entry.address << ' '
                      << std::string(entry.heartbeat, entry.heartbeat + entry.heartbeat_len) << '\n';
        std::cout.flush();
    }
}
