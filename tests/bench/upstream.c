/* A provider for benchmarks: one epoll loop that answers every request at once, as cheaply as possible.
 *
 * usage: upstream PORT
 * A body with "stream":true (or "stream": true) gets 100 pieces of a stream; any other one whole response. So does a
 * request to /v1/responses, which LiteLLM sends for a client's /v1/messages.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 65536
#define ROOM 65536
#define PIECES 100

static struct { char *text; size_t used; } clients[MOST];
static char whole[2048], responses[2048], stream[65536];

static void prepare_whole(char *reply, const char *body) {
    sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
}

static void prepare(void) {
    prepare_whole(whole, "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"hello\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}");
    prepare_whole(responses, "{\"id\":\"r\",\"object\":\"response\",\"created_at\":1,\"status\":\"completed\",\"model\":\"m\","
        "\"output\":[{\"type\":\"message\",\"id\":\"o\",\"role\":\"assistant\",\"status\":\"completed\","
        "\"content\":[{\"type\":\"output_text\",\"text\":\"hello\",\"annotations\":[]}]}],"
        "\"parallel_tool_calls\":false,\"tool_choice\":\"auto\",\"tools\":[],"
        "\"usage\":{\"input_tokens\":1,\"output_tokens\":1,\"total_tokens\":2}}");
    char *at = stream + sprintf(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int n = 0; n <= PIECES + 1; n++) {
        char piece[512];
        if (n == PIECES + 1) strcpy(piece, "data: [DONE]\n\n");
        else sprintf(piece, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
            "\"delta\":{%s},\"finish_reason\":%s}]}\n\n", n == PIECES ? "" : "\"content\":\"word \"", n == PIECES ? "\"stop\"" : "null");
        at += sprintf(at, "%zx\r\n%s\r\n", strlen(piece), piece);
    }
    strcpy(at, "0\r\n\r\n");
}

static void end(int fd) { free(clients[fd].text); clients[fd].text = NULL; clients[fd].used = 0; close(fd); }

/* Answer the requests that are complete; return -1 if the client is gone. */
static int answer(int fd) {
    for (;;) {
        char *text = clients[fd].text, *head = strstr(text, "\r\n\r\n");
        if (!head) return 0;
        size_t length = 0, before = head + 4 - text;
        char *found = strcasestr(text, "content-length:");
        if (found && found < head) length = strtoul(found + 15, NULL, 10);
        if (clients[fd].used < before + length) return 0;
        char *mark = strstr(head, "\"stream\":");
        int streams = mark && strncmp(mark + 9 + (mark[9] == ' '), "true", 4) == 0;
        const char *reply = strncmp(text, "POST /v1/responses", 18) == 0 ? responses : streams ? stream : whole;
        if (send(fd, reply, strlen(reply), MSG_NOSIGNAL) < 0) return -1;
        clients[fd].used -= before + length;
        memmove(text, head + 4 + length, clients[fd].used + 1);
    }
}

int main(int count, char **given) {
    if (count != 2) return 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    prepare();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1, loop = epoll_create1(0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(given[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (void *)&at, sizeof at) || listen(listener, 4096)) { perror("upstream"); return 1; }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int found = epoll_wait(loop, ready, 256, -1);
        for (int n = 0; n < found; n++) {
            int fd = ready[n].data.fd;
            if (fd == listener) {
                int client = accept4(listener, NULL, NULL, 0);
                if (client < 0) continue;
                if (client >= MOST) { close(client); continue; }
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                clients[client].text = malloc(ROOM + 1); clients[client].used = 0;
                event.data.fd = client; epoll_ctl(loop, EPOLL_CTL_ADD, client, &event);
                continue;
            }
            ssize_t got = recv(fd, clients[fd].text + clients[fd].used, ROOM - clients[fd].used, MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) continue;
            if (got <= 0) { end(fd); continue; }
            clients[fd].used += got; clients[fd].text[clients[fd].used] = 0;
            if (answer(fd) < 0) end(fd);
        }
    }
}
