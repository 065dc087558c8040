// Driver of hiredis's asynchronous API (docs/client-drivers.md), with an event loop of its own:
//   cc drivers/hiredis_async.c -o hiredis-async-driver -lhiredis
// A context that hiredis has disconnected is gone: the next command makes a new one. Subscriptions
// have a context of their own.
#include <signal.h>
#include <stdint.h>

#include "hiredis_loop.h"
#include "hiredis_push.h"

static Client client = {.tells = true};
static Client subscriber;
static long port;
static bool push;
static int pending;
static long subscribing;  // the subscription that is not confirmed yet; 0: none

static void OnReply(redisAsyncContext* c, void* reply, void* data) {
  const long id = (long)(intptr_t)data;
  --pending;
  if (reply != NULL) {
    TellReply(id, reply);
  } else {
    TellFailure(c, id);
  }
}

// Of a subscription: its confirmation, its messages, and NULL at the end.
static void OnMessage(redisAsyncContext* c, void* reply, void* data) {
  const long id = (long)(intptr_t)data;
  const redisReply* message = reply;
  if (id == subscribing) {
    subscribing = 0;
    OnReply(c, reply, data);
  } else if (message != NULL && message->elements == 3) {
    printf("{\"id\":%ld,\"message\":", id);
    PutReply(message->element[2]);
    printf("}\n");
  }
}

// Lets hiredis act on what poll() says, until no command is pending or a line can be read.
static void Serve(bool until_line) {
  while (until_line || pending > 0) {
    struct pollfd fds[] = {
        Watched(&client), Watched(&subscriber), {until_line ? 0 : -1, POLLIN, 0}};
    fflush(stdout);
    poll(fds, 3, -1);
    Act(&client, fds[0].revents);
    Act(&subscriber, fds[1].revents);
    if (fds[2].revents != 0) return;
  }
}

static void Send(Client* to, redisCallbackFn* callback, Command* command) {
  if (to->context == NULL) {
    redisAsyncContext* made = redisAsyncConnect("127.0.0.1", (int)port);
    if (made->err != 0) {
      TellError(command->id, made->errstr, strlen(made->errstr), "closed");
      return redisAsyncFree(made);
    }
    Attach(to, made);
    if (push && to == &client) TakePushesAsync(made);
  }
  ++pending;
  if (to == &subscriber) subscribing = command->id;
  if (redisAsyncCommandArgv(to->context, callback, (void*)(intptr_t)command->id, command->count,
                            command->words, command->sizes) != REDIS_OK) {
    --pending;
    subscribing = 0;
    TellError(command->id, "redisAsyncCommandArgv: REDIS_ERR", 32, "other");
  }
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);  // as in hiredis.c
  printf("{\"driver\":1,\"client\":\"hiredis async %d.%d.%d\",", HIREDIS_MAJOR, HIREDIS_MINOR,
         HIREDIS_PATCH);
  printf("\"can\":[\"async\",\"pipeline\",\"subscribe\"%s]}\n", kCanPush);
  char* line = NULL;
  size_t size = 0;
  for (Serve(true); getline(&line, &size, stdin) > 0; Serve(true)) {
    const bool subscribes = Has(line, "\"do\":\"subscribe\"");
    Command command;
    for (const char* at = line; (at = NextCommand(at, &command)) != NULL;) {
      Send(subscribes ? &subscriber : &client, subscribes ? OnMessage : OnReply, &command);
    }
    if (!Has(line, "\"wait\":false") && !Has(line, "\"do\":\"tick\"")) Serve(false);
    const bool opens = Has(line, "\"do\":\"open\"");
    if (opens) port = Number(line, "\"port\":");
    if (opens) push = Has(line, "\"push\":true");
    if (opens || Has(line, "\"do\":\"close\"")) {
      Drop(&client);
      Drop(&subscriber);
    }
    printf("{\"ready\":true}\n");
  }
  free(line);
}
