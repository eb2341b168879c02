/*
 * libmetaserve: puts a game server on a metaserve server list, and gives a game client the live list.
 *
 *   ms_options options = {0};                       ms_options options = {0};
 *   options.size = sizeof options;                  options.size = sizeof options;
 *   options.daemon = "list.example.org:4433";       options.daemon = "list.example.org:4433";
 *   options.game = "my-game";                       options.game = "my-game";
 *   options.port = 7777;                            ms_list_open(&options, &list);
 *   ms_server_open(&options, &server);              for (;;)                        (each frame)
 *   for (;;)                        (each frame)        if (ms_list_poll(list) == 1)
 *       ms_server_heartbeat(server, text, length);          while (ms_list_next(list, &entry) == 1) ...
 *   ms_server_close(server, 500);                   ms_list_close(list);
 *
 * Nothing calls back: a game polls, as often as it likes. One thread named `metaserve` per process
 * does the work; it begins with the first open and ends with the last close. Only ms_server_close
 * and ms_names_close wait, and no longer than they are told to. Opening reads files (certificates).
 * The names of daemons are looked up by further threads, at most four; one whose lookup has no answer
 * stays until the system gives up, also after the last close. None of these threads takes a signal.
 *
 * Handles (ms_server, ms_list, ms_names, ms_claim, ms_resolve, ms_watch, ms_offer): made by `_open`,
 * ended by `_close`. They are numbers in the shape of pointers, which the library never follows: NULL,
 * a handle that is closed, or one of another kind gives MS_E_ARGUMENT, or nothing where a call returns
 * nothing. Use a handle from one thread at a time; different handles may be used at the same time. A
 * call whose handle another thread is using gives MS_E_ARGUMENT and does nothing; only `_close` lets
 * that call return first, and closes then.
 *
 * Results: below 0 is an error (MS_E_...), and ms_error() has its sentence. Everything that fails
 * later, such as a daemon that does not answer, is a state (MS_WAITING, MS_ENDED), not an error.
 *
 * Text is UTF-8 and ends with NUL. What is passed in is copied. What is returned belongs to the
 * library, and nothing has to be freed. A pointer that a handle's call returns stays good until the
 * next call with the same handle.
 *
 * Structs: zero them, set `size` to sizeof; a field that is 0 or NULL means its default. A struct of
 * an older header is accepted, and a newer one if what it adds is 0; what this library does not know
 * of a newer struct that it fills in is set to 0.
 *
 * Fork: a child process of one that has open handles can use none of them, and can open none: each
 * call gives MS_E_SYSTEM. Fork before the first open, or after the last close, or exec; and not while
 * another thread opens or closes.
 *
 * https://github.com/metaserve/metaserve, docs/guide/c.md. License: MIT OR Apache-2.0.
 */
#ifndef METASERVE_H
#define METASERVE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the interface that this header describes. Functions and fields are added with a
 * greater version, and none is ever changed: a library fits if ms_abi_version() is not less. */
#define MS_ABI_VERSION 1

typedef struct ms_server ms_server;   /* a game server on the list */
typedef struct ms_list ms_list;       /* the live list of servers */
typedef struct ms_names ms_names;     /* a connection for names */
typedef struct ms_claim ms_claim;     /* a name that this program claims and holds */
typedef struct ms_resolve ms_resolve; /* a question who holds a name */
typedef struct ms_watch ms_watch;     /* all names with a prefix */
typedef struct ms_offer ms_offer;     /* a host's offer to start names */

/* Errors. */
enum {
    MS_E_ARGUMENT = -1, /* an argument cannot be used: NULL, not UTF-8, out of bounds, a closed handle */
    MS_E_TRUST = -2,    /* fingerprint, ca_file or identity_dir cannot be used */
    MS_E_SYSTEM = -3    /* no socket or thread, a forked child, too many handles, a fault of the library */
};

/* States. */
enum {
    MS_CONNECTING = 0, /* a connection is being made, or a question is not answered yet */
    MS_LIVE = 1,       /* connected: the server is heard, the list is followed, the claim is held */
    MS_WAITING = 2,    /* no connection; the library tries again by itself */
    MS_ENDED = 3       /* for good: trying again cannot help; close it */
};

/* Kinds of changes. */
enum { MS_ADDED = 1, MS_UPDATED = 2, MS_REMOVED = 3 };

/* Where the daemon is, whom to trust, and what is published or followed. */
typedef struct ms_options {
    uint32_t size;           /* sizeof(ms_options) */
    uint16_t port;           /* server: the port that players join by; required. Others: unused */
    uint16_t reserved;       /* 0 */
    const char *daemon;      /* HOST:PORT; of several daemons of one list, all, with commas between */
    const char *game;        /* the game's tag, 1 to 64 bytes. NULL: server "default"; list all games */
    const char *fingerprint; /* trust the certificate with this SHA-256 (64 digits); several with commas.
                                NULL: ca_file, or else the operating system's certificates */
    const char *ca_file;     /* trust what the certificates in this file (PEM or DER) have signed */
    const char *identity_dir;/* server: keeps its own certificate there, made at the first start, so that
                                a restart replaces its entry. NULL: none. Others: unused */
} ms_options;

