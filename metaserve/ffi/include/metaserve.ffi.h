enum { MS_ABI_VERSION = 1 };
typedef struct ms_server ms_server;
typedef struct ms_list ms_list;
typedef struct ms_names ms_names;
typedef struct ms_claim ms_claim;
typedef struct ms_resolve ms_resolve;
typedef struct ms_watch ms_watch;
typedef struct ms_offer ms_offer;
enum {
    MS_E_ARGUMENT = -1,
    MS_E_TRUST = -2,
    MS_E_SYSTEM = -3
};
enum {
    MS_CONNECTING = 0,
    MS_LIVE = 1,
    MS_WAITING = 2,
    MS_ENDED = 3
};
enum { MS_ADDED = 1, MS_UPDATED = 2, MS_REMOVED = 3 };
typedef struct ms_options {
    uint32_t size;
    uint16_t port;
    uint16_t reserved;
    const char *daemon;
    const char *game;
    const char *fingerprint;
    const char *ca_file;
    const char *identity_dir;
} ms_options;
typedef struct ms_entry {
    uint32_t size;
    uint32_t heartbeat_len;
    uint64_t id;
    const uint8_t *heartbeat;
    const char *game;
    const char *address;
    const char *second_address;
    const char *identity;
} ms_entry;
uint32_t ms_abi_version(void);
const char *ms_error(void);
int ms_server_open(const ms_options *options, ms_server **server);
int ms_server_heartbeat(ms_server *server, const void *bytes, size_t length);
int ms_server_state(ms_server *server, const char **text);
void ms_server_close(ms_server *server, uint32_t wait_ms);
int ms_list_open(const ms_options *options, ms_list **list);
int ms_list_poll(ms_list *list);
int ms_list_count(ms_list *list);
void ms_list_rewind(ms_list *list);
int ms_list_next(ms_list *list, ms_entry *entry);
int ms_list_next_change(ms_list *list, ms_entry *entry);
int ms_list_state(ms_list *list, const char **text);
void ms_list_close(ms_list *list);
typedef struct ms_request {
    uint32_t size;
    uint32_t within_ms;
    const char *key;
    const void *value;
    size_t value_len;
    const void *ticket;
    size_t ticket_len;
    uint32_t start;
    uint32_t slots;
} ms_request;
typedef struct ms_holder {
    uint32_t size;
    uint32_t value_len;
    uint64_t epoch;
    const uint8_t *value;
    const char *key;
    const char *address;
} ms_holder;
typedef struct ms_order {
    uint32_t size;
    uint32_t payload_len;
    uint64_t id;
    const uint8_t *payload;
    const char *key;
    uint32_t left_ms;
    uint32_t reserved;
} ms_order;
int ms_names_open(const ms_options *options, ms_names **names);
int ms_names_state(ms_names *names, const char **text);
void ms_names_close(ms_names *names, uint32_t wait_ms);
int ms_claim_open(ms_names *names, const ms_request *request, ms_claim **claim);
int ms_claim_poll(ms_claim *claim, ms_holder *holder);
int ms_claim_state(ms_claim *claim, const char **text);
int ms_claim_update(ms_claim *claim, const void *value, size_t length);
void ms_claim_close(ms_claim *claim);
int ms_resolve_open(ms_names *names, const ms_request *request, ms_resolve **resolve);
int ms_resolve_poll(ms_resolve *resolve, ms_holder *holder);
int ms_resolve_state(ms_resolve *resolve, const char **text);
void ms_resolve_close(ms_resolve *resolve);
int ms_watch_open(ms_names *names, const ms_request *request, ms_watch **watch);
int ms_watch_poll(ms_watch *watch);
int ms_watch_count(ms_watch *watch);
void ms_watch_rewind(ms_watch *watch);
int ms_watch_next(ms_watch *watch, ms_holder *holder);
int ms_watch_next_change(ms_watch *watch, ms_holder *holder);
int ms_watch_state(ms_watch *watch, const char **text);
void ms_watch_close(ms_watch *watch);
int ms_offer_open(ms_names *names, const ms_request *request, ms_offer **offer);
int ms_offer_poll(ms_offer *offer, ms_order *order);
int ms_offer_claim(ms_offer *offer, uint64_t order, const ms_request *request, ms_claim **claim);
int ms_offer_refuse(ms_offer *offer, uint64_t order, const char *why);
int ms_offer_drain(ms_offer *offer);
int ms_offer_state(ms_offer *offer, const char **text);
void ms_offer_close(ms_offer *offer);
