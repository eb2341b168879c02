/* All calls for names, one after the other, and the last close without waiting. */
#define _POSIX_C_SOURCE 200809L
#include <metaserve.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CHECK(it) do { if (!(it)) return printf("line %d: %s\n", __LINE__, ms_error()), 1; } while (0)
#define WITHIN(it) do { int tries = 0; while (!(it)) { CHECK(tries++ < 60000); nanosleep(&moment, NULL); } } while (0)

static const struct timespec moment = {0, 2000000};

int main(int argc, char **argv) {
    ms_options options = {0};
    ms_request request = {0};
    ms_holder holder = {0};
    ms_order order = {0};
    ms_names *host, *asker;
    ms_claim *claim, *started;
    ms_resolve *resolve;
    ms_watch *watch;
    ms_offer *offer;
    const char *text;
    int state, left;
    if (argc != 3) return 2;
    options.size = sizeof options;
    options.daemon = argv[1];
    options.fingerprint = argv[2];
    request.size = sizeof request;
    holder.size = sizeof holder;
    order.size = sizeof order;
    CHECK(ms_names_open(&options, &host) == 0 && ms_names_open(&options, &asker) == 0);
    request.key = "walk/";
    request.slots = 4;
    CHECK(ms_watch_open(asker, &request, &watch) == 0);
    CHECK(ms_offer_open(host, &request, &offer) == 0);
    request.key = "walk/claimed";
    request.value = "here";
    request.value_len = 4;
    CHECK(ms_claim_open(host, &request, &claim) == 0);
    WITHIN(ms_claim_poll(claim, &holder) == MS_LIVE);
    CHECK(holder.epoch > 0 && holder.value_len == 4 && !memcmp(holder.value, "here", 4));
    CHECK(ms_claim_state(claim, &text) == MS_LIVE && !*text);
    /* What a connection brings may be seen a moment before its state. */
    WITHIN(ms_names_state(host, &text) == MS_LIVE && !*text);
    CHECK(ms_claim_update(claim, "there", 5) == MS_LIVE);
    WITHIN(ms_watch_poll(watch) == 1 && ms_watch_count(watch) == 1);
    for (state = 0; (left = ms_watch_next_change(watch, &holder)) > 0; state = left)
        CHECK(!strcmp(holder.key, "walk/claimed"));
    CHECK(state == MS_ADDED || state == MS_UPDATED);
    ms_watch_rewind(watch);
    CHECK(ms_watch_next(watch, &holder) == 1 && ms_watch_next(watch, &holder) == 0);
    WITHIN(ms_watch_state(watch, &text) == MS_LIVE);
    /* An order that is claimed. The offer may still be on its way: then there is an answer at once. */
    request.key = "walk/started";
    request.start = 1;
    do {
        CHECK(ms_resolve_open(asker, &request, &resolve) == 0);
        WITHIN((left = ms_offer_poll(offer, &order)) == 1 || ms_resolve_poll(resolve, NULL) != MS_CONNECTING);
        if (left != 1) ms_resolve_close(resolve);
    } while (left != 1);
    CHECK(!strcmp(order.key, "walk/started") && order.payload_len == 4);
    CHECK(ms_offer_claim(offer, order.id, &request, &started) == 0);
    WITHIN(ms_resolve_poll(resolve, &holder) == MS_LIVE);
    CHECK(holder.value_len == 4 && holder.address);
    CHECK(ms_resolve_state(resolve, &text) == MS_LIVE);
    ms_resolve_close(resolve);
    /* One that is refused. */
    request.key = "walk/refused";
    CHECK(ms_resolve_open(asker, &request, &resolve) == 0);
    WITHIN(ms_offer_poll(offer, &order) == 1);
    CHECK(ms_offer_refuse(offer, order.id, "no room") == 0);
    WITHIN(ms_resolve_poll(resolve, &holder) == MS_ENDED);
    CHECK(ms_resolve_state(resolve, &text) == MS_ENDED && strstr(text, "no room"));
    ms_resolve_close(resolve);
    CHECK(ms_offer_drain(offer) == 0);
    WITHIN(ms_offer_poll(offer, &order) == 0 && ms_offer_state(offer, &text) == MS_ENDED);
    ms_offer_close(offer);
    ms_claim_close(claim);
    /* What is left open when its connection ends has ended, and is still to be closed. */
    ms_names_close(host, 60000);
    CHECK(ms_claim_poll(started, &holder) == MS_ENDED);
    ms_claim_close(started);
    ms_names_close(asker, 60000);
    CHECK(ms_watch_state(watch, &text) == MS_ENDED && *text);
    ms_watch_close(watch);
    return 0;
}