/* A server in a list. */
typedef struct ms_entry {
    uint32_t size;           /* sizeof(ms_entry) */
    uint32_t heartbeat_len;  /* in bytes */
    uint64_t id;             /* this list's number for the server, while it is listed: from 1, never used again */
    const uint8_t *heartbeat;/* what the server says of itself; no NUL at its end */
    const char *game;        /* its game's tag */
    const char *address;     /* to join by, such as 192.0.2.1:7777 or [2001:db8::1]:7777; IPv4 if it has both */
    const char *second_address; /* its IPv6 address if it has both; else NULL */
    const char *identity;    /* the fingerprint of its certificate (64 digits); NULL if it has none */
} ms_entry;

/* The version of the interface that the library has. Never fails. */
uint32_t ms_abi_version(void);

/* The sentence for this thread's last result below 0, of at most 1,023 bytes; "" before the first.
 * Never NULL. The pointer is good as long as the thread, and the next call that fails changes the
 * sentence. */
const char *ms_error(void);

/* Servers ------------------------------------------------------------------------------------- */

/* Begins to connect, and returns 0 and a handle. The server is listed with its first heartbeat. */
int ms_server_open(const ms_options *options, ms_server **server);

/* Publishes these bytes (any; ServerInfo as JSON by convention), and returns the state (MS_LIVE...).
 * Copies them. Call it each frame if you like: equal bytes cost a comparison, and of several within
 * the daemon's interval (1 s by default) the newest is sent. At most 1 MiB; a daemon accepts 8 KiB by
 * default, and answers longer ones with a notice (see ms_server_state). */
int ms_server_heartbeat(ms_server *server, const void *bytes, size_t length);

/* Returns the state. If `text` is not NULL, *text is the problem (MS_WAITING, MS_ENDED), or the
 * daemon's last notice over this connection, such as why the server is not listed yet; "" if there is
 * none. A notice stays until the next one: the daemon does not say when its reason is over. */
int ms_server_state(ms_server *server, const char **text);

/* Says goodbye: the server leaves the list at once. Waits until the daemon has heard it, at most
 * wait_ms milliseconds (at most 60,000). With 0 it does not wait: if the goodbye is lost, the server
 * leaves the list after 15 s. NULL and closed handles: nothing. */
void ms_server_close(ms_server *server, uint32_t wait_ms);

/* Lists --------------------------------------------------------------------------------------- */

/* Begins to connect, and returns 0 and a handle. */
int ms_list_open(const ms_options *options, ms_list **list);

/* Returns 1 if there is a newer list, which all calls below are about from now on, else 0. It never
 * waits. Through losses of the connection the last list stays as it is. */
int ms_list_poll(ms_list *list);

/* How many servers there are. */
int ms_list_count(ms_list *list);

/* Lets ms_list_next begin again. A poll that returns 1 does so, too. */
void ms_list_rewind(ms_list *list);

/* Fills in the next server, those listed longest first, and returns 1; 0 at the end. */
int ms_list_next(ms_list *list, ms_entry *entry);

/* Fills in the next server that has changed from the list before to this one, and returns MS_ADDED,
 * MS_UPDATED (as it is now) or MS_REMOVED (as it was); 0 at the end. Each change is told once: removed
 * ones first, then updated, then added ones. Read them to the end before you poll again. */
int ms_list_next_change(ms_list *list, ms_entry *entry);

/* Returns the state; the end shows after the poll that meets it. If `text` is not NULL, *text is the
 * problem, or "". */
int ms_list_state(ms_list *list, const char **text);

/* NULL and closed handles: nothing. */
void ms_list_close(ms_list *list);

/* Names (docs/guide/names.md): who owns a name now, start it if nobody does ---------------------- */

/* What a request about a name says. */
typedef struct ms_request {
    uint32_t size;        /* sizeof(ms_request) */
    uint32_t within_ms;   /* claim, resolve: how long the answer may take. 0: 30,000. More than 300,000 count as that */
    const char *key;      /* the key, 1 to 255 bytes; watch, offer: the prefix, "" for all keys */
    const void *value;    /* claim: what all can see, such as an address. Resolve with `start`: for the host */
    size_t value_len;     /* at most 8 KiB */
    const void *ticket;   /* a ticket, if the daemon asks for one; at most 4 KiB */
    size_t ticket_len;
    uint32_t start;       /* resolve: 1 has the key started if nobody holds it */
    uint32_t slots;       /* offer: how many keys this host can start; required */
} ms_request;

/* Who holds a key. */
typedef struct ms_holder {
    uint32_t size;        /* sizeof(ms_holder) */
    uint32_t value_len;   /* in bytes */
    uint64_t epoch;       /* of its claim: greater than that of every earlier claim of the key */
    const uint8_t *value; /* what the holder says of itself; no NUL at its end */
    const char *key;
    const char *address;  /* resolve: where the holder is connected from; else NULL */
} ms_holder;

