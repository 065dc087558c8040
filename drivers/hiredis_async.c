// Driver of hiredis's asynchronous API (docs/client-drivers.md), with an event loop of its own:
//   cc drivers/hiredis_async.c -o hiredis-async-driver -lhiredis
// A context that hiredis has disconnected is gone: the next command makes a new one.
#include <hiredis/async.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>

#include "hiredis_lines.h"

static redisAsyncContext* client;
static long port;
static int pending;
static bool wants_read;
static bool wants_write;

static void AddRead(void* unused) { wants_read = true; }
static void DelRead(void* unused) { wants_read = false; }
static void AddWrite(void* unused) { wants_write = true; }
static void DelWrite(void* unused) { wants_write = false; }
static void Cleanup(void* unused) {
  wants_read = wants_write = false;
  client = NULL;
}

static void OnReply(redisAsyncContext* c, void* reply, void* data) {
  const long id = (long)(intptr_t)data;
  --pending;
  if (reply != NULL) {
    TellReply(id, reply);
  } else {
    const char* kind = c->err == 0                    ? "cancelled"
                       : c->err == REDIS_ERR_PROTOCOL ? "protocol"
                       : c->err == REDIS_ERR_OTHER    ? "other"
                                                      : "closed";
    const char* text = c->errstr != NULL ? c->errstr : "";
    TellError(id, text, strlen(text), kind);
  }
}

// Lets hiredis act on what poll() says, until no command is pending or a line can be read.
static void Serve(bool until_line) {
  while (until_line || pending > 0) {
    struct pollfd fds[2] = {{until_line ? 0 : -1, POLLIN, 0}, {-1, 0, 0}};
    if (client != NULL) {
      fds[1].fd = client->c.fd;
      fds[1].events = (short)((wants_read ? POLLIN : 0) | (wants_write ? POLLOUT : 0));
    }
    fflush(stdout);
    poll(fds, 2, -1);
    const short events = fds[1].revents;
    if (client != NULL && wants_read && (events & ~POLLOUT)) redisAsyncHandleRead(client);
    if (client != NULL && wants_write && (events & ~POLLIN)) redisAsyncHandleWrite(client);
    if (fds[0].revents != 0) return;
  }
}

static void Send(Command* command) {
  if (client == NULL) {
    redisAsyncContext* made = redisAsyncConnect("127.0.0.1", (int)port);
    if (made->err != 0) {
      TellError(command->id, made->errstr, strlen(made->errstr), "closed");
      redisAsyncFree(made);
      return;
    }
    client = made;
    client->ev.addRead = AddRead;
    client->ev.delRead = DelRead;
    client->ev.addWrite = AddWrite;
    client->ev.delWrite = DelWrite;
    client->ev.cleanup = Cleanup;
  }
  ++pending;
  if (redisAsyncCommandArgv(client, OnReply, (void*)(intptr_t)command->id, command->count,
                            command->words, command->sizes) != REDIS_OK) {
    --pending;
    TellError(command->id, "redisAsyncCommandArgv: REDIS_ERR", 32, "other");
  }
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);  // as in hiredis.c
  printf("{\"driver\":1,\"client\":\"hiredis async %d.%d.%d\",\"can\":[\"async\",\"pipeline\"]}\n",
         HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
  char* line = NULL;
  size_t size = 0;
  for (Serve(true); getline(&line, &size, stdin) > 0; Serve(true)) {
    Command command;
    for (const char* at = line; (at = NextCommand(at, &command)) != NULL;) Send(&command);
    if (!Has(line, "\"wait\":false")) Serve(false);
    if (Has(line, "\"do\":\"open\"")) port = Number(line, "\"port\":");
    if (client != NULL && (Has(line, "\"do\":\"open\"") || Has(line, "\"do\":\"close\""))) {
      redisAsyncFree(client);
    }
    printf("{\"ready\":true}\n");
  }
  free(line);
}