/* An order to start a key. */
typedef struct ms_order {
    uint32_t size;          /* sizeof(ms_order) */
    uint32_t payload_len;   /* in bytes */
    uint64_t id;            /* for ms_offer_claim and ms_offer_refuse */
    const uint8_t *payload; /* of whoever wants the key started; no NUL at its end */
    const char *key;
    uint32_t left_ms;       /* how long the daemon waits for the claim from now on */
    uint32_t reserved;      /* 0 */
} ms_order;

/* Begins to connect, and returns 0 and a handle. game, port and identity_dir are unused. */
int ms_names_open(const ms_options *options, ms_names **names);

/* Returns the state. If `text` is not NULL, *text is the problem, or "". */
int ms_names_state(ms_names *names, const char **text);

/* Ends all requests and releases all claims. Waits until the daemon has heard it, at most wait_ms
 * milliseconds (at most 3,000); otherwise the daemon frees the claims after 5 s. What was opened with this handle is
 * MS_ENDED then, and is still to be closed. NULL and closed handles: nothing. */
void ms_names_close(ms_names *names, uint32_t wait_ms);

/* Claims a key, and returns 0 and a handle. Poll it for the answer. */
int ms_claim_open(ms_names *names, const ms_request *request, ms_claim **claim);

/* Returns MS_CONNECTING until there is an answer, MS_LIVE while the key is held, MS_WAITING while
 * the connection is lost and the claim may be too, and MS_ENDED when it was not granted or is lost.
 * If `holder` is not NULL it is filled in: while held with this claim, after MS_ENDED with the one
 * that holds the key if that is known, else with its key and zeros. A claim alone is no lock: write its epoch
 * wherever you write on its behalf, and let the store refuse a smaller one. */
int ms_claim_poll(ms_claim *claim, ms_holder *holder);

/* The reason for MS_ENDED, or "". Returns the state as ms_claim_poll does. */
int ms_claim_state(ms_claim *claim, const char **text);

/* Changes the value that all can see: at most 8 KiB. Returns the state. */
int ms_claim_update(ms_claim *claim, const void *value, size_t length);

/* Releases the key. NULL and closed handles: nothing. */
void ms_claim_close(ms_claim *claim);

/* Asks who holds a key, and returns 0 and a handle. Poll it for the answer. */
int ms_resolve_open(ms_names *names, const ms_request *request, ms_resolve **resolve);

/* Returns MS_CONNECTING until there is an answer; MS_LIVE if somebody holds the key, with `holder`
 * filled in; MS_ENDED if nobody does, or the question has failed: ms_resolve_state says why. */
int ms_resolve_poll(ms_resolve *resolve, ms_holder *holder);

/* The reason for MS_ENDED, "" if the answer is just that nobody holds the key. Returns the state. */
int ms_resolve_state(ms_resolve *resolve, const char **text);

/* NULL and closed handles: nothing. */
void ms_resolve_close(ms_resolve *resolve);

/* Follows all keys with a prefix, and returns 0 and a handle. The calls are those of a list. */
int ms_watch_open(ms_names *names, const ms_request *request, ms_watch **watch);
int ms_watch_poll(ms_watch *watch);
int ms_watch_count(ms_watch *watch);
void ms_watch_rewind(ms_watch *watch);
int ms_watch_next(ms_watch *watch, ms_holder *holder); /* in the order of keys */
int ms_watch_next_change(ms_watch *watch, ms_holder *holder);
int ms_watch_state(ms_watch *watch, const char **text);
void ms_watch_close(ms_watch *watch);

/* Offers to start keys with a prefix, and returns 0 and a handle. */
int ms_offer_open(ms_names *names, const ms_request *request, ms_offer **offer);

/* Fills in the next order and returns 1, or 0 if there is none. Start what is to be found under the
 * key first, then claim it with ms_offer_claim, or refuse it. At most 256 orders are open. One that is
 * not answered within its left_ms is refused with the next poll, and is not open any more. */
int ms_offer_poll(ms_offer *offer, ms_order *order);

/* Claims the key of this order; key, start and slots of the request are unused. */
int ms_offer_claim(ms_offer *offer, uint64_t order, const ms_request *request, ms_claim **claim);

/* Does not start it, for this reason (one sentence; 80 bytes are shown; may be NULL). */
int ms_offer_refuse(ms_offer *offer, uint64_t order, const char *why);

/* Wants no further orders; claimed keys stay claimed. */
int ms_offer_drain(ms_offer *offer);

/* Returns the state. If `text` is not NULL, *text is the problem, or "". */
int ms_offer_state(ms_offer *offer, const char **text);

/* Withdraws the offer and refuses open orders; claimed keys stay claimed. NULL: nothing. */
void ms_offer_close(ms_offer *offer);

#ifdef __cplusplus
}
#endif

#endif
